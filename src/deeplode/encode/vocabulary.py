"""Vocabulary: the features of texts that training showed often enough, each with a number.

Features are words, sequences of two words (three where a script sets no spaces) and, in short
texts, inner n-grams of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.encode.inner import LETTER_BITS, LONGEST, alphabet_of, piece_text, pieces, spelled
from deeplode.encode.tokens import stands_alone, tokens

Ints = NDArray[np.int64]

FEWEST_ROWS = 2  # training rows in which a feature must be
MOST_WORDS, MOST_SEQUENCES, MOST_PIECES = 60_000, 80_000, 40_000  # the most frequent ones
MOST_BYTES = 50_000_000  # of text from which the features are chosen; of more, evenly spread rows
LONG = 100  # tokens of the mean text from which on inner n-grams would be too many
LEAST_SPELLED = 0.3  # share of tokens that are words of three letters or more; below, none either
BLOCK = 4_096  # texts taken apart at a time
WORD_BITS = 20  # of a word's number in the number of a sequence


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Numbers of features: words have 1 …, then come sequences, then pieces.

    words: most frequent first. sequences: ascending numbers made of word numbers.
    alphabet: ascending code points. pieces: ascending numbers made of places in it.

    Raises ValueError where it could not have been learned.
    """

    words: tuple[str, ...]
    sequences: Ints
    alphabet: NDArray[np.uint32]
    pieces: Ints

    def __post_init__(self) -> None:
        limits = (
            (len(self.words), MOST_WORDS),
            (len(self.sequences), MOST_SEQUENCES),
            (len(self.pieces), MOST_PIECES),
            (len(self.alphabet), 1 << LETTER_BITS),
        )
        if any(count > most for count, most in limits) or len(set(self.words)) < len(self.words):
            raise ValueError("a vocabulary of too many features, or of equal words")
        parts = (
            *((self.sequences >> shift * WORD_BITS, len(self.words)) for shift in range(3)),
            *((self.pieces >> shift * LETTER_BITS, len(self.alphabet)) for shift in range(LONGEST)),
        )
        bits = (WORD_BITS,) * 3 + (LETTER_BITS,) * LONGEST
        inside = all(
            bool(((part & ((1 << size) - 1)) <= most).all())
            for (part, most), size in zip(parts, bits, strict=True)
        )
        ascending = (self.sequences, self.pieces, self.alphabet.astype(np.int64))
        if not inside or any((np.diff(one, prepend=0) <= 0).any() for one in ascending):
            raise ValueError("a vocabulary whose features cannot be")

    @property
    def size(self) -> int:
        """The number of features, which is also the highest number."""
        return len(self.words) + len(self.sequences) + len(self.pieces)

    @property
    def first_piece(self) -> int:
        """The lowest number of a piece."""
        return 1 + len(self.words) + len(self.sequences)

    def spelling(self, feature: int) -> str:
        """A feature as people read it: ``word``, ``two words``, ``…iec…``."""
        if feature <= len(self.words):
            return self.words[feature - 1]
        if feature >= self.first_piece:
            return piece_text(int(self.pieces[feature - self.first_piece]), self.alphabet)
        key = int(self.sequences[feature - len(self.words) - 1])
        found = [key >> shift * WORD_BITS & ((1 << WORD_BITS) - 1) for shift in (2, 1, 0)]
        words = [self.words[word - 1] for word in found if word]
        alone = bool(stands_alone(pl.Series(words)).all())
        return ("" if alone else " ").join(words)

    def features(self, texts: pl.Series) -> tuple[Ints, Ints]:
        """Row and number of every feature in the texts, as often as it is there, both (n,)."""
        rows, found = tokens(texts)
        places, features = self.placed(rows, found)
        return rows[places], features

    def placed(self, rows: Ints, found: pl.Series) -> tuple[Ints, Ints]:
        """Place of the first token and number of every feature, as often as it is there, (n,).

        rows, found: as ``tokens`` gives them.
        """
        words = self.number(found)
        places, keys = sequences(rows, words, self._alone)
        numbers, known = _look_up(self.sequences, keys)
        firsts = [np.flatnonzero(words), places[known]]
        features = [words[words > 0], numbers[known] + len(self.words)]
        if len(self.pieces):
            owners, parts = self._pieces_of(found)
            firsts.append(owners)
            features.append(parts + self.first_piece - 1)
        return np.concatenate(firsts), np.concatenate(features)

    def tokens_of(self, features: Ints) -> Ints:
        """How many tokens each feature spans, (n,); 1 for words and pieces of words."""
        counts = np.ones(self.size + 1, np.int64)
        three = self.sequences >> 2 * WORD_BITS > 0
        counts[1 + len(self.words) : self.first_piece] = 2 + three
        return counts[features]

    def number(self, found: pl.Series) -> Ints:
        """The number of each token, 0 where training had none. found: (tokens,) strings."""
        numbers = found.cast(self._enum, strict=False).to_physical().cast(pl.Int64)
        return (numbers + 1).fill_null(0).to_numpy()

    def _pieces_of(self, found: pl.Series) -> tuple[Ints, Ints]:
        """Place of the token and rank of the piece, 1 …, for all pieces of all tokens, (n,)."""
        different = found.unique(maintain_order=True)
        order = different.cast(pl.Enum(different))
        which = found.cast(order.dtype).to_physical().to_numpy().astype(np.int64)
        words = np.flatnonzero(spelled(different))
        owners, keys = pieces(different.gather(words), self.alphabet)
        ranks, known = _look_up(self.pieces, keys)
        owners, ranks = words[owners[known]], ranks[known]
        by_owner = np.argsort(owners, kind="stable")
        counts = np.bincount(owners, minlength=len(different))
        begin = np.cumsum(counts) - counts
        return _spread(which, begin, counts, ranks[by_owner])

    @cached_property
    def _enum(self) -> pl.Enum:
        return pl.Enum(self.words)

    @cached_property
    def _alone(self) -> NDArray[np.bool_]:
        """(words + 1,) whether a word number is of a character that stands alone."""
        alone = stands_alone(pl.Series(self.words, dtype=pl.String))
        return np.concatenate([[False], alone]).astype(np.bool_)


