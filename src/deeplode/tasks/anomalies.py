"""Anomalies: what says of each row how odd it is, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectors.matrix import Matrix
from deeplode.detectors.neighbours import Neighbours
from deeplode.detectors.null import Null
from deeplode.detectors.ranks import Ranks
from deeplode.detectors.semisupervised import SemiSupervised
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.parts import below, under
from deeplode.tasks.examples import Examples
from deeplode.tasks.reasons import Usual, by_column, reasons

TIE = 1e-3  # of the score, which keeps apart rows whose probability is the same


@dataclass(frozen=True)
class Detections:
    """What a model says of some rows.

    outputs: (rows,) scores, 0 … 1, higher is odder. anomaly: (rows,) which are called.
    reasons, nearest: why, and the nearest usual row, in words, '' for rows that are not called.
    flags: what is odd about reading each row.
    """

    outputs: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    reasons: list[str]
    nearest: list[str]
    flags: list[str]


@dataclass(frozen=True)
class AnomalyModel:
    """Encoders, the matrix made of them, the detector that answers, and what its scores mean.

    threshold: rows with a higher or equal score are called. examples: usual rows, None in files of
    before there were any.
    """

    schema: Schema
    encoder: Encoder
    matrix: Matrix
    detector: Ranks | SemiSupervised
    null: Null
    threshold: float
    usual: Usual
    examples: Examples | None = None

    verb = "detect"
    task = "anomaly"

    def scores(self, batch: Batch) -> NDArray[np.float64]:
        """How odd encoded rows are, (rows,) 0 … 1: the probability of an anomaly, and a little of
        the detector's own score, so that no two rows are equal only because both are certain."""
        return self.calibrated(self.detector.score(self.matrix.of(batch)))

    def scored(self, table: Table) -> NDArray[np.float64]:
        """(rows,) scores of a table's rows, 0 … 1."""
        return self.scores(self.encoder.transform(table).batch)

    def calibrated(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """A detector's scores, (rows,), between 0 and 1, in the same order."""
        return calibrated(self.null, raw)

    def predict(self, table: Table) -> Detections:
        """Answer for rows. Raises DataError where a column is absent or cannot be read."""
        encoded = self.encoder.transform(table)
        scores = self.scores(encoded.batch)
        called = scores >= self.threshold
        told, near, rows = [""] * len(table), [""] * len(table), np.flatnonzero(called)
        if len(rows):
            odd, few = encoded.batch.rows(torch.from_numpy(rows)), table.rows(rows)
            both = (self.reasons(self.blamed(odd), few), self.nearest(odd, few))
            for row, why, beside in zip(rows, *both, strict=True):
                told[row], near[row] = why, beside
        return Detections(scores, called, told, near, encoded.flags)

    def score_row(self, values: Mapping[str, Any]) -> float:
        """The score of one row, {column: value}, without the fixed cost of a table.

        Raises DataError where a column is absent.
        """
        if self.encoder.media:
            cells = {name: [values[name]] for name in self.encoder.columns if name in values}
            return float(self.predict(Table.of(pl.DataFrame(cells))).outputs[0])
        numbers, slots, _ = self.encoder.transform_row(values)
        batch = Batch(torch.from_numpy(numbers[None]), torch.from_numpy(slots[None]))
        return float(self.scores(batch)[0])

    def blamed(self, batch: Batch) -> NDArray[np.float64]:
        """(rows, input columns) >= 0: each column's part in a row's oddness, as ``blamable``."""
        return by_column(self.detector.blame(self.matrix.of(batch)), self.columns)

    def reasons(self, blame: NDArray[np.float64], table: Table) -> list[str]:
        """Why each row is odd, in words. blame: of the same rows, as ``blamed`` gives it."""
        return reasons(blame, self.blamable, table, self.usual)

    def nearest(self, batch: Batch, table: Table) -> list[str]:
        """The usual row nearest to each row, in words; '' where none is kept. batch, table: the
        same rows."""
        if self.examples is None or self.neighbours is None:
            return [""] * len(table)
        return self.examples.nearest(self.neighbours, self.matrix.of(batch), self.columns, table)

    @property
    def neighbours(self) -> Neighbours | None:
        """The detector of that name; None where there was no time for it."""
        ranks = self.detector.ranks if isinstance(self.detector, SemiSupervised) else self.detector
        found = ranks.members.get("neighbours")
        return found if isinstance(found, Neighbours) else None

    @cached_property
    def blamable(self) -> tuple[str, ...]:
        """The input columns, in the order in which ``columns`` first names them."""
        return tuple(dict.fromkeys(self.columns))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The input column behind each column of the matrix."""
        names, numbers = self.encoder.sources, self.encoder.sizes.simple
        return tuple(
            names[one.column + (numbers if one.form == "category" else 0)][0]
            for one in self.matrix.sources
        )

    def frame(self, ids: pl.Series, answers: Detections) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, score, anomaly, reason, nearest,
        flags."""
        return pl.DataFrame(
            [
                ids.alias("id"),
                pl.Series("score", answers.outputs),
                pl.Series("anomaly", answers.anomaly.astype(np.int8)),
                pl.Series("reason", answers.reasons, dtype=pl.String),
                pl.Series("nearest", answers.nearest, dtype=pl.String),
                pl.Series("flags", answers.flags, dtype=pl.String),
            ]
        )

    def answered(self, table: Table) -> pl.DataFrame:
        """The answers for a table, a row a row, as ``predict`` of the program writes them."""
        return self.frame(table.ids, self.predict(table))

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON: the ``schema.json`` of a model file."""
        return {
            "schema": self.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "matrix": self.matrix.facts(),
            "detector": self.detector.facts(),
            "null": self.null.facts(),
            "threshold": self.threshold,
            "usual": self.usual.to_json(),
            "examples": None if self.examples is None else self.examples.to_json(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``<part>.<name>``."""
        return under({"matrix": self.matrix.arrays(), "detector": self.detector.arrays()})

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> AnomalyModel:
        """The model that ``facts()`` and ``arrays()`` describe.

        Raises ValueError, KeyError or TypeError for what no fit can have written.
        """
        kind: type[Ranks | SemiSupervised] = (
            SemiSupervised if "bags" in facts["detector"] else Ranks
        )
        threshold = float(facts["threshold"])
        if not 0 <= threshold <= 1 + TIE:
            raise ValueError(f"no threshold: {threshold}")
        made = cls(
            Schema.from_json(facts["schema"]),
            Encoder.from_json(facts["encoder"]),
            Matrix.restore(facts["matrix"], below(arrays, "matrix")),
            kind.restore(facts["detector"], below(arrays, "detector")),
            Null.restore(facts["null"]),
            threshold,
            Usual.from_json(facts["usual"]),
            None if (kept := facts.get("examples")) is None else Examples.from_json(kept),
        )
        near = made.neighbours
        if made.examples and near and not made.examples.fits(made.blamable, near):
            raise ValueError("These are no examples of this model.")
        return made


def calibrated(null: Null, raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores, (rows,), between 0 and 1, in the same order: the probability of an anomaly, and a
    little of the score itself."""
    return np.asarray((1 - TIE) * null.probability(raw) + TIE * _squeezed(raw, null.threshold))


def _squeezed(raw: NDArray[np.float64], middle: float) -> NDArray[np.float64]:
    """(rows,) between 0 and 1, in the order of ``raw``; near one half around ``middle``."""
    distance = raw - middle
    return np.asarray(0.5 + 0.5 * distance / (1 + np.abs(distance)))
