"""Prepare: a table of nodes, some with a target, and their links, as training and test rows.

All nodes keep their place in the graph: links and columns of test rows and of unlabelled ones may
be learned from, their targets are not looked at.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.edges import links
from deeplode.data.graph import linked
from deeplode.data.split import MARKED, marked
from deeplode.data.table import Table
from deeplode.encode.target import infer_target, missing_targets
from deeplode.errors import OptionError
from deeplode.messages import Notice
from deeplode.tasks.learn import Lesson
from deeplode.tasks.nodes import Nodes
from deeplode.tasks.prepare import Plan, known_rows, labelled, lesson, tested
from deeplode.tasks.prepared import Prepared

Ints = NDArray[np.int64]


def prepared_graph(
    table: Table, ends: Table, plan: Plan, given: Table | None, most_bad: float
) -> Prepared:
    """Nodes with a target, parted, and made a lesson among all nodes.

    ends: the table of links. given: nodes to test on, linked to the others in the same file.
    Where a split column marks rows as valid, these validate every member and none learns from them;
    rows that it marks otherwise are nodes without a target.
    """
    whole = _placed(table, ends, plan, given, most_bad)
    own = whole.rows(np.arange(len(table)))
    if given is None:
        if plan.split_column is not None:
            own = own.rows(np.flatnonzero(_is_marked(own, plan.split_column)))
        rows, code = labelled(own, plan)
        train, test, how, told = tested(rows, code, plan, None)
    else:
        train, code = labelled(own, plan)
        test, _, odd = known_rows(whole.rows(np.arange(len(table), len(whole))), code)
        how, told = "file", (odd,) if odd else ()
    made, found = lesson(train, code, plan, bare=True)
    made = _among(made, whole, test)
    if given is None and plan.split_column is not None:
        made = _validated(made, rows, plan.split_column)
    if plan.roles.id is not None:
        test = test.with_ids(plan.roles.id)
    return Prepared(made, test, how, len(train), (*_edges(whole), *found, *told))


def taught_graph(
    table: Table, ends: Table, plan: Plan, task: str | None, most_bad: float
) -> tuple[Lesson, tuple[Notice, ...]]:
    """All nodes with a target as a lesson, with no row held out; as ``prepared_graph``."""
    whole = _placed(table, ends, plan, None, most_bad)
    target = whole.frame[str(plan.roles.target)]
    code = infer_target(target, task)
    train = whole.rows(np.flatnonzero(~missing_targets(target)))
    made, found = lesson(train, code, plan, bare=True)
    return _among(made, whole, train.rows(np.arange(0))), (*_edges(whole), *found)


def _placed(table: Table, ends: Table, plan: Plan, given: Table | None, most_bad: float) -> Table:
    """All nodes in one table, those to test on last, with the graph that they are in."""
    name = plan.roles.id
    if given is not None:
        if name is None:
            raise OptionError("E-OPT-190")
        frame = pl.concat([table.frame, given.frame], how="diagonal_relaxed")
        numbers = pl.int_range(frame.height, eager=True).alias("id")
        table = replace(table, frame=frame, ids=numbers)
    ids = table.ids if name is None or name not in table.names else table.frame[name]
    return linked(table, links(ends, ids, most_bad, table.source))


def _edges(whole: Table) -> tuple[Notice, ...]:
    assert whole.graph is not None
    return whole.graph.edges.notices


def _is_marked(table: Table, column: str) -> NDArray[np.bool_]:
    """(rows,) whether a row is to train, to validate or to test; all where nothing is marked, so
    that ``marked`` says what is wrong."""
    if column not in table.names:
        return np.ones(len(table), np.bool_)
    cells = table.frame[column].cast(pl.String).fill_null("").str.to_lowercase().str.strip_chars()
    found: NDArray[np.bool_] = cells.str.contains(MARKED).to_numpy()
    return found if found.any() else np.ones(len(table), np.bool_)


def _among(made: Lesson, whole: Table, test: Table) -> Lesson:
    """The lesson with all nodes but test rows for encoders to learn from, and what a model keeps of
    the graph."""
    graph, places = whole.graph, test.places
    assert graph is not None
    assert places is not None
    name = made.schema.roles.id
    others = np.setdiff1d(np.arange(len(whole)), places)
    nodes = Nodes.of(graph, None if name is None else graph.nodes.frame[name])
    return replace(made, others=graph.nodes.rows(others), nodes=nodes)


def _validated(made: Lesson, rows: Table, column: str) -> Lesson:
    """The lesson whose members validate on the rows that are marked so, if there are any."""
    valid = marked(rows, column).valid
    assert made.table.places is not None
    assert rows.places is not None
    by = np.isin(made.table.places, rows.places[valid]).astype(np.int64)
    return replace(made, how="marked", by=by) if 0 < by.sum() < len(by) else made
