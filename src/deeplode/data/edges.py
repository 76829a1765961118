"""Edges: a file of links between the rows of a table, checked, each link once.

Links have no direction: a pair that stands in both directions, or several times, is one link.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import one_form, places
from deeplode.data.parse import NumberFormat, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.timeline import moments
from deeplode.errors import DataError
from deeplode.messages import Notice

ENDS = ("source", "target")
WEIGHT, TYPE, TIME = "weight", "type", "time"
HEAVIEST = 1e100  # a weight: sums and squares of such ones stay finite
SHOWN = 5  # ids that a message lists

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Edges:
    """Links between nodes 0 … nodes - 1, the rows of a table.

    source, target: (links,) int64, source < target, rising by pairs. weight: (links,) above 0.
    notices: what the user should know of the file. said: the rows of the file that count, with the
    nodes that each goes ``from`` and ``to`` and its type and time; None where it has neither.
    Raises ValueError where they are no links between so many nodes.
    """

    nodes: int
    source: Ints
    target: Ints
    weight: Floats
    notices: tuple[Notice, ...] = ()
    said: Table | None = None

    def __post_init__(self) -> None:
        shapes = {self.source.shape, self.target.shape, self.weight.shape}
        if len(shapes) > 1 or self.source.ndim != 1:
            raise ValueError("links need as many sources as targets and weights")
        inside = (self.source >= 0) & (self.source < self.target) & (self.target < self.nodes)
        if not (inside.all() and np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise ValueError("links go from a node to a later one and have weights above 0")

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def degree(self) -> Ints:
        """(nodes,) links at each node."""
        ends = (np.bincount(one, minlength=self.nodes) for one in (self.source, self.target))
        return np.asarray(sum(ends), np.int64)

    @cached_property
    def by_node(self) -> tuple[Ints, Ints, Floats]:
        """All links in both directions by their first node, as a sparse matrix by rows has them:
        (nodes + 1,) where each node's begin, (2 links,) the other node, (2 links,) weights."""
        first = np.concatenate([self.source, self.target])
        other = np.concatenate([self.target, self.source])
        order = np.lexsort((other, first))
        begins = np.concatenate([[0], np.cumsum(self.degree)])
        return begins, other[order], np.concatenate([self.weight] * 2)[order]


def links(table: Table, ids: pl.Series, most_bad: float = 0.0, source: str = "nodes") -> Edges:
    """The links that a table of ends names, between nodes with these ids.

    table: columns ``source`` and ``target``, and ``weight`` if links differ in it; ``type`` and
    ``time`` are kept as they are. The order of rows is no matter, to the last bit. ids: (nodes,);
    numbers on one side and texts on the other match where the number is written so. most_bad:
    share of the links that may name an unknown node; these are left out and told, as are links
    of a node with itself. source: what messages call the nodes.
    Raises DataError where a column is absent, ids come twice, weights are no numbers of 0 to 1e100,
    too many nodes are unknown, or no link is left.
    """
    for name in ENDS:
        if name not in table.names:
            near = closest(name, table.names)
            raise DataError("E-DATA-130", source=table.source, column=name, closest=near)
    _once(ids, source)
    cells = [table.frame[name] for name in ENDS]
    keys, notices = _keys([ids, *cells], table.source)
    ends = [places(one, keys[0]) for one in keys[1:]]
    known = np.logical_and.reduce([one >= 0 for one in ends])
    notices += _unknown(table, cells, ends, known, most_bad)
    weight = _weights(table)[known]
    first, other = (one[known] for one in ends)
    loops = first == other
    if loops.any():
        notices.append(Notice("W-GRAPH-002", None, {"count": int(loops.sum())}))
    kept = ~loops & (weight > 0)
    made, more = _merged(first[kept], other[kept], weight[kept], len(ids), WEIGHT in table.names)
    if not len(made):
        raise DataError("E-DATA-132", source=table.source, rows=len(table))
    lonely = int((made.degree == 0).sum())
    notices += more
    if lonely:
        notices.append(Notice("W-GRAPH-004", None, {"count": lonely, "nodes": len(ids)}))
    unused = [name for name in table.names if name not in (*ENDS, WEIGHT, TYPE, TIME)]
    if unused:
        told = ", ".join(map(repr, unused[:SHOWN]))
        notices.append(Notice("W-GRAPH-006", None, {"source": table.source, "columns": told}))
    said, odd = _said(table, np.flatnonzero(known)[kept], first[kept], other[kept])
    return replace(made, notices=(*notices, *odd), said=said)