def learn(texts: pl.Series) -> Vocabulary:
    """The most frequent features of some texts, ties by spelling. texts: strings."""
    size = int(texts.str.len_bytes().sum())
    texts = texts.gather_every(max(1, -(-size // MOST_BYTES)))
    blocks = list(_blocks(texts))
    parts = [_word_counts(*tokens(block)) for block in blocks]
    counts = pl.concat(parts).group_by("token").agg(pl.col("rows", "times").sum())
    often = counts.filter(pl.col("rows") >= FEWEST_ROWS)
    often = often.sort("rows", "token", descending=[True, False]).head(MOST_WORDS)
    empty = Vocabulary(tuple(often["token"]), *_nothing())
    found = [_sequence_counts(empty, block) for block in blocks]
    kept = _most_frequent(found, MOST_SEQUENCES)
    _, alphabet, inner = _nothing()
    spelled_words = counts.filter(spelled(counts["token"])).sort("token")
    total = int(counts["times"].sum())
    if LEAST_SPELLED * total < spelled_words["times"].sum() and total < LONG * len(texts):
        alphabet = alphabet_of(spelled_words["token"])
        owners, keys = pieces(spelled_words["token"], alphabet)
        weights = spelled_words["rows"].to_numpy()[owners]
        inner = _most_frequent([(keys, weights)], MOST_PIECES)
    return Vocabulary(empty.words, kept, alphabet, inner)


def sequences(rows: Ints, words: Ints, alone: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Every two known tokens that follow each other, and every three that stand alone.

    rows, words: (tokens,). alone: of each word number. Returns the place of the first token and
    the sequence as a number, both (n,).
    """
    two = (rows[1:] == rows[:-1]) & (words[1:] > 0) & (words[:-1] > 0)
    pairs = words[:-1] << WORD_BITS | words[1:]
    single = alone[words]
    three = two[1:] & two[:-1] & single[2:] & single[1:-1] & single[:-2]
    triples = pairs[:-1] << WORD_BITS | words[2:]
    places = (np.flatnonzero(two), np.flatnonzero(three))
    return np.concatenate(places), np.concatenate([pairs[two], triples[three]])


def _nothing() -> tuple[Ints, NDArray[np.uint32], Ints]:
    return np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.int64)


def _blocks(texts: pl.Series) -> Iterator[pl.Series]:
    return (texts.slice(first, BLOCK) for first in range(0, max(1, len(texts)), BLOCK))


def _word_counts(rows: Ints, found: pl.Series) -> pl.DataFrame:
    """token, rows that have it, times it is there."""
    cells = pl.DataFrame({"row": rows, "token": found})
    different = cells.group_by("row", "token").len("times")
    return different.group_by("token").agg(pl.len().alias("rows"), pl.col("times").sum())


def _sequence_counts(known: Vocabulary, texts: pl.Series) -> tuple[Ints, Ints]:
    """Sequences and rows that have each, both (sequences,)."""
    rows, found = tokens(texts)
    places, keys = sequences(rows, known.number(found), known._alone)
    different, which = np.unique(keys, return_inverse=True)
    pairs = np.unique(rows[places] * max(1, len(different)) + which)
    counts = np.bincount(pairs % max(1, len(different)), minlength=len(different))
    return different, counts


def _most_frequent(parts: list[tuple[Ints, Ints]], most: int) -> Ints:
    """The keys with the highest sums of counts, ascending; none below FEWEST_ROWS."""
    keys = np.concatenate([np.empty(0, np.int64), *(key for key, _ in parts)])
    counts = np.concatenate([np.empty(0, np.int64), *(count for _, count in parts)])
    different, which = np.unique(keys, return_inverse=True)
    totals = np.bincount(which, counts, len(different)) if len(keys) else counts
    different, totals = different[totals >= FEWEST_ROWS], totals[totals >= FEWEST_ROWS]
    first = np.argsort(-totals, kind="stable")[:most]
    return np.asarray(np.sort(different[first]))


def _look_up(known: Ints, keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """The rank of each key among the known ones, 1 …, and whether it is one of them, (keys,)."""
    place = np.searchsorted(known, keys)
    inside = place < len(known)
    inside[inside] = known[place[inside]] == keys[inside]
    return place + 1, inside


def _spread(which: Ints, begin: Ints, counts: Ints, values: Ints) -> tuple[Ints, Ints]:
    """The values of each entry's group, one entry after the other.

    which: (entries,) group. begin, counts: where each group's values lie. Returns the entry and
    the value, both (n,).
    """
    each = counts[which]
    entries = np.repeat(np.arange(len(which)), each)
    inside = np.arange(len(entries)) - np.repeat(np.cumsum(each) - each, each)
    return entries, values[begin[which][entries] + inside]
