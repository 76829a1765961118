"""Development data for detectors: anomalies made of tables that are no anomaly benchmark.

Nothing here comes from the ADBench sets, which are the test: breast-cancer (their WDBC) and
bank_marketing (their campaign) are left out. Three sorts of anomalies, in rows of real tables:

- thinned: a class of which only a few rows are left;
- shuffled: rows of which a third of the cells come from other rows, each from its own;
- extreme: the rows with the highest values of a regression target, which itself is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_wine

from deeplode.encode.batch import Batch
from deeplode.encode.number import Scale

MOST = 4000  # rows of a set
SHARE = 0.05  # of anomalies
THINNED = {
    "adult": (">50K",), "cardio": ("1",), "covtype_15k": ("4", "5", "3", "7"),
    "german_credit": ("0",), "letter": ("A", "I", "Q", "X"), "telco_churn": ("Yes",),
    "titanic": ("1",),
}  # fmt: skip
QUANTITIES = (
    "ames_housing", "bike_sharing_hour", "california_housing", "diamonds", "insurance", "nyc_taxis",
)  # fmt: skip


@dataclass(frozen=True)
class Odd:
    """A problem: rows, and which of them are anomalies. odd: (rows,) bool."""

    name: str
    batch: Batch
    odd: NDArray[np.bool_]


def plain(x: NDArray[np.float64], train: int | None = None) -> Batch:
    """Number columns as the encoder scales them. train: rows that it learns from, the first."""
    columns = x.T.astype(np.float64)
    scaled = [Scale.fit(one[:train][np.isfinite(one[:train])]).apply(one) for one in columns]
    numbers = torch.from_numpy(np.stack(scaled, 1)).float()
    return Batch(numbers, torch.empty(len(x), 0, dtype=torch.int32))


def encoded(frame: pd.DataFrame) -> Batch:
    """Numbers scaled; strings and booleans as slots of categories."""
    numbers, slots = [np.empty((len(frame), 0))], [np.empty((len(frame), 0), np.int32)]
    for name in frame:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            column = column.astype("int64")
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(np.float64, na_value=np.nan)
            numbers.append(Scale.fit(values[np.isfinite(values)]).apply(values)[:, None])
        else:
            codes = pd.factorize(column.astype("string"), sort=True)[0]
            slots.append(np.where(codes < 0, 1, codes + 2).astype(np.int32)[:, None])
    return Batch(
        torch.from_numpy(np.concatenate(numbers, 1)).float(),
        torch.from_numpy(np.concatenate(slots, 1)),
    )


def thinned(name: str, batch: Batch, rare: NDArray[np.bool_], seed: int = 0) -> Odd:
    """Few rows of a class among all others."""
    chance = np.random.default_rng(seed)
    normal = chance.permutation(np.flatnonzero(~rare))[:MOST]
    few = max(5, round(SHARE * len(normal)))
    some = chance.permutation(np.flatnonzero(rare))[:few]
    rows = np.sort(np.concatenate([normal, some]))
    return Odd(f"{name} thinned", batch.rows(torch.from_numpy(rows)), rare[rows])


def shuffled(name: str, batch: Batch, seed: int = 0) -> Odd:
    """A third of the cells of some rows come from other rows."""
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.permutation(len(batch))[:MOST])
    batch = batch.rows(torch.from_numpy(rows))
    odd = np.zeros(len(rows), bool)
    odd[chance.choice(len(rows), max(5, round(SHARE * len(rows))), replace=False)] = True
    parts = []
    for cells in (batch.numbers, batch.categories):
        own = cells.clone()
        for column in range(cells.shape[1]):
            hit = np.flatnonzero(odd & (chance.random(len(rows)) < 1 / 3))
            own[hit, column] = cells[chance.integers(len(rows), size=len(hit)), column]
        parts.append(own)
    return Odd(f"{name} shuffled", Batch(parts[0], parts[1]), odd)


def extreme(name: str, batch: Batch, target: NDArray[np.float64]) -> Odd:
    """The highest targets."""
    rows = np.sort(np.random.default_rng(0).permutation(len(batch))[:MOST])
    odd = target[rows] >= np.quantile(target[rows], 1 - SHARE)
    return Odd(f"{name} extreme", batch.rows(torch.from_numpy(rows)), odd)


def table(name: str) -> tuple[Batch, pd.Series[Any]]:
    """Features and target of a set of $DEEPLODE_DATA/tabular."""
    folder = Path(os.environ["DEEPLODE_DATA"]) / "tabular"
    told = json.loads((folder / "targets.json").read_text("utf-8"))[name]
    frame = pd.read_parquet(folder / f"{name}.parquet").dropna(subset=[told["target"]])
    return encoded(frame.drop(columns=[*told["drop"], told["target"]])), frame[told["target"]]


def problems() -> Iterator[Odd]:
    """All of them, the same at every call."""
    digits, figures = load_digits(return_X_y=True)
    for figure in (0, 3, 6, 9):
        yield thinned(f"digits {figure}", plain(digits), figures == figure)
    one = np.flatnonzero(np.isin(figures, (1, 4, 7)))
    yield thinned("digits others", plain(digits), ~np.isin(np.arange(len(digits)), one))
    wine, sort = load_wine(return_X_y=True)
    for which in range(3):
        yield thinned(f"wine {which}", plain(wine), sort == which)
    for name, classes in THINNED.items():
        batch, target = table(name)
        for rare in classes:
            yield thinned(f"{name} {rare}", batch, (target.astype(str) == rare).to_numpy())
        yield shuffled(name, batch)
    for name in QUANTITIES:
        batch, target = table(name)
        yield extreme(name, batch, target.to_numpy(np.float64))
        yield shuffled(name, batch)
