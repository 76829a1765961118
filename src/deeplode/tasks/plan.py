"""Plan: what training will hold in memory, and what is made smaller when that is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.batch import MAPPED, Sizes
from deeplode.encode.encoder import Encoder
from deeplode.errors import LimitError
from deeplode.evaluate.design import LEVELS
from deeplode.evaluate.linear import CELLS
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.memory import PROGRAM, marks
from deeplode.messages import Notice
from deeplode.pretrained.read import Pretrained, held_bytes
from deeplode.tasks.choose import choose, memory, shrink
from deeplode.tasks.encoding import check_used
from deeplode.tasks.graphroom import graph_parts

SAMPLE = 5_000  # rows from which the encoded width is known
STAGES = ("label_propagation", "linear", "graph_net", "trees", "net")
FLOAT = 4
ANSWERS = 20_000  # bytes a row of up to MOST rows: to score, resample and shuffle, as measured
MOST = 10_000
TESTED = 1.25  # training and test rows, over training rows
TIMES = 2.5  # of a table's bytes are touched while it is read and parted


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that training will hold at its peak, and the net and rows that keep it below.

    parts: bytes by what holds them; of the candidates (STAGES) only the largest counts, as one
    comes after the other. rows: training rows to use. notices: what was made smaller. mapped:
    decoded images and sounds lie in a file.
    """

    config: FitConfig
    rows: int
    parts: Mapping[str, int]
    notices: tuple[Notice, ...] = ()
    mapped: bool = False

    @property
    def total(self) -> int:
        """Bytes at the peak."""
        lasting = sum(own for name, own in self.parts.items() if name not in STAGES)
        return lasting + max(self.parts.get(name, 0) for name in STAGES)

    def as_json(self) -> dict[str, Any]:
        """For people: bytes of each part and of all, and what follows for the net."""
        return {
            "bytes": self.total,
            "parts": dict(self.parts),
            "rows": self.rows,
            "members": self.config.members,
            "batch_size": self.config.batch_size,
        }


