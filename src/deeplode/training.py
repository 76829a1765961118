"""Train: read, prepare, learn, score once on the test rows, save, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from deeplode.aim import aimed
from deeplode.data.column import Kind
from deeplode.data.jointforecast import targets_of
from deeplode.data.measure import fingerprint
from deeplode.data.schema import Roles, row_weights
from deeplode.data.split import keys
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.evaluate.decision import Decision
from deeplode.evaluate.facts import distribution
from deeplode.evaluate.problem import Problem
from deeplode.illustrate import MOST_TEXTS, illustrate
from deeplode.keeping import Keeping
from deeplode.linkedfacts import linked_facts
from deeplode.linking import read_edges
from deeplode.mapped import POSSIBLE, mapping
from deeplode.messages import Notice
from deeplode.options import TrainOptions
from deeplode.pretrained.read import Pretrained, digest
from deeplode.pretrained.read import read as read_encoders
from deeplode.progress import Listen, silent
from deeplode.replay import replayed
from deeplode.runfacts import SCHEMA_VERSION, source_facts, source_name, versions
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget, choose_device
from deeplode.saved import AnyModel
from deeplode.tail import PAGE, tail
from deeplode.tasks.encoding import licences
from deeplode.tasks.learn import Learned, Lesson, Settings, learn
from deeplode.tasks.model import Model
from deeplode.tasks.plan import MemoryPlan, plan, some_rows
from deeplode.tasks.prepare import Plan
from deeplode.tasks.prepared import prepared, prepared_forecast
from deeplode.tasks.preparegraph import prepared_graph
from deeplode.tasks.score import Held, column_importance, decided, few_groups, score
from deeplode.verbs import RunResult, Source, read_to_run, tell

TIMES_TESTED = 2  # that test rows are encoded: to be scored, and by the model file
IMPORTANCE_SHARE = 0.5  # of the time that is left after scoring


def train(
    source: Source,
    options: TrainOptions,
    listen: Listen = silent,
    budget: Budget | None = None,
) -> RunResult:
    """Learn a column and leave a run folder.

    budget: what the run may use; from the options and the start of the process if not given.
    Raises DeeplodeError, with nothing left behind, when no model can be made.
    """
    replay = None
    if options.replay is not None:
        options, replay = replayed(options)
    if choose_device(options.device).type != "cpu" and options.device != "auto":
        raise OptionError("E-OPT-096", device=options.device)
    with running(options, source_name(source), "train", listen, budget) as run:
        run.log("stage", name="read")
        models = read_encoders(options.text_encoder, options.image_encoder, options.fine_tune)
        may = run.budget, run.log, run.threads
        facts = _Run(source, options, run.folder, *may, replay, models).all()
    return RunResult(run.folder.path, facts, run.budget.stop() == "interrupt")


def _one_or_forecast(options: TrainOptions, table: Table) -> TrainOptions:
    """The options. Raises OptionError for several targets of what is no forecast."""
    assert options.target is not None
    if len(targets_of(options.target, table.names)) > 1 and options.horizon is None:
        raise OptionError("E-OPT-227", target=options.target)
    return options


@dataclass(frozen=True)
class _Run:
    """One training, step by step. models: the pretrained encoders that the user named."""

    source: Source
    options: TrainOptions
    folder: RunFolder
    budget: Budget
    listen: Listen
    threads: int
    replay: Mapping[str, Any] | None
    models: Mapping[str, Pretrained]

    @property
    def columns(self) -> Plan:
        """The roles and kinds that the user gave."""
        told = self.options
        roles = Roles(told.target, told.id, told.weight, told.group, told.timestamp)
        return Plan(roles, told.kinds, told.split, told.seed, told.split_column)

    def all(self) -> dict[str, Any]:
        """Everything from the source to the report; returns the facts."""
        table = read_to_run(self.source, self.options)
        run = replace(self, options=_one_or_forecast(aimed(self.options, table), table))
        files = (run.source, run.options.test, run.options.edges, run.options.features)
        read = [fingerprint(one) for one in files if one is not None]
        read += [digest(one) for one in run.models.values()]
        run.folder.remember(run.options.as_json(), read, resume=run.options.resume)
        made, test, notices, split = run.prepared(table)
        facts_of_source = source_facts(table, made.schema, len(made.table) + len(test))
        held = int(table.frame.estimated_size())
        del table  # training and test rows are copies of it
        made, memory = run.planned(made, held)
        with mapping(run.folder.checkpoint if memory.mapped else None):
            learned = run.learned(made, test, memory)
            facts = run.judged(learned, made, test, split)
            found = (*notices, *memory.notices, *learned.notices, *facts["warnings"])
            told = tell(found, run.listen)
            facts |= {"warnings": told, "source": facts_of_source}
            keeping = Keeping(run.folder, run.budget, run.options, run.listen, memory.total, files)
            return keeping.keep(learned.model, facts, made.table, lambda read: _answers(read, test))

    def learned(self, made: Lesson, test: Table, memory: MemoryPlan) -> Learned:
        """The model, within what is left of the time."""
        settings = Settings(
            self.problem(made), memory.config, self.options.blend, self.replay,
            self.folder.checkpoint, most_bad=self.options.most_bad, models=self.models,
            later=self.encoded_later(made, len(test)),
            decision=self.decision(made),
        )  # fmt: skip
        learning = self.budget.until(tail(self.options.seconds))
        return learn(made, settings, learning, self.listen)

    def encoded_later(self, made: Lesson, tested: int) -> float:
        """Rows that are encoded once learning has ended, over training rows: the test rows, and
        the texts in which words are counted, but not by a pretrained encoder. tested: test rows."""
        rows = len(made.table)
        test = tested / rows if made.nodes is None else 1.0
        texts = any(column.kind == Kind.TEXT for column in made.schema.features)
        counted = min(1.0, MOST_TEXTS / rows) if texts and not self.models else 0.0
        return TIMES_TESTED * test + counted

    def prepared(self, table: Table) -> tuple[Lesson, Table, list[Notice], dict[str, Any]]:
        """The lesson of the training rows, the test rows, and how they were parted."""
        self.listen("stage", name="split")
        told = self.options
        given = None if told.test is None else read_to_run(told.test, told)
        if told.edges is not None:
            ends = read_edges(told.edges, told)
            made = prepared_graph(table, ends, self.columns, given, told.most_bad)
        elif told.horizon is not None:
            made = prepared_forecast(table, self.columns, told.horizon)
        else:
            made = prepared(table, self.columns, given, told.looks_back, told.memory_bytes)
        facts = {"how": made.how, "train": made.train, "test": len(made.test)}
        return made.lesson, made.test, list(made.notices), facts

    def problem(self, made: Lesson) -> Problem:
        """The question that every candidate answers."""
        code = made.code
        return Problem(code.task, code.n_classes, self.options.seed, self.threads)  # type: ignore[arg-type]

    def decision(self, made: Lesson) -> Decision:
        """What decides which rows are called. Raises OptionError where the target is not binary."""
        told = self.options
        for option in ("cost", "capacity"):
            if getattr(told, option) is not None and made.code.task != "binary":
                raise OptionError("E-OPT-161", option=option, task=made.code.task)
        miss, alarm = told.costs or (None, None)
        return Decision(miss, alarm, told.most_called)

    def planned(self, made: Lesson, held: int) -> tuple[Lesson, MemoryPlan]:
        """What fits into the memory limit: the plan, and the lesson on as many rows."""
        limit, told = self.options.memory_bytes, self.options.net()
        found = plan(
            made.table, made.schema, self.problem(made), told, limit, held, self.models, POSSIBLE
        )
        self.listen("plan", **found.as_json())
        if found.rows < len(made.table):
            made = made.rows(some_rows(made.table, found.rows, self.options.seed))
        return made, found

    def judged(
        self, learned: Learned, made: Lesson, test: Table, split: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The facts that the test rows tell, and how the model came to be."""
        model = learned.model
        self.listen("stage", name="score")
        encoded = model.encoder.transform(test, self.options.most_bad)
        batch = encoded.batch
        truth = model.target.encode(test.frame[model.target.name])
        outputs, weights = model.outputs(batch), None
        if made.schema.roles.weight is not None:
            weights = row_weights(test, made.schema.roles.weight)
        group = made.schema.roles.group
        by = None if group is None else keys(test, group)
        held = Held(batch, truth, weights, by, model.channels(test))
        facts = score(model, learned.candidates, held, outputs, learned.fit_seconds)
        ending = self.budget.until(PAGE)
        some = ending.until(IMPORTANCE_SHARE * ending.left()) if self.options.seconds else ending
        facts["decision"] = decided(model, truth, outputs, self.decision(made), weights, by)
        facts["media"] = illustrate(model, made, test, batch, outputs)
        if made.nodes is not None:
            facts |= linked_facts(made, test, model, outputs, ending.stop)
        facts["importance"] = column_importance(model, batch, truth, weights, some, self.listen)
        valid = learned.validated_rows
        return {
            "schema_version": SCHEMA_VERSION,
            "verb": "train",
            "warnings": (*encoded.notices, *few_groups(model, test)),
            "task": model.problem.task,
            "target": model.asked,
            "split": {**split, "train": split["train"] - valid, "valid": valid,
                      "folds": learned.training.get("members", 1)},
            **facts,
            "threshold": learned.threshold, "calibration": learned.calibration, "findings": [],
            "target_distribution": _distribution(made), "training": learned.training,
            "licences": licences(model.encoder), "replay": learned.replay,
            "options": self.options.as_json(), "seed": self.options.seed, "versions": versions(),
        }  # fmt: skip


def _answers(model: AnyModel, test: Table) -> pl.DataFrame:
    """What the model that was read back says of the test rows, beside the truth."""
    assert isinstance(model, Model)
    return model.frame(test.ids, model.predict(test), model.truth(test))


def _distribution(made: Lesson) -> dict[str, Any]:
    """Rows of each class, or a histogram, of the training rows' target."""
    if made.code.classes:
        return distribution(made.target, made.code.classes)
    counts, edges = np.histogram(made.target, bins=30)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
