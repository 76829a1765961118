"""Supervised: what Classifier and Regressor share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from deeplode.arrays import column, features, free
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError
from deeplode.estimator import Estimator
from deeplode.evaluate.decision import Decision
from deeplode.evaluate.problem import Problem
from deeplode.linking import read_edges, with_links
from deeplode.machine import usable_threads
from deeplode.messages import Notice
from deeplode.nets.given import Given
from deeplode.pretrained.read import read as read_encoders
from deeplode.progress import silent
from deeplode.quantity import costs, duration, moments, share, size
from deeplode.readoptions import ReadOptions
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS
from deeplode.tasks.encoding import licences
from deeplode.tasks.learn import Learned, Lesson, Settings, learn
from deeplode.tasks.model import Model
from deeplode.tasks.ownchoices import own_choices
from deeplode.tasks.plan import plan, some_rows
from deeplode.tasks.prepare import Plan
from deeplode.tasks.prepared import taught
from deeplode.tasks.preparegraph import taught_graph
from deeplode.tasks.score import validated

NET = (
    "members", "hidden", "activation", "optimizer", "optimizer_style", "learning_rate",
    "schedule", "batch_size", "accumulate", "clip_norm", "epochs", "patience", "dropout", "l1",
    "l2", "weight_decay", "max_norm", "label_smoothing", "focal", "input_noise",
)  # fmt: skip


class Supervised(Estimator):
    """What Classifier and Regressor share. Keywords are the flags of ``deeplode train``.

    time_limit: seconds, or ``"90s"``, ``"5m"``, ``"1h"``, for ``fit``. memory_limit: bytes, or
    ``"4GB"``. seed: same seed, same bits. threads: None = all that may be used.
    kinds: {column: kind} where the guess is wrong. drop: columns to leave out. timestamp, group:
    columns that say when a row was and of which series; window: moments of it that an answer looks
    back on, or ``"all"``: one answer a series, in the order in which they first come. edges: links
    between the rows, a file or a frame with the columns source, target and, if they differ, weight;
    id: column that names the rows in it, None = they are numbered from 0. max_bad: share of a
    column's images or sounds that may be unreadable, and of links that name no row. text_encoder,
    image_encoder: folders with pretrained encoders that texts and images go through, too;
    fine_tune: the net trains them further. cost: ``"fn=100,fp=1"``, or capacity: share of the rows
    that somebody can look at: which rows of two classes are called.
    blend: blend the net with boosted trees; False keeps the model a pure net.
    net: a net of your own in place of deeplode's: a torch module, a Keras 3 model, or a function
    ``(n_inputs, n_outputs)`` or class that makes either; ``(name, net)`` gives it a name for the
    model file. It takes float32 (rows, n_inputs) and returns scores (rows, n_outputs), before any
    sigmoid or softmax; n_outputs is 1 for two classes and for numbers.
    The others are choices of the net; None follows from the data.
    """

    model_: Model

    def __init__(
        self,
        *,
        time_limit: str | float | None = None,
        memory_limit: str | int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        timestamp: str | None = None,
        group: str | None = None,
        window: int | str | None = None,
        edges: Any = None,
        id: str | None = None,  # noqa: A002 - as the flag is called
        cost: str | None = None,
        capacity: str | float | None = None,
        max_bad: str | float = "5%",
        text_encoder: str | None = None,
        image_encoder: str | None = None,
        fine_tune: bool = False,
        blend: bool = True,
        net: Any = None,
        members: int | None = None,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        optimizer: str | None = None,
        optimizer_style: str | None = None,
        learning_rate: float | None = None,
        schedule: str | None = None,
        batch_size: int | str | None = None,
        accumulate: int | None = None,
        clip_norm: float | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        dropout: float | None = None,
        l1: float | None = None,
        l2: float | None = None,
        weight_decay: float | None = None,
        max_norm: float | None = None,
        label_smoothing: float | None = None,
        focal: float | None = None,
        input_noise: float | None = None,
    ) -> None:
        self.time_limit, self.memory_limit, self.threads = time_limit, memory_limit, threads
        self.seed, self.kinds, self.drop, self.max_bad = seed, kinds, drop, max_bad
        self.timestamp, self.group, self.window = timestamp, group, window
        self.edges, self.id = edges, id
        self.cost, self.capacity = cost, capacity
        self.text_encoder, self.image_encoder = text_encoder, image_encoder
        self.fine_tune = fine_tune
        self.blend, self.net, self.members, self.hidden = blend, net, members, hidden
        self.activation, self.optimizer = activation, optimizer
        self.optimizer_style, self.learning_rate = optimizer_style, learning_rate
        self.schedule, self.batch_size, self.accumulate = schedule, batch_size, accumulate
        self.clip_norm, self.epochs, self.patience = clip_norm, epochs, patience
        self.dropout, self.l1, self.l2, self.weight_decay = dropout, l1, l2, weight_decay
        self.max_norm, self.label_smoothing = max_norm, label_smoothing
        self.focal, self.input_noise = focal, input_noise

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn ``y`` from ``X``.

        X: frame of pandas, Polars or Arrow, or array (rows, columns). y: (rows,); rows without a
        value are left out. sample_weight: (rows,) how much each row counts. groups: (rows,): rows
        of one group validate together.
        Raises DataError for data that cannot be learned from, OptionError for a choice that
        makes no sense.
        """
        frame = self._features(X, reset=True)
        columns = {"target": self._target(y, frame.height)}
        if sample_weight is not None:
            columns["weight"] = column(sample_weight, frame.height)
        if groups is not None:
            columns["group"] = column(groups, frame.height)
        ends = None if self.time_limit is None else duration(self.time_limit)
        holds = None if self.memory_limit is None else size(self.memory_limit)
        self._learn(frame.drop(self.drop, strict=False), columns, Budget.begin(ends, holds))
        return self

    def _learn(self, frame: pl.DataFrame, columns: dict[str, pl.Series], budget: Budget) -> None:
        own, choices, told = self._net(frame.height)
        names = {role: free(role, frame.columns) for role in columns}
        whole = frame.with_columns(own.alias(names[role]) for role, own in columns.items())
        table = Table.of(whole)
        group = self.group or names.get("group")
        roles = Roles(names["target"], self.id, names.get("weight"), group, self.timestamp)
        threads = self.threads or usable_threads()
        with configured(threads, self.seed):
            plan_ = Plan(roles, self.kinds, None, self.seed)
            made, notices = self._taught(table, plan_, budget)
            code = made.code
            problem = Problem(code.task, code.n_classes, self.seed, threads)  # type: ignore[arg-type]
            models = read_encoders(self.text_encoder, self.image_encoder, self.fine_tune)
            memory = plan(
                made.table, made.schema, problem, choices, budget.memory_limit, models=models
            )
            if memory.rows < len(made.table):
                made = made.rows(some_rows(made.table, memory.rows, self.seed))
            bad = share("max_bad", self.max_bad)
            settings = Settings(
                problem,
                memory.config,
                self.blend,
                own=own,
                most_bad=bad,
                decision=self._decision(),
                models=models,
            )
            learned = learn(made, settings, budget, silent)
        self.notices_ = (*notices, *told, *memory.notices, *learned.notices)
        self._keep(learned, made)

    def _taught(
        self, table: Table, plan_: Plan, budget: Budget
    ) -> tuple[Lesson, tuple[Notice, ...]]:
        """The rows as a lesson, and what to know of them."""
        if self.edges is None:
            return taught(table, plan_, self._task, self._looks_back(), budget.memory_limit)
        ends = read_edges(self.edges, ReadOptions())
        return taught_graph(table, ends, plan_, self._task, share("max_bad", self.max_bad))

    def _looks_back(self) -> int | str | None:
        """Rows whose groups are only there to validate by are no series."""
        if self.window is None:
            return None if self.group is not None else 1
        return moments(self.window)

    def _decision(self) -> Decision:
        if self.cost is not None and self.capacity is not None:
            raise OptionError("E-OPT-006", one="cost", other="capacity")
        miss, alarm = (None, None) if self.cost is None else costs(self.cost)
        most = None if self.capacity is None else share("capacity", self.capacity)
        return Decision(miss, alarm, most)

    def _keep(self, learned: Learned, made: Lesson) -> None:
        """Hold on to what was learned, and to some of the rows."""
        warnings = [notice.as_json() for notice in self.notices_]
        self.facts_ = {**validation_facts(learned, made), "warnings": warnings}
        self.n_iter_ = max(1, learned.training.get("epochs", 1))
        probe = made.table.rows(np.arange(min(PROBE_ROWS, len(made.table))))
        self._hold(learned.model, probe)

    def _net(self, rows: int) -> tuple[Given | None, dict[str, Any], tuple[Notice, ...]]:
        """The user's own net, the choices that were made, and what to know of them."""
        chosen = {name: getattr(self, name) for name in NET}
        if chosen["hidden"] is not None:
            chosen["hidden"] = tuple(chosen["hidden"])
        chosen = {name: value for name, value in chosen.items() if value is not None}
        if self.net is None:
            return None, chosen, ()
        own = Given.of(self.net)
        return own, *own_choices(own, chosen, rows)

    def _hold(self, model: Model, probe: Table) -> None:
        self.model_ = model
        self._probe = probe

    def _features(self, X: Any, *, reset: bool) -> pl.DataFrame:
        """The columns of X as Polars, checked as scikit-learn wants it."""
        return features(self, X, reset=reset)

    def _target(self, y: Any, rows: int) -> pl.Series:
        if y is None:
            raise DataError("E-DATA-057", estimator=type(self).__name__)
        return column(y, rows)

    def _outputs(self, X: Any, edges: Any = None) -> NDArray[np.float64]:
        check_is_fitted(self, "model_")
        table = self._linked(Table.of(self._features(X, reset=False)), edges)
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.predict(table).outputs

    def _linked(self, table: Table, edges: Any) -> Table:
        """Rows among these links, which may lead to rows of training, too."""
        bad = share("max_bad", self.max_bad)
        return with_links(self.model_, table, edges, ReadOptions(), bad)[0]

    def predict_frame(self, X: Any, edges: Any = None) -> pl.DataFrame:
        """All that ``deeplode predict`` writes: id, prediction, …, flags. Polars, a row a row."""
        check_is_fitted(self, "model_")
        table = X if isinstance(X, Table) else Table.of(self._features(X, reset=False))
        table = self._linked(table, edges)
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.answered(table)


def validation_facts(learned: Learned, made: Lesson) -> dict[str, Any]:
    """What result.json holds, measured on out-of-fold rows: there are no test rows in Python."""
    facts = validated(learned, made)
    model = learned.model
    return {
        "schema_version": 1,
        "verb": "train",
        "task": model.problem.task,
        "target": "" if made.code.name == "target" else made.code.name,
        **facts,
        "threshold": learned.threshold,
        "calibration": learned.calibration,
        "training": learned.training,
        "licences": licences(model.encoder),
        "seed": model.problem.seed,
    }
