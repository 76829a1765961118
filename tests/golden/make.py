"""Make the golden files of the present format: ``python tests/golden/make.py``.

Run it when a format number is new, just before its release, and commit what it writes. Files of
formats that were released are never made again; this refuses to replace any.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl

from deeplode import Classifier, Regressor
from deeplode.data.demo import demo
from deeplode.modelfile import FORMAT

SMALL = {"members": 2, "hidden": (16,), "epochs": 2, "seed": 0, "threads": 1}


def varied(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column of every kind beside its numbers, and gaps in some."""
    row = pl.int_range(pl.len())
    first = pl.first()
    return frame.with_columns(
        pl.when(row % 7 > 0).then(first).alias("with gaps"),
        pl.format("第 {} 级", first.rank("ordinal") * 4 // pl.len()).alias("级别"),
        (first > first.median()).alias("above the middle"),
        (pl.lit(datetime.date(2020, 1, 1)) + pl.duration(days=row)).alias("day"),
        pl.format("row {}", row).alias("name"),
    )


def main() -> None:
    folder = Path(__file__).parent / f"format-{FORMAT}"
    folder.mkdir(exist_ok=True)
    for name, estimator in (
        ("breast-cancer", Classifier(**SMALL)),
        ("wine", Classifier(**SMALL)),
        ("diabetes", Regressor(**SMALL)),
        ("pure-net", Classifier(**SMALL, blend=False)),
    ):
        frame = demo("breast-cancer" if name == "pure-net" else name)
        estimator.fit(varied(frame.drop("target")), frame["target"])
        estimator.save(folder / f"{name}.lode")


if __name__ == "__main__":
    main()
