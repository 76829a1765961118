"""The verbs: a source and options in, a run folder, rows or facts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeplode.clusteroptions import ClusterOptions
from deeplode.detectoptions import DetectOptions
from deeplode.errors import LimitError, OptionError
from deeplode.options import TrainOptions
from deeplode.progress import Listen, silent
from deeplode.readoptions import ReadOptions
from deeplode.recommendoptions import RecommendOptions

if TYPE_CHECKING:
    import polars as pl

    from deeplode.anomalydetector import AnomalyDetector
    from deeplode.clusterer import Clusterer
    from deeplode.data.table import Table
    from deeplode.detectoptions import EvaluateOptions, PredictOptions
    from deeplode.estimators import Classifier, Regressor
    from deeplode.experiments.settings import CompareOptions, TraceOptions
    from deeplode.recommender import Recommender
    from deeplode.saved import Saved

Source = str | Sequence[str]
ReadToRun = TrainOptions | DetectOptions | ClusterOptions


@dataclass(frozen=True)
class RunResult:
    """What a verb leaves behind.

    facts: the content of result.json. interrupted: whether the user cut it short.
    """

    folder: Path
    facts: dict[str, Any]
    interrupted: bool = False


def train(source: Source, options: TrainOptions, listen: Listen = silent) -> RunResult:
    """Learn a column of a source; see ``deeplode.training``."""
    from deeplode.memory import check_limit

    check_limit(options.memory_bytes)
    _check_files(source, options.test)
    from deeplode.training import train as run

    return run(source, options, listen)


def detect(source: Source, options: DetectOptions, listen: Listen = silent) -> RunResult:
    """Find the rows that do not fit; see ``deeplode.detecting``."""
    from deeplode.memory import check_limit

    check_limit(options.memory_bytes)
    _check_files(source)
    from deeplode.detecting import run

    return run(source, options, listen)


def cluster(source: Source, options: ClusterOptions, listen: Listen = silent) -> RunResult:
    """Find groups of like rows; see ``deeplode.clustering``."""
    from deeplode.memory import check_limit

    check_limit(options.memory_bytes)
    _check_files(source)
    from deeplode.clustering import run

    return run(source, options, listen)


def recommend(source: Source, options: RecommendOptions, listen: Listen = silent) -> RunResult:
    """Learn what each user will want next; see ``deeplode.recommending``."""
    from deeplode.memory import check_limit

    check_limit(options.memory_bytes)
    _check_files(source, options.items, options.users, options.only, options.exclude)
    from deeplode.recommending import run

    return run(source, options, listen)


def inspect(source: Source, options: TrainOptions, listen: Listen = silent) -> dict[str, Any]:
    """What the columns hold and what training would need; trains nothing."""
    _check_files(source, options.test)
    from deeplode.inspection import inspect as look

    return look(source, options, listen)


def trace(source: Source, options: TraceOptions, listen: Listen = silent) -> dict[str, Any]:
    """One training step of a small net, layer by layer; trains no model."""
    from deeplode.output import check_page_file

    if options.out is not None:
        check_page_file(options.out, force=options.force)
    _check_files(source)
    from deeplode.tracing import trace as run

    return run(source, options, listen).facts


def compare(source: Source, options: CompareOptions, listen: Listen = silent) -> RunResult:
    """Training choices side by side; see ``deeplode.comparing``."""
    from deeplode.memory import check_limit

    if not options.varied:
        raise OptionError("E-OPT-125")
    check_limit(options.memory_bytes)
    _check_files(source, options.test)
    from deeplode.comparing import run

    return run(source, options, listen)


def _check_files(*sources: Source | None) -> None:
    """Say at once when a file is not there, before imports that take seconds."""
    from deeplode.data.sources import find

    for source in sources:
        demo = isinstance(source, str) and source.startswith("demo:")
        if source is not None and not demo:
            with suppress(OSError):  # reading will say what is wrong
                find(source)


def predict(
    model: str, source: Source, options: PredictOptions, listen: Listen = silent
) -> pl.DataFrame:
    """A model's answers for new rows, in their order: id, prediction, …, flags; or what their users
    are recommended: user, rank, item, …"""
    import polars as pl

    return pl.concat(answers(model, source, options, listen))


def answers(
    model: str, source: Source, options: PredictOptions, listen: Listen = silent
) -> Iterator[pl.DataFrame]:
    """The same in parts, at least one: lists for very many users are never held all at once."""
    from deeplode.predicting import answers as run

    return run(model, source, options, listen)


def evaluate(
    model: str, source: Source, options: EvaluateOptions, listen: Listen = silent
) -> dict[str, Any]:
    """How good a model is on labelled rows, and every candidate beside it.

    Raises DataError where the target is absent or no row has a value that the model knows.
    """
    from deeplode.evaluating import evaluate as judge
    from deeplode.predicting import rows_for

    listen("stage", name="load")
    fitted = opened(model).model
    listen("stage", name="read")
    table = rows_for(fitted, source, options, listen)
    listen("stage", name="score")
    facts = judge(fitted, table, options.target)
    return {**facts, "warnings": tell(facts["warnings"], listen)}


def report(made: str, out: str | None, language: str) -> Path:
    """Write the report of a run folder, or of a model file, anew. Returns the page's path.

    Raises OptionError when ``made`` is neither, or has no place of its own for the page.
    """
    import json

    from deeplode.output import write_text
    from deeplode.report.anyrun import render

    path = Path(made)
    if path.is_dir():
        result = path / "result.json"
        if not result.is_file():
            raise OptionError("E-OPT-092", path=made, missing="result.json")
        facts = json.loads(result.read_text("utf-8"))
        page = Path(out) if out else path / "report.html"
    else:
        from deeplode import modelfile

        facts = modelfile.read(path).card
        page = Path(out) if out else path.with_suffix(".html")
    write_text(page, render(facts, language), force=True)
    return page


def doctor() -> dict[str, Any]:
    """What this machine can run."""
    from deeplode.machine import machine_facts

    return machine_facts()


def load(
    path: str | Path, nets: Mapping[str, Any] | None = None
) -> Classifier | Regressor | AnomalyDetector | Clusterer | Recommender:
    """The estimator in a model file, or in the run folder that holds one.

    nets: for a model with a net of your own, ``{name: net}`` with what ``net=`` was in training:
    the file holds its weights, not its code.
    Raises ModelFileError for a file that cannot be trusted or read.
    """
    from deeplode.anomalydetector import detector_of
    from deeplode.clusterer import clusterer_of
    from deeplode.estimators import estimator_of
    from deeplode.recommender import recommender_of
    from deeplode.tasks.clustermodel import ClusterModel
    from deeplode.tasks.communitymodel import CommunityModel
    from deeplode.tasks.model import Model
    from deeplode.tasks.recommendmodel import RecommendModel

    saved = opened(path, nets)
    if isinstance(saved.model, RecommendModel):
        return recommender_of(saved)
    if isinstance(saved.model, ClusterModel | CommunityModel):
        return clusterer_of(saved)
    return estimator_of(saved) if isinstance(saved.model, Model) else detector_of(saved)


def opened(path: str | Path, nets: Mapping[str, Any] | None = None) -> Saved:
    """The model in a model file, or in the run folder that holds one. Raises as ``load`` does."""
    from deeplode.saved import restore

    place = Path(path)
    return restore(place / "model.lode" if place.is_dir() else place, nets)


def read_table(source: Source, options: ReadOptions, listen: Listen) -> Table:
    """Read a source and tell what was noticed."""
    from deeplode.data.read import read

    table = read(source if isinstance(source, str) else list(source), options)
    tell(table.notices, listen)
    return table


def read_to_run(source: Source, options: ReadToRun) -> Table:
    """The source, less the columns to drop, in as many rows as the memory limit can hold.

    Raises OptionError for a column to drop that is not there.
    """
    from deeplode.data.measure import size_estimate
    from deeplode.messages import Notice
    from deeplode.tasks.plan import thinning

    limit = options.memory_bytes
    every = thinning(size_estimate(source, options).bytes_in_memory, limit) if limit else 1
    linked = isinstance(options, TrainOptions | ClusterOptions) and options.edges is not None
    if every > 1 and linked:
        given = (limit or 0) // 1_000_000  # a graph less some of its nodes is another graph
        raise LimitError("E-LIMIT-001", needed=every * given, given=given)
    table = read_table(source, replace(options, every=options.every * every), silent)
    if every > 1:
        values = {"limit": (limit or 0) // 1_000_000, "every": every}
        table = replace(table, notices=(*table.notices, Notice("W-LIMIT-004", None, values)))
    unknown = [name for name in options.drop if name not in table.names]
    if unknown:
        raise OptionError("E-OPT-094", column=unknown[0], source=table.source)
    return table.without(options.drop)


def tell(notices: Sequence[Any], listen: Listen) -> list[Mapping[str, Any]]:
    """Say every notice; returns them as ``warnings`` of result.json."""
    warnings = [notice.as_json() for notice in notices]
    for one in warnings:
        listen("notice", code=one["code"], message=one["message"])
    return warnings
