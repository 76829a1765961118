"""Model: everything that answers for new rows, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deeplode.data.jointforecast import JointForecast
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.data.windows import Laid
from deeplode.encode.batch import Batch
from deeplode.encode.column import flag_words
from deeplode.encode.encoder import Encoder
from deeplode.encode.target import TargetCode
from deeplode.evaluate.blend import Blend
from deeplode.evaluate.calibrate import Spread, apply_temperature
from deeplode.evaluate.candidate import Candidate
from deeplode.evaluate.labelpropagation import LabelPropagation
from deeplode.evaluate.problem import Problem
from deeplode.parts import below, under
from deeplode.tasks.answers import Answers, Calibration
from deeplode.tasks.graphnet import GraphModel
from deeplode.tasks.nodes import Nodes
from deeplode.tasks.own import OwnNet
from deeplode.tasks.restore import restored, temperatures
from deeplode.tasks.spreads import bounds, pairs, spread_of

NO_SPREAD = Spread(0.0, 0.0)
NO_BLEND = (0.5, (1.0, 1.0))  # the net's weight, and the temperatures of net and partner
CHUNK, AT_ONCE = 1_024, 1 << 26  # windows, and bytes of them, that are answered at once
ENCODER, NODES = "encoder", "nodes"  # parts of arrays that no candidate has
ANSWERS = (
    "blend",
    "graph_net",
    "net",
    "trees",
    "linear",
    "label_propagation",
    "trivial",
)  # who answers: the first there is


@dataclass(frozen=True)
class Model:
    """Encoders, fitted candidates, and how one answer is made of them.

    answer: the candidate that answers.
    net_weight: the net's share in the blend. deep: which net that is. partner: the other in it,
        trees or linear model; among linked rows any candidate.
    blend_temperatures: of net and partner before they are mixed.
    calibrations: of each candidate, so that they can be compared; the answer's own is used.
    spread: where a regression's truth lies around the value, for 90 % of rows. spreads: the same by
        channel, in steps of each, where a forecast is of several.
    nodes: what is kept of the graph; None where rows are not linked.
    """

    problem: Problem
    target: TargetCode
    schema: Schema
    encoder: Encoder
    candidates: Mapping[str, Candidate]
    answer: str
    net_weight: float = 0.5
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    spread: Spread = NO_SPREAD
    partner: str = "trees"
    blend_temperatures: tuple[float, float] = NO_BLEND[1]
    deep: str = "net"
    nodes: Nodes | None = None
    spreads: Mapping[str, Spread] = field(default_factory=dict)

    verb = "train"

    @property
    def task(self) -> str:
        """``binary``, ``multiclass`` or ``regression``."""
        return self.problem.task

    @cached_property
    def answering(self) -> Candidate:
        """The candidate behind ``outputs``, before its calibration."""
        mixed = self.answer == "blend"
        return self.mixed(self.candidates) if mixed else self.candidates[self.answer]

    def mixed(self, candidates: Mapping[str, Candidate]) -> Blend:
        """Net and partner together. Raises KeyError where one of them is not there."""
        pair = (candidates[self.deep], candidates[self.partner])
        return Blend(*pair, self.net_weight, self.blend_temperatures)

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """The calibrated answer for encoded rows."""
        return self.calibrated(self.answer, self.answering.predict(batch))

    def calibrated(self, name: str, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """A candidate's probabilities at its temperature; values as they are."""
        if not self.problem.classifies:
            return outputs
        return apply_temperature(outputs, self.calibration(name).temperature)

    def calibration(self, name: str) -> Calibration:
        """A candidate's calibration; none where it was not measured."""
        return self.calibrations.get(name, Calibration())

    def predict(self, table: Table) -> Answers:
        """Answer for rows: for those that a long table of moments is asked about, where the model
        looks back on windows. Raises DataError where a column is absent or cannot be read."""
        table = self._asked(table)
        laid = self.laid(table)
        if laid is None:
            return self._predict(table)
        step = max(CHUNK, AT_ONCE // laid.windows.row_bytes)
        firsts = range(0, max(1, len(laid.rows)), step)
        parts = [self._predict(laid.at(laid.rows[first : first + step])) for first in firsts]
        flags = [flag for part in parts for flag in part.flags]
        return Answers(np.concatenate([part.outputs for part in parts]), flags)

    def truth(self, table: Table) -> pl.Series:
        """The target of rows that were held out, in its own unit."""
        known, forecast = table.frame[self.target.name], self.schema.forecast
        if forecast is None:
            return known
        return pl.Series(known.name, forecast.whole(known.to_numpy(), table.frame))

    @property
    def asked(self) -> str:
        """What the model answers for: the target, or the targets as ``--target`` lists them."""
        forecast = self.schema.forecast
        return self.target.name if forecast is None else ",".join(forecast.targets)

    def channels(self, table: Table) -> pl.Series | None:
        """(rows,) the column that each row asks for, where a forecast is of several."""
        forecast = self.schema.forecast
        if not isinstance(forecast, JointForecast) or forecast.channel not in table.names:
            return None
        return table.frame[forecast.channel].alias("channel")

    def laid(self, table: Table) -> Laid | None:
        """A long table in order, where the model looks back on windows that are not cut yet."""
        windows = self.schema.windows
        return None if windows is None or windows.are_cut(table) else windows.lay(table)

    def rows(self, table: Table) -> Table:
        """The rows that are answered: those of the table, or its windows."""
        forecast = self.schema.forecast
        if forecast is not None and not forecast.asks(table):
            return forecast.lay(table).past(self.problem.seed)
        laid = self.laid(table)
        return table if laid is None else laid.at(laid.rows)

    def _predict(self, table: Table) -> Answers:
        encoded = self.encoder.transform(table)
        outputs, forecast = self.outputs(encoded.batch), self.schema.forecast
        if forecast is not None:
            outputs = forecast.whole(outputs, table.frame)
        return Answers(outputs, encoded.flags, self.channels(table))

    def _asked(self, table: Table) -> Table:
        """Of a long table, the moments to come, where these are what the model answers for."""
        forecast = self.schema.forecast
        if forecast is None or forecast.asks(table):
            return table
        return forecast.lay(table).future()

    def predict_row(self, values: Mapping[str, Any]) -> Answers:
        """The same for one row, without the fixed cost of a table."""
        if self.encoder.media:
            known = values if self.schema.windows else self.encoder.columns
            cells = {name: [values.get(name)] for name in known if name in values}
            return self.predict(Table.of(pl.DataFrame(cells)))
        numbers, slots, mask = self.encoder.transform_row(values)
        batch = Batch(torch.from_numpy(numbers[None]), torch.from_numpy(slots[None]))
        return Answers(self.outputs(batch), flag_words(np.array([mask])))

    def codes(self, outputs: NDArray[np.float64]) -> NDArray[np.int64]:
        """The class called in each row. outputs: (rows, n_classes)."""
        if self.problem.task == "binary":
            return (outputs[:, 1] >= self.calibration(self.answer).threshold).astype(np.int64)
        called: NDArray[np.int64] = outputs.argmax(axis=1).astype(np.int64)
        return called

    def frame(
        self, ids: pl.Series, answers: Answers, truth: pl.Series | None = None
    ) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, truth, prediction, …, flags."""
        columns = [ids.alias("id")]
        if answers.channels is not None:
            columns.append(answers.channels)
        if truth is not None:
            columns.append(truth.alias("truth"))
        outputs = answers.outputs
        if self.problem.classifies:
            called = self.target.decode(self.codes(outputs))
            columns.append(pl.Series("prediction", called.tolist()))
            for label, column in zip(self.target.classes, outputs.T, strict=True):
                columns.append(pl.Series(f"probability_{label}", np.ascontiguousarray(column)))
        else:
            columns.append(pl.Series("prediction", outputs))
            ends = bounds(answers, self.spread, self.spreads, self.schema.forecast)
            columns += [pl.Series(*pair) for pair in zip(("low", "high"), ends, strict=True)]
        columns.append(pl.Series("flags", answers.flags, dtype=pl.String))
        return pl.DataFrame(columns)

    def answered(self, table: Table) -> pl.DataFrame:
        """The answers for a table, a row a row, as ``predict`` of the program writes them."""
        table = self._asked(table)
        answers, laid = self.predict(table), self.laid(table)
        return self.frame(table.ids if laid is None else laid.ids, answers)

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON: the ``schema.json`` of a model file."""
        return {
            "problem": {"task": self.problem.task, "n_classes": self.problem.n_classes},
            "target": self.target.to_json(),
            "schema": self.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "candidates": {name: _timeless(one.facts()) for name, one in self.candidates.items()},
            "answer": self.answer,
            "net_weight": self.net_weight,
            "partner": self.partner,
            "blend_temperatures": list(self.blend_temperatures),
            "calibrations": {name: asdict(own) for name, own in self.calibrations.items()},
            "spread": [self.spread.low, self.spread.high],
            **({"spreads": pairs(self.spreads)} if self.spreads else {}),
            **({} if self.nodes is None else {"deep": self.deep, NODES: self.nodes.facts()}),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays: ``<candidate>.<name>``, and ``encoder.<medium>.<name>``."""
        parts = {name: one.arrays() for name, one in self.candidates.items()}
        kept = {} if self.nodes is None else {NODES: self.nodes.arrays()}
        return under({ENCODER: self.encoder.arrays(), **kept, **parts})

    @classmethod
    def restore(
        cls,
        facts: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        nets: Mapping[str, Any] | None = None,
        source: str = "",
    ) -> Model:
        """The model that ``facts()`` and ``arrays()`` describe.

        nets: the user's own nets by name, for a model that needs one. source: named in errors.
        Raises ModelFileError when a net is needed that is not there or does not fit, ValueError,
        KeyError or TypeError for what no fit can have written.
        """
        candidates: dict[str, Candidate] = {}
        for name, own in facts["candidates"].items():
            parts = below(arrays, name)
            if name == "net" and "own" in own:
                candidates[name] = OwnNet.restore(own, parts, nets or {}, source)
            else:
                candidates[name] = restored(name, own, parts)
        model = cls(
            problem=Problem(**facts["problem"]),
            target=TargetCode.from_json(facts["target"]),
            schema=Schema.from_json(facts["schema"]),
            encoder=Encoder.from_json(facts["encoder"], below(arrays, ENCODER)),
            candidates=candidates,
            answer=facts["answer"],
            net_weight=float(facts["net_weight"]),
            calibrations={
                name: Calibration(float(own["temperature"]), float(own["threshold"]))
                for name, own in facts["calibrations"].items()
            },
            spread=spread_of(facts["spread"]),
            spreads={name: spread_of(own) for name, own in facts.get("spreads", {}).items()},
            partner=facts.get("partner", "trees"),
            blend_temperatures=temperatures(facts.get("blend_temperatures", NO_BLEND[1])),
            deep=facts.get("deep", "net"),
            nodes=Nodes.restore(facts[NODES], below(arrays, NODES)) if NODES in facts else None,
        )
        _ = model.answering  # refuses an answer that is not among the candidates
        model._check_nodes()
        return model

    def _check_nodes(self) -> None:
        """Raise ValueError where candidates know other nodes than the model keeps."""
        count = 0 if self.nodes is None else len(self.nodes.sums)
        for own in self.candidates.values():
            if isinstance(own, LabelPropagation | GraphModel) and len(own.state) != count:
                raise ValueError(f"states of {len(own.state)} nodes, but {count} are known")


def _timeless(facts: dict[str, Any]) -> dict[str, Any]:
    """A candidate's facts without the course of its training, which the clock had a part in."""
    plain = {name: {} if name in ("training", "history") else own for name, own in facts.items()}
    if "strides" in facts.get("config", {}):
        plain["config"] = {**facts["config"], "strides": []}
    return plain
