"""Inner n-grams: the pieces of a word, so that a word never met still says something.

Bojanowski et al., Enriching word vectors with subword information, 2017.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

SHORTEST, LONGEST = 3, 5  # letters of a piece, the blanks around the word counted
LETTER_BITS = 12  # of a letter's place in the alphabet; five of them fit in 60 bits
MOST_LETTERS = (1 << LETTER_BITS) - 1
_MOST_OF_A_WORD = 40  # letters beyond which a token is no word that can be learned from


def spelled(words: pl.Series) -> NDArray[np.bool_]:
    """Which tokens are words with pieces of their own. words: (words,) strings."""
    long = words.str.len_chars().is_between(SHORTEST, _MOST_OF_A_WORD)
    return (long & words.str.contains(r"^[\p{L}\p{N}]")).to_numpy()


def alphabet_of(words: pl.Series) -> NDArray[np.uint32]:
    """The code points of these words, ascending: those in most words if too many; a blank, too."""
    letters, counts = np.unique(_letters(words)[0], return_counts=True)
    first = np.argsort(-counts, kind="stable")[:MOST_LETTERS]
    return np.asarray(np.sort(letters[first]))


def pieces(
    words: pl.Series, alphabet: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pieces of all words: the word's place and the piece as a number, both (pieces,).

    A piece's number is its letters' places in the alphabet, 1 …, each in LETTER_BITS. Left out
    are pieces with a letter outside the alphabet, and whole words.
    """
    letters, lengths = _letters(words)
    if not len(letters):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    place = np.searchsorted(alphabet, letters)
    place[place == len(alphabet)] = 0
    code = np.where(alphabet[place] == letters, place + 1, 0).astype(np.int64)
    owner = np.repeat(np.arange(len(words)), lengths)
    left = np.cumsum(lengths)[owner] - np.arange(len(letters))  # letters from here to the end
    key, good = np.zeros(len(letters), np.int64), np.ones(len(letters), np.bool_)
    found = []
    for size in range(1, LONGEST + 1):
        ahead = np.zeros(len(letters), np.int64)
        ahead[: len(code) - size + 1] = code[size - 1 :]
        key, good = key << LETTER_BITS | ahead, good & (ahead > 0) & (left >= size)
        if size >= SHORTEST:
            part = good & (lengths[owner] > size)
            found.append((owner[part], key[part]))
    owners, keys = (np.concatenate(part) for part in zip(*found, strict=True))
    return owners, keys


def piece_text(key: int, alphabet: NDArray[np.uint32]) -> str:
    """A piece as it is spelled: ``un…``, ``…believ…``, ``…able``."""
    letters = []
    while key:
        letters.append(chr(int(alphabet[(key & MOST_LETTERS) - 1])))
        key >>= LETTER_BITS
    text = "".join(reversed(letters))
    return ("" if text[0] == " " else "…") + text.strip(" ") + ("" if text[-1] == " " else "…")


def _letters(words: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The code points of all words, each between blanks, and how many each word has."""
    text = "".join(f" {word} " for word in words.to_list())
    lengths = words.str.len_chars().to_numpy().astype(np.int64) + 2
    return np.frombuffer(text.encode("utf-32-le"), np.uint32), lengths