def plan(
    train: Table,
    schema: Schema,
    problem: Problem,
    given: Mapping[str, Any],
    limit: int | None,
    held: int | None = None,
    models: Mapping[str, Pretrained] | None = None,
    disk: bool = False,
) -> MemoryPlan:
    """Reckon what training on these rows takes.

    given: network choices of the user. limit: bytes of the whole process, or None.
    held: bytes of all tables that stay in memory; those of ``train`` alone if not given.
    models: pretrained encoders of ``text`` and ``image``. disk: decoded images and sounds may lie
    in a file.
    What may lie in a file goes there first; then batch shrinks, then members, then rows. Raises
    LimitError when nothing fits, OptionError where a pretrained encoder has no column to read.
    """
    check_used(models or {}, schema)
    sample = train.rows(np.linspace(0, len(train) - 1, min(len(train), SAMPLE)).astype(np.int64))
    encoder = Encoder.fit(sample, schema, models)
    sizes = encoder.sizes
    lasting = {"table": held or int(train.frame.estimated_size())}
    if encoder.models:
        lasting["pretrained"] = _pretrained(encoder)
    if train.graph is not None:
        lasting |= graph_parts(train.graph, sizes, problem, len(train))
    config = choose(len(train), sizes, problem, given)
    whole = MemoryPlan(config, len(train), _parts(len(train), lasting, sizes, problem, config))
    soft = float("inf") if limit is None else marks(limit)[0]
    if limit is None or whole.total <= soft:
        return whole
    if disk and (on_disk := int(TESTED * len(train) * _in_files(sizes))):
        parts = {**whole.parts, "encoded": whole.parts["encoded"] - on_disk}
        told = Notice(
            "W-MEDIA-080", None, {"limit": limit // 1_000_000, "size": on_disk // 1_000_000}
        )
        whole = replace(whole, parts=parts, mapped=True, notices=(told,))
    return whole if whole.total <= soft else _smaller(whole, lasting, sizes, problem, limit)


def _in_files(sizes: Sizes) -> int:
    """Bytes of a row that may lie in a file."""
    return sum(one.cell_bytes for one in sizes.media if one.kind in MAPPED)


def _parts(
    rows: int, lasting: Mapping[str, int], sizes: Sizes, problem: Problem, config: FitConfig
) -> dict[str, int]:
    columns = sizes.simple + len(sizes.categories)
    media = sum(one.nbytes for one in sizes.media)
    return {
        "program": PROGRAM,
        **lasting,
        # By columns first, then by rows; media of training and test rows.
        "encoded": 2 * rows * columns * FLOAT + int(TESTED * rows * media),
        "answers": ANSWERS * min(rows, MOST),
        "linear": _linear(rows, sizes, problem),
        "trees": _trees(rows, columns, problem),
        "net": memory(rows, sizes, problem, config),
    }


def _pretrained(encoder: Encoder) -> int:
    """What they hold, and one step of the largest."""
    models = encoder.models.values()
    steps = max((one.step_bytes for one in models), default=0)
    return sum(held_bytes(one) for one in models) + steps


def _linear(rows: int, sizes: Sizes, problem: Problem) -> int:
    """The matrix with a column for each frequent level; measured at 6.4 bytes a cell."""
    width = 1 + sizes.simple + sizes.wide + sum(min(slots, LEVELS) for slots in sizes.categories)
    return 7 * min(CELLS, rows * (width + problem.n_classes))


def _trees(rows: int, columns: int, problem: Problem) -> int:
    """The matrix, and for each model grown side by side its rows, their bins and scores.

    Twice what the arrays alone would take, as measured on 100 000 to 400 000 rows.
    """
    side_by_side = min(problem.threads, 4)
    cell = FLOAT + side_by_side * 6
    return 2 * rows * (columns * cell + side_by_side * 24 * problem.n_outputs)


def _smaller(
    whole: MemoryPlan, lasting: Mapping[str, int], sizes: Sizes, problem: Problem, limit: int
) -> MemoryPlan:
    """The plan made to fit below the soft mark of ``limit``."""
    soft, _ = marks(limit)
    rows = whole.rows
    while True:
        parts = _parts(rows, lasting, sizes, problem, whole.config)
        if whole.mapped:
            parts["encoded"] -= int(TESTED * rows * _in_files(sizes))
        room = soft - sum(own for name, own in parts.items() if name not in STAGES)
        config, fitting = shrink(rows, sizes, problem, whole.config, room)
        parts["net"] = memory(fitting, sizes, problem, config)
        if fitting == rows and max(parts.get(name, 0) for name in STAGES) <= room:
            break
        if rows <= 1_000:
            needed = MemoryPlan(config, rows, parts).total + limit - soft
            raise LimitError("E-LIMIT-001", needed=needed // 1_000_000, given=limit // 1_000_000)
        rows = max(1_000, min(fitting, rows * 4 // 5))
    megabytes = limit // 1_000_000
    changes = (
        ("W-LIMIT-001", whole.config.batch_size, config.batch_size),
        ("W-LIMIT-002", whole.config.members, config.members),
        ("W-LIMIT-003", whole.rows, rows),
    )
    notices = tuple(
        Notice(code, None, {"limit": megabytes, "before": before, "after": after})
        for code, before, after in changes
        if before != after
    )
    return MemoryPlan(config, rows, parts, (*whole.notices, *notices), whole.mapped)


def some_rows(train: Table, rows: int, seed: int) -> np.ndarray:
    """Positions of so many training rows, drawn at random, rising."""
    drawn = np.random.default_rng(seed).choice(len(train), rows, replace=False)
    return np.sort(drawn)


def thinning(table: int, limit: int) -> int:
    """Read each so-manieth row only, so that a table of so many bytes can be read and split.

    table: bytes of all columns in memory; while rows are parted they are there twice.
    """
    room = marks(limit)[0] - PROGRAM
    return max(1, -(-int(TIMES * table) // max(room, 1))) if room > 0 else 1
