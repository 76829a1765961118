"""Traits: what sets a group apart from all other rows, with how surely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.encode.number import NumberEncoder, Scale
from deeplode.encode.text import TextEncoder
from deeplode.evaluate.paired import holm
from deeplode.evaluate.words import words_of_classes
from deeplode.messages import say
from deeplode.tasks.reasons import short

FEWEST = 5  # rows of a group, and outside it, that anything is said of
LEVELS = 30  # most frequent levels of a category that may be a trait
SURE = 0.05  # chance that any trait told of any group is none
EACH = 12  # traits of a group
WORDS = 8  # words of a group
NAMED = 2  # traits that make up its name
SMALL = 0.2  # standard deviations below which a difference is not worth telling (Cohen 1988)
CERTAIN = 0.975


@dataclass(frozen=True)
class Trait:
    """A column in which a group differs from all other rows.

    group: 0 …. form: ``number``, ``level`` or ``word``. value: the level or word. inside, outside:
    median of a number, share of rows with a level; rows with a word, and NaN. effect: of numbers
    the difference of means in standard deviations (Cohen's d), of levels that of their shares'
    angles (Cohen's h), of words the log odds ratio; low, high: its 95 % interval. p: corrected for
    all that was looked at.
    """

    group: int
    column: str
    form: str
    value: str
    inside: float
    outside: float
    effect: float
    low: float
    high: float
    p: float
    rows: int

    def sentence(self) -> str:
        """In words, with figures."""
        code = f"D-TRAIT-{self.form.upper()}"
        scale = 100 if self.form == "level" else 1
        return say(
            code,
            column=self.column,
            value=self.value,
            inside=scale * self.inside,
            outside=scale * self.outside,
        )

    def name(self) -> str:
        """In a few words."""
        if self.form == "number":
            code = "D-NAME-HIGH" if self.effect > 0 else "D-NAME-LOW"
        else:
            code = f"D-NAME-{self.form.upper()}" if self.effect > 0 else "D-NAME-NOT"
        return say(code, column=self.column, value=self.value)

    def as_json(self) -> dict[str, Any]:
        """A finding of result.json."""
        return {
            "text": self.sentence(),
            "rule": {"column": self.column, "form": self.form, "value": self.value},
            "group": self.group + 1,
            "support": self.rows,
            "inside": self.inside,
            "outside": None if self.form == "word" else self.outside,
            "effect": self.effect,
            "low": self.low,
            "high": self.high,
            "p_adjusted": self.p,
        }


def traits(
    table: Table, batch: Batch, encoder: Encoder, labels: NDArray[np.int64], groups: int
) -> list[list[Trait]]:
    """The traits of each group, the largest effect first.

    table, batch: the same rows, which should have formed no group. labels: (rows,), below 0 where
    a row belongs nowhere. Those kept are right with SURE chance of error for all together (Holm).
    """
    found = [
        trait
        for group in range(groups)
        for trait in _of_group(table, batch, encoder, labels == group, group)
    ]
    if not found:
        return [[] for _ in range(groups)]
    adjusted = holm(np.array([one.p for one in found]))
    sure = [
        replace(one, p=float(p))
        for one, p in zip(found, adjusted, strict=True)
        if p <= SURE and abs(one.effect) >= SMALL
    ]
    words = _words(batch, encoder, labels, groups)
    told = []
    for group in range(groups):
        own = _strongest([one for one in sure if one.group == group])[:EACH]
        told.append([*own, *[one for one in words if one.group == group]])
    return told


def names_of(told: list[list[Trait]]) -> list[str]:
    """What the groups are called: each by its strongest traits, those that it shares with others
    counting less, or by its number. told: the traits of each group."""
    shared = Counter(one.name() for own in told for one in own)
    names = []
    for group, own in enumerate(told):
        order = sorted(own, key=lambda one: -abs(one.effect) / shared[one.name()])
        first = [one for one in order if one.form != "word"][:NAMED]
        words = [one for one in order if one.form == "word"][: NAMED + 1 - len(first)]
        parts = [one.name() for one in (*first, *words)]
        named = say("D-NAME-JOIN").join(parts)
        names.append(named if parts else say("D-NAME-NONE", group=group + 1))
    return names


def _strongest(own: list[Trait]) -> list[Trait]:
    """The largest effect of each column, the largest first; of two as large what is there rather
    than what is not."""
    order = sorted(own, key=lambda one: (-round(abs(one.effect), 6), one.effect < 0))
    found: dict[str, Trait] = {}
    for one in order:
        found.setdefault(one.column, one)
    return list(found.values())


def _of_group(
    table: Table, batch: Batch, encoder: Encoder, own: NDArray[np.bool_], group: int
) -> Iterator[Trait]:
    if min(own.sum(), (~own).sum()) < FEWEST:
        return
    for part in encoder.parts:
        name, places = part.columns[0], encoder.places[part.columns[0]]
        if isinstance(part, NumberEncoder):
            cells = batch.numbers[:, places.numbers[0]].double().numpy()
            yield from _number(cells, part.scale, own, group, name)
        elif len(part.category_names) == 1 and not part.media and len(part.columns) == 1:
            yield from _levels(table.frame[name], own, group, name)


def _number(
    values: NDArray[np.float64], scale: Scale, own: NDArray[np.bool_], group: int, name: str
) -> Iterator[Trait]:
    """Welch's test of the means, of values drawn in to their 1st and 99th percentile.

    values: (rows,) scaled, so that no square overflows.
    """
    there = ~np.isnan(values)
    inside, outside = values[there & own], values[there & ~own]
    if min(len(inside), len(outside)) < FEWEST:
        return
    ends = np.quantile(values[there], (0.01, 0.99))
    near, far = np.clip(inside, *ends), np.clip(outside, *ends)
    spread = float(np.sqrt((near.var(ddof=1) + far.var(ddof=1)) / 2))
    if not spread > 0:
        return
    parts = near.var(ddof=1) / len(near), far.var(ddof=1) / len(far)
    error = float(np.sqrt(sum(parts)))
    gap = float(near.mean() - far.mean())
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(near) - 1) + parts[1] ** 2 / (len(far) - 1))
    p = 2 * float(student.sf(abs(gap) / error, freedom))
    reach = float(student.ppf(CERTAIN, freedom)) * error / spread
    effect, low, high = gap / spread, gap / spread - reach, gap / spread + reach
    middles = (float(np.median(side)) for side in (inside, outside))
    unit = spread * scale.width
    own_middle, other = (_tidy(one * scale.width + scale.center, unit) for one in middles)
    count = len(inside)
    yield Trait(group, name, "number", "", own_middle, other, effect, low, high, p, count)


def _levels(cells: pl.Series, own: NDArray[np.bool_], group: int, name: str) -> Iterator[Trait]:
    """The test of two shares on the scale of their angles, for every frequent level."""
    texts = cells.cast(pl.String, strict=False).str.strip_chars()
    often = texts.value_counts(sort=True).drop_nulls().head(LEVELS)
    inside, outside = int(own.sum()), int((~own).sum())
    error = float(np.sqrt(1 / inside + 1 / outside))
    for level in often[cells.name].to_list():
        has = (texts == level).fill_null(False).to_numpy()
        shares = float(has[own].mean()), float(has[~own].mean())
        effect = 2 * float(np.arcsin(np.sqrt(shares[0])) - np.arcsin(np.sqrt(shares[1])))
        p = 2 * float(norm.sf(abs(effect) / error))
        reach = float(norm.ppf(CERTAIN)) * error
        ends = effect, effect - reach, effect + reach
        yield Trait(group, name, "level", short(level), *shares, *ends, p, int(has[own].sum()))


def _words(batch: Batch, encoder: Encoder, labels: NDArray[np.int64], groups: int) -> list[Trait]:
    """Words of texts, whose intervals hold together (Bonferroni)."""
    found = []
    inside = labels >= 0
    for part, media in zip(encoder.media, batch.media, strict=True):
        if not isinstance(part, TextEncoder) or not inside.any():
            continue
        cells = media.cells[inside]
        for one in words_of_classes(cells, part.vocabulary, labels[inside], groups, WORDS):
            rows = int(one["rows"])
            ends = one["weight"], one["low"], one["high"], SURE
            name, word = part.columns[0], one["word"]
            found.append(Trait(one["class"], name, "word", word, rows, np.nan, *ends, rows))
    return found


def _tidy(value: float, spread: float) -> float:
    """A value without the digits that its column's spread makes meaningless."""
    return round(value, 3 - int(np.floor(np.log10(spread)))) + 0.0  # no minus zero
