"""Words: which of them speak for each answer, and what each token of one text adds to its score."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from deeplode.encode.bag import unpack
from deeplode.encode.text import TextEncoder
from deeplode.encode.tokens import spans, tokens
from deeplode.encode.vocabulary import Vocabulary

TOP = 15  # words of a class
PRIOR = 10.0  # rows' worth of words as they are in all texts, that each side is thought to have
FEWEST = 5  # rows with a word below which nothing is said of it
MISS = 0.05  # chance that any of the intervals misses

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Spelled(Protocol):
    """What the features of cells are called, as ``Vocabulary`` has it."""

    @property
    def first_piece(self) -> int:
        """Features below this number are words."""

    def spelling(self, feature: int) -> str:
        """A feature as people read it."""


def words_of_classes(
    cells: Tensor, vocabulary: Spelled, label: Ints, classes: int, top: int = TOP
) -> list[dict[str, Any]]:
    """Words and sequences that are in more texts of one class than of the others.

    cells: encoded training rows. label: (rows,) 0 … classes - 1. Returns, for each class by
    falling z-score, ``class``, ``word``, ``weight`` (the logarithm of the odds ratio, shrunk to 0
    by a prior), ``low`` and ``high`` and ``rows`` (of the class, with the word). The intervals of
    all words hold together in 95 of 100 tables (Bonferroni); words whose own has 0 are left out.
    Monroe, Colaresi and Quinn, Fightin' words, 2008, on rows instead of tokens.
    """
    row, feature = _present(cells, vocabulary)
    size = vocabulary.first_piece
    own = np.bincount(label[row] * size + feature, minlength=classes * size)
    counts = own.reshape(classes, size).astype(np.float64)
    rows = np.bincount(label, minlength=classes).astype(np.float64)
    said = np.flatnonzero(counts.sum(0) >= FEWEST)
    reach = _reach(len(said) * classes)
    found = []
    for one in range(classes):
        weight, spread = _log_odds(counts[one, said], rows[one], counts[:, said].sum(0), rows.sum())
        for place in _first(weight / spread, weight - reach * spread > 0, top):
            facts = _facts(weight[place], reach * spread[place], int(counts[one, said[place]]))
            found.append({"class": one, "word": vocabulary.spelling(int(said[place])), **facts})
    return found


def words_of_values(
    cells: Tensor, vocabulary: Vocabulary, value: Floats, top: int = TOP
) -> list[dict[str, Any]]:
    """Words and sequences whose texts have higher values, then those with lower ones.

    value: (rows,) of the target. As ``words_of_classes``; ``class`` is ``higher`` or ``lower``,
    ``weight`` is the mean of the texts with the word less the mean of the others, in the target's
    unit, and the intervals take the spread of the values to be the same with every word.
    """
    row, feature = _present(cells, vocabulary)
    counts = np.bincount(feature, minlength=vocabulary.first_piece).astype(np.float64)
    said = np.flatnonzero((counts >= FEWEST) & (counts <= len(value) - FEWEST))
    mean, deviation = float(value.mean()), float(value.std()) or 1.0
    sums = np.bincount(feature, (value - mean)[row], minlength=len(counts))[said]
    few, rest = counts[said], len(value) - counts[said]
    weight = sums / few + sums / rest
    spread = deviation * np.sqrt(1 / few + 1 / rest)
    reach = _reach(len(said))
    found = []
    for name, sign in (("higher", 1), ("lower", -1)):
        z = sign * weight / spread
        for place in _first(z, z > reach, top):
            facts = _facts(weight[place], reach * spread[place], int(few[place]))
            found.append({"class": name, "word": vocabulary.spelling(int(said[place])), **facts})
    return found


def highlight(
    encoder: TextEncoder, text: str, coefficients: NDArray[np.floating[Any]]
) -> list[dict[str, Any]]:
    """What each token of a text adds to the score of a linear model.

    coefficients: (features + 1,) of one output, by the features' numbers. Returns, token by token,
    ``begin`` and ``end`` in characters of the text, ``text`` between them and ``adds``; a
    sequence's part is shared by its tokens, a feature's by the places where it is. They add up
    to the texts' part of the score.
    """
    rows, found = tokens(pl.Series([text], dtype=pl.String))
    places, features = encoder.vocabulary.placed(rows, found)
    media = encoder.encode(pl.Series([text], dtype=pl.String)).media
    assert media is not None
    ids, weights = (part[0].numpy() for part in unpack(media))
    part = np.zeros(encoder.features + 1)
    part[ids] = coefficients[ids] * weights.astype(np.float64)
    part[0] = 0.0
    times = np.bincount(features, minlength=len(part))
    spanned = encoder.vocabulary.tokens_of(features)
    each = part[features] / times[features] / spanned
    adds = np.zeros(len(found) + 2)
    for ahead in range(3):
        reached = spanned > ahead
        np.add.at(adds, places[reached] + ahead, each[reached])
    return [
        {"begin": begin, "end": end, "text": text[begin:end], "adds": float(one)}
        for (begin, end), one in zip(spans(text), adds[: len(found)], strict=True)
    ]


def _present(cells: Tensor, vocabulary: Spelled) -> tuple[Ints, Ints]:
    """Row and number of every word and sequence that is in a text, both (n,)."""
    ids = unpack(cells)[0].numpy()
    row, place = np.nonzero((ids > 0) & (ids < vocabulary.first_piece))
    return row, ids[row, place].astype(np.int64)


def _log_odds(
    with_word: Floats, rows: float, with_all: Floats, all_rows: float
) -> tuple[Floats, Floats]:
    """Log odds ratio of each word in some rows against the others, and its standard error."""
    prior = PRIOR * (with_all + 1) / (all_rows + 2)  # never 0, never all
    odds = []
    errors = []
    for count, size in ((with_word, rows), (with_all - with_word, all_rows - rows)):
        yes, no = count + prior, size - count + PRIOR - prior
        odds.append(np.log(yes / no))
        errors.append(1 / yes + 1 / no)
    return odds[0] - odds[1], np.sqrt(errors[0] + errors[1])


def _reach(intervals: int) -> float:
    """Standard errors to each side, so that all of the intervals hold together."""
    return float(-special.ndtri(MISS / 2 / max(1, intervals)))


def _first(z: Floats, sure: NDArray[np.bool_], top: int) -> Ints:
    """Places of the highest z-scores among the sure ones."""
    order = np.argsort(-z, kind="stable")
    return np.asarray(order[sure[order]][:top])


def _facts(weight: float, reach: float, rows: int) -> dict[str, Any]:
    weight, reach = float(weight), float(reach)
    return {"weight": weight, "low": weight - reach, "high": weight + reach, "rows": rows}