def _said(
    table: Table, rows: Ints, first: Ints, other: Ints
) -> tuple[Table | None, tuple[Notice, ...]]:
    """What the file says of links beside their weight, a row a row, and what to tell of it. A time
    that cannot be read is left out."""
    names = [name for name in (TYPE, TIME) if name in table.names]
    if not names:
        return None, ()
    frame = table.frame.select(names)[rows]
    odd: tuple[Notice, ...] = ()
    if TIME in names:
        lost = np.isnan(_times(table)) & table.frame[TIME].is_not_null().to_numpy()
        if lost.any():
            row = int(np.argmax(lost))
            told = {"count": int(lost.sum()), "row": row, "value": repr(table.frame[TIME][row])}
            odd = (Notice("W-GRAPH-009", TIME, {"source": table.source, **told}),)
        readable = pl.Series(~lost[rows])
        frame = frame.with_columns(pl.when(readable).then(pl.col(TIME)).alias(TIME))
    ends = [pl.Series("from", first), pl.Series("to", other)]
    return replace(table, frame=frame.with_columns(ends), ids=pl.Series("id", rows)), odd


def _times(table: Table) -> Floats:
    """(rows,) of each row, NaN where it is no moment, as all are in a column of another type."""
    try:
        return moments(table, TIME)[0]
    except DataError:
        return np.full(len(table), np.nan)


def _once(ids: pl.Series, source: str) -> None:
    """Raises DataError where an id names two nodes."""
    given = ids.drop_nulls()
    if given.n_unique() == len(given):
        return
    row = int(np.flatnonzero((ids.is_duplicated() & ids.is_not_null()).to_numpy())[0])
    twice = len(given) - given.n_unique()
    raise DataError("E-DATA-131", source=source, row=row, value=repr(ids[row]), count=twice)


def _keys(columns: list[pl.Series], source: str) -> tuple[list[pl.Series], list[Notice]]:
    """The columns in one form, numbers or texts, and what to tell where they had two."""
    found, differed = one_form(columns)
    return found, [Notice("W-GRAPH-007", None, {"source": source})] if differed else []


def _unknown(
    table: Table,
    cells: list[pl.Series],
    ends: list[Ints],
    known: NDArray[np.bool_],
    most_bad: float,
) -> list[Notice]:
    """What to tell of links with an unknown end. Raises DataError where there are too many."""
    if known.all():
        return []
    row = int(np.argmin(known))
    strange: list[object] = []
    for one, place in zip(cells, ends, strict=True):
        strange += one.filter(pl.Series(place < 0)).unique(maintain_order=True).to_list()
    different = list(dict.fromkeys(strange))
    ids = ", ".join(map(repr, different[:SHOWN])) + (", …" if len(different) > SHOWN else "")
    count, edges = int((~known).sum()), len(known)
    told = {"source": table.source, "count": count, "edges": edges, "ids": ids}
    if count > most_bad * edges:
        raise DataError("E-DATA-133", row=row, **told)
    return [Notice("W-GRAPH-001", None, told)]


def _weights(table: Table) -> Floats:
    """(rows,) how much each row counts. Raises DataError naming a row that is no such number."""
    if WEIGHT not in table.names:
        return np.ones(len(table))
    values, _ = numbers(table.frame[WEIGHT], NumberFormat())
    bad = ~((values >= 0) & (values <= HEAVIEST))
    if bad.any():
        row = int(np.argmax(bad))
        value = repr(table.frame[WEIGHT][row])
        raise DataError("E-DATA-134", source=table.source, column=WEIGHT, row=row, value=value)
    return values


def _merged(
    first: Ints, other: Ints, weight: Floats, nodes: int, weighted: bool
) -> tuple[Edges, list[Notice]]:
    """Each pair once: its weights in one direction added up, of two directions the mean."""
    low, high = np.minimum(first, other), np.maximum(first, other)
    way = 2 * (low * nodes + high) + (first > other)
    if weighted:  # sums of floats depend on their order
        order = np.lexsort((weight, way))
        way, weight = way[order], weight[order]
    ways, which, counts = np.unique(way, return_inverse=True, return_counts=True)
    sums = np.bincount(which, weight) if weighted else np.ones(len(ways))
    pairs, place, directions = np.unique(ways >> 1, return_inverse=True, return_counts=True)
    mean = np.bincount(place, sums) / directions if len(pairs) else np.empty(0)
    made = Edges(nodes, pairs // nodes, pairs % nodes, mean)
    notices = []
    repeated, mutual = int((counts - 1).sum()), int((directions == 2).sum())
    if repeated:
        notices.append(Notice("W-GRAPH-003", None, {"count": repeated}))
    if 0 < mutual < len(pairs):
        told = {"count": mutual, "one_way": len(pairs) - mutual}
        notices.append(Notice("W-GRAPH-005", None, told))
    return made, notices
