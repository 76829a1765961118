"""Saved: a model to a .lode file and back, proven by a few rows that travel with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from deeplode import modelfile
from deeplode.data.table import Table
from deeplode.errors import DeeplodeError, ExtraError, ModelFileError
from deeplode.lode.rows import flat, join_answers, split_answers
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.clustermodel import ClusterModel
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.model import Model
from deeplode.tasks.own import OwnNet
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.seriesmodel import SeriesModel

RowModel = Model | AnomalyModel | SeriesModel | ClusterModel | CommunityModel  # answers for rows
AnyModel = RowModel | RecommendModel
PROBE_ROWS = 8
# Another processor rounds its sums otherwise; a damaged or misread weight is far outside.
RELATIVE, ABSOLUTE = 1e-3, 1e-5
NONSENSE = (  # what parts that do not fit together can end in
    *(KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError),
    *(RuntimeError, PolarsError),
)


@dataclass(frozen=True)
class Saved:
    """A model read from a file.

    card: what it is and how good, as result.json has it. probe: its few rows.
    """

    model: AnyModel
    card: dict[str, Any]
    probe: Table


def save(
    path: str | Path, model: AnyModel, card: Mapping[str, Any], rows: Table, *, force: bool = False
) -> None:
    """Write a model file.

    rows: some rows of the training table, whose first ones travel with the model as its probe.
    Raises OptionError when the path exists (without ``force``) or cannot be written.
    """
    probe = rows.rows(np.arange(min(PROBE_ROWS, len(rows))))
    own = model if isinstance(model, RecommendModel) else model.encoder
    inputs = own.probe_cells(probe.frame)
    if not inputs.width:  # nothing is learned from columns: rows all the same
        inputs = pl.DataFrame({"row": np.arange(len(probe))})
    answers = model.predict(Table.of(inputs)).outputs
    modelfile.write(
        path,
        {"verb": model.verb, "task": model.task},
        model.facts(),
        card,
        {name: np.ascontiguousarray(array) for name, array in model.arrays().items()},
        join_answers(inputs, answers),
        force=force,
    )


def without_places(facts: Any, sources: Sequence[str | Sequence[str]]) -> Any:
    """Plain JSON values without the folders that the sources lay in: they are of one machine."""
    if isinstance(facts, str):
        for source in sources:
            for one in [source] if isinstance(source, str) else source:
                for folder in {str(Path(one).parent), str(Path(one).absolute().parent)}:
                    if len(folder) > 1:
                        facts = facts.replace(folder + os.sep, "")
        return facts
    if isinstance(facts, dict):
        return {name: without_places(own, sources) for name, own in facts.items()}
    if isinstance(facts, list | tuple):
        return [without_places(own, sources) for own in facts]
    return facts


def restore(path: str | Path, nets: Mapping[str, Any] | None = None) -> Saved:
    """Read a model file and let it answer its probe.

    nets: the user's own nets by the name that the file has for them.
    Raises ModelFileError for a file that cannot be trusted or read, or answers otherwise than it
    did when it was made, ExtraError where it needs a package that is not installed.
    """
    parts = modelfile.read(path)
    try:
        model = _restored(parts, nets, str(path))
        inputs, expected = split_answers(parts.probe)
        with np.errstate(all="ignore"):  # numbers made up may be of any size; answers are compared
            answers = flat(model.predict(Table.of(inputs)).outputs)
    except (ModelFileError, ExtraError):
        raise
    except NONSENSE as error:
        raise ModelFileError("E-MODEL-014", source=str(path), what=_why(error)) from error
    if answers.shape != expected.shape or not np.allclose(answers, expected, RELATIVE, ABSOLUTE):
        own = model.candidates.get("net") if isinstance(model, Model) else None
        if isinstance(own, OwnNet):
            raise ModelFileError("E-MODEL-018", source=str(path), net=own.given.name)
        raise ModelFileError("E-MODEL-015", source=str(path))
    return Saved(model, parts.card, Table.of(inputs))


def _restored(parts: modelfile.ModelParts, nets: Mapping[str, Any] | None, source: str) -> AnyModel:
    """The model of the verb that the file was made by."""
    if parts.manifest["verb"] == ClusterModel.verb:
        linked = "assigner" in parts.schema
        kind: type[ClusterModel | CommunityModel] = CommunityModel if linked else ClusterModel
        return kind.restore(parts.schema, parts.arrays)
    if parts.manifest["verb"] == RecommendModel.verb:
        return RecommendModel.restore(parts.schema, parts.arrays)
    if parts.manifest["verb"] == AnomalyModel.verb:
        if "channels" in parts.schema:
            return SeriesModel.restore(parts.schema, parts.arrays)
        return AnomalyModel.restore(parts.schema, parts.arrays)
    return Model.restore(parts.schema, parts.arrays, nets, source)


def _why(error: Exception) -> str:
    if isinstance(error, DeeplodeError):
        return error.message()
    return f"{type(error).__name__}: {str(error)[:200]}"
