"""Series with faults: SKAB's, and made-up ones in its normal parts to develop on.

Made up are: pieces of the run without anomalies with a fault in each (``run``), and the first 400
rows of every other file, which its protocol trains on, with a fault after row 200 (``heads``). No
label of SKAB's test rows has a part in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

LABELS = ("anomaly", "changepoint")
PIECES, LENGTH = 24, 1_100


@dataclass(frozen=True)
class Fault:
    """A series: cells (moments, channels), which moments are odd, and how many first ones train."""

    name: str
    cells: NDArray[np.float64]
    odd: NDArray[np.bool_]
    train: int


def skab() -> list[Fault]:
    """The 34 files with faults; the first 400 rows of each train."""
    return [
        Fault(name, _cells(part), part["anomaly"].to_numpy().astype(bool), 400)
        for name, part in _files()
        if not name.startswith("anomaly-free")
    ]


def made(seed: int = 0) -> dict[str, list[Fault]]:
    """Faults in normal parts, by kind of part."""
    chance = np.random.default_rng(seed)
    whole = next(_cells(part) for name, part in _files() if name.startswith("anomaly-free"))
    run, heads = [], []
    for number, start in enumerate(np.linspace(0, len(whole) - LENGTH, PIECES).astype(int)):
        first = int(chance.integers(450, 650))
        last = min(LENGTH, first + int(chance.integers(150, 400)))
        cells = whole[start : start + LENGTH]
        run.append(_faulty(f"run {number}", cells, chance, number % 5, 400, (first, last)))
    for number, fault in enumerate(skab()):
        first = int(chance.integers(220, 280))
        last = first + int(chance.integers(60, 110))
        cells = fault.cells[:400]
        heads.append(_faulty(fault.name, cells, chance, number % 5, 200, (first, last)))
    return {"run": run, "heads": heads}


def frame(faults: list[Fault]) -> pl.DataFrame:
    """A long table: series, moment, channels, and the truth."""
    parts = []
    for fault in faults:
        columns = {f"c{place}": column for place, column in enumerate(fault.cells.T)}
        parts.append(
            pl.DataFrame({"moment": np.arange(len(fault.odd)), **columns, "odd": fault.odd}).select(
                pl.lit(fault.name).alias("series"), pl.all()
            )
        )
    return pl.concat(parts)


def _files() -> list[tuple[str, pl.DataFrame]]:
    path = Path(os.environ["DEEPLODE_DATA"]) / "sensors" / "skab.parquet"
    parts = pl.read_parquet(path).partition_by("file", maintain_order=True)
    return [(str(part["file"][0]), part.sort("datetime", maintain_order=True)) for part in parts]


def _cells(part: pl.DataFrame) -> NDArray[np.float64]:
    return part.drop("file", "datetime", *LABELS).to_numpy().astype(np.float64)


def _faulty(
    name: str,
    cells: NDArray[np.float64],
    chance: np.random.Generator,
    kind: int,
    train: int,
    when: tuple[int, int],
) -> Fault:
    """A level shift, a drift, noise, a channel that stands still, or an oscillation, in one to
    three channels."""
    first, last = when
    out, time = cells.copy(), np.arange(last - first)
    spread = cells[:train].std(axis=0) + 1e-9
    for at in chance.choice(cells.shape[1], chance.integers(1, 4), replace=False):
        own = out[first:last, at]
        side = chance.choice([-1, 1]) * spread[at]
        out[first:last, at] = (
            own + side * chance.uniform(1.5, 4),
            own + side * chance.uniform(3, 6) * np.minimum(1, time / 60),
            own.mean() + (own - own.mean()) * chance.uniform(2, 4),
            np.full(len(own), own[0]),
            own + side * chance.uniform(1.5, 3) * np.sin(time / chance.uniform(3, 15)),
        )[kind]
    odd = np.zeros(len(cells), bool)
    odd[first:last] = True
    return Fault(name, out, odd, train)
