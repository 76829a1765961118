"""Texts: weighted features of words, sequences of words and pieces of words.

A weight is tf-idf with a damped term frequency (Salton and Buckley, Term-weighting approaches in
automatic text retrieval, 1988), of length 1 for the words and sequences of a text and again for
its pieces of words.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deeplode.data.column import Column
from deeplode.data.parse import BLANKS
from deeplode.encode.bag import ID_BITS, MOST_ID, pack
from deeplode.encode.category import as_texts
from deeplode.encode.column import FILLED_IN, OUT_OF_RANGE, ColumnEncoder, Piece
from deeplode.encode.tokens import MOST_CHARACTERS
from deeplode.encode.vocabulary import BLOCK, Ints, Vocabulary, learn

LONGEST = 1_024  # features kept of a text
COVERED = 0.99  # of the training texts are kept whole, within LONGEST and MOST_CELLS
MOST_CELLS, SHORTEST = 100_000_000, 64  # features of all training rows; of a text whatever comes
MOST_TAGS, TAGGED = 16, 20  # hashtags and mentions that are told apart; training rows of each
_DAMPED = 1 + np.log(np.arange(1, 4_097))  # of how often a feature is in a text, from 1 on

# What the simple models learn of a text beside its features: counts of what a pattern finds.
_COUNTED = {
    "words": r"\S+",
    "capitals": r"\p{Lu}",
    "digits": r"\p{N}",
    "exclamation marks": "[!！]",
    "question marks": "[?？]",
}


@dataclass(frozen=True, eq=False)
class TextEncoder(ColumnEncoder):
    """One column of texts.

    rows_with: (features + 1,) training rows that have each feature; at 0 all training rows.
    length: features kept of a text, those with the lowest numbers: of words first.
    """

    name: str
    vocabulary: Vocabulary
    rows_with: Ints
    length: int

    media = "text"

    def __post_init__(self) -> None:
        counts = self.rows_with
        if counts.shape != (self.vocabulary.size + 1,) or not 1 <= self.length <= LONGEST:
            raise ValueError("a text encoder of sizes that do not fit")
        if counts.min() < 0 or counts.max() > counts[0] or counts[0] > 1 << 40:
            raise ValueError("features in more rows than there are")

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> TextEncoder:
        """Learn the features of the training rows, and how rare each is."""
        texts = as_texts(series)
        vocabulary = learn(texts.drop_nulls())
        rows_with, sizes = np.zeros(vocabulary.size + 1, np.int64), [np.ones(1, np.int64)]
        for first in range(0, len(texts), BLOCK):
            rows, features, _ = distinct(*vocabulary.features(texts.slice(first, BLOCK)))
            rows_with += np.bincount(features, minlength=len(rows_with))
            sizes.append(np.bincount(rows))
        rows_with[0] = len(texts)
        most = min(LONGEST, max(SHORTEST, MOST_CELLS // max(1, len(texts))))
        length = int(np.ceil(np.quantile(np.concatenate(sizes), COVERED)))
        return cls(column.name, vocabulary, rows_with, max(1, min(most, length)))

    @cached_property
    def tags(self) -> Ints:
        """Features that are hashtags and mentions, the most frequent first."""
        words = self.vocabulary.words
        found = [at for at, word in enumerate(words, 1) if word[0] in "#@" and len(word) > 1]
        often = [at for at in found if self.rows_with[at] >= TAGGED]
        return np.array(often[:MOST_TAGS], np.int64)

    @property
    def described_names(self) -> tuple[str, ...]:
        """Counts, then whether each of the tags is there."""
        return ("characters", *_COUNTED, *(self.vocabulary.spelling(at) for at in self.tags))

    @property
    def features(self) -> int:
        """The highest number of a feature."""
        return self.vocabulary.size

    def sizes_of_media(self) -> tuple[int, ...]:
        """(length,) of a cell."""
        return (self.length,)

    def encode(self, *series: pl.Series) -> Piece:
        """Weighted features of each text, as ``bag`` has them; empty and cut texts are flagged."""
        texts = as_texts(series[0])
        cells = np.zeros((len(texts), self.length), np.int32)
        tagged = np.zeros((len(texts), len(self.tags)), np.float32)
        for first in range(0, len(texts), BLOCK):
            part = slice(first, first + BLOCK)
            self._fill(cells[part], tagged[part], texts[part])
        empty = (texts.str.strip_chars(BLANKS) == "").fill_null(True).to_numpy()
        cut = (texts.str.len_chars() > MOST_CHARACTERS).fill_null(False).to_numpy()
        flags = (FILLED_IN * empty + OUT_OF_RANGE * cut).astype(np.uint8)
        return Piece(
            flags=flags if flags.any() else None,
            media=torch.from_numpy(cells),
            described=described(texts, tagged, empty),
        )

    def _fill(
        self, cells: NDArray[np.int32], tagged: NDArray[np.float32], texts: pl.Series
    ) -> None:
        """Write the features of some texts over zeros. cells: (texts, length); tagged: (texts,
        tags)."""
        rows, features, times = distinct(*self.vocabulary.features(texts))
        tagged[:] = _among(rows, features, self.tags, len(texts))
        weights = _DAMPED[np.minimum(times, len(_DAMPED)) - 1] * self._rarity[features]
        group = 2 * rows + (features >= self.vocabulary.first_piece)
        weights /= np.sqrt(np.bincount(group, weights * weights))[group]
        counts = np.bincount(rows, minlength=len(texts))
        place = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
        kept = place < self.length
        cells[rows[kept], place[kept]] = pack(features[kept], weights[kept])

    @cached_property
    def _rarity(self) -> NDArray[np.float64]:
        """(features + 1,) the smoothed logarithm of how few rows have a feature."""
        return np.asarray(np.log((1 + self.rows_with[0]) / (1 + self.rows_with)) + 1)

    def probe_cells(self, series: pl.Series) -> pl.Series:
        """The cells as far as they are read, and one sign more where they are longer."""
        return as_texts(series).str.head(MOST_CHARACTERS + 1)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        known = self.vocabulary
        return {
            "name": self.name,
            "words": list(known.words),
            "sequences": written_numbers(known.sequences),
            "alphabet": "".join(chr(letter) for letter in known.alphabet.tolist()),
            "pieces": written_numbers(known.pieces),
            "rows_with": written_numbers(self.rows_with),
            "length": self.length,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> TextEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        name, words, alphabet = facts["name"], facts["words"], facts["alphabet"]
        texts = [name, alphabet, *words] if isinstance(words, list) else [words]
        if not all(isinstance(text, str) for text in texts) or type(facts["length"]) is not int:
            raise TypeError("texts and a length are wanted")
        letters = np.array([ord(letter) for letter in alphabet], np.uint32)
        sequences, pieces, rows_with = (
            read_numbers(facts[part]) for part in ("sequences", "pieces", "rows_with")
        )
        vocabulary = Vocabulary(tuple(words), sequences, letters, pieces)
        return cls(name, vocabulary, rows_with, facts["length"])


def distinct(rows: Ints, features: Ints) -> tuple[Ints, Ints, Ints]:
    """Each different feature of each row, by row and number: row, feature and how often, (n,)."""
    key = np.sort(rows << ID_BITS | features)
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return key[first] >> ID_BITS, key[first] & MOST_ID, np.diff(first, append=len(key))


def _among(rows: Ints, features: Ints, wanted: Ints, count: int) -> NDArray[np.bool_]:
    """(count, wanted) whether a row has each of the wanted features. rows, features: (n,)."""
    found = np.zeros((count, len(wanted)), np.bool_)
    for column, feature in enumerate(wanted):
        found[rows[features == feature], column] = True
    return found


def described(
    texts: pl.Series, tagged: NDArray[np.float32], empty: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(texts, described names) counts, then tags; NaN where ``empty``, (texts,), says so."""
    short = texts.str.slice(0, MOST_CHARACTERS)
    columns = [short.str.len_chars(), *(short.str.count_matches(one) for one in _COUNTED.values())]
    counts = np.stack([column.fill_null(0).to_numpy() for column in columns], axis=1)
    found = np.concatenate([counts, tagged], axis=1)
    return np.where(empty[:, None], np.nan, found).astype(np.float32)


def written_numbers(numbers: Ints) -> str:
    """Whole numbers as base64 of little-endian 64-bit integers."""
    return base64.b64encode(numbers.astype("<i8").tobytes()).decode("ascii")


def read_numbers(text: Any) -> Ints:
    """The inverse of ``_written``. Raises TypeError or ValueError."""
    if not isinstance(text, str):
        raise TypeError("numbers are written as a text")
    return np.frombuffer(base64.b64decode(text, validate=True), "<i8").astype(np.int64)
