"""Room: the memory that looking for groups or communities takes, reckoned before it begins."""

from __future__ import annotations

import numpy as np

from deeplode.clusters.vectors import fit_vectors
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.errors import LimitError
from deeplode.memory import PROGRAM, marks
from deeplode.tasks.cluster import HELD, MOST, units_of

SAMPLE, FEW = 5_000, 200  # rows from which the widths are known; with texts, images or sounds
FLOAT = 4
COPIES = 24  # bytes a cell of the vectors that form groups while they do
BETWEEN = 512 * 8  # bytes a row while nearest rows are sorted, a block against all
TOLD = 400  # bytes a row of answers and the tables written
# Of communities, as measured on Facebook pages and made graphs of up to 200 000 nodes:
LINK = 400  # bytes a link: the file, both directions by node, and as lists that are gone through
NODE = 2_000  # bytes a node: lists, what is told of it
CELLS = 56  # bytes a cell of what nodes are about, while it is spread along links


def room(table: Table, schema: Schema, limit: int | None) -> int:
    """Bytes that a search for groups among these rows holds at its peak.

    limit: bytes of the whole process, or None. Raises LimitError when it does not fit.
    """
    rows, (encoded, width) = len(table), _encoded(table, schema)
    forming = min(MOST, round((1 - HELD) * rows) + 1)
    vectors = 2 * rows * width * FLOAT + forming * (width * COPIES + BETWEEN)
    return _fits(table, encoded + vectors + TOLD * rows, limit)


def graph_room(table: Table, ends: Table, schema: Schema, limit: int | None) -> int:
    """Bytes that a search for communities holds at its peak; as ``room``. ends: the links."""
    encoded, width = _encoded(table, schema) if schema.features else (0, 0)
    links = int(ends.frame.estimated_size()) + LINK * len(ends)
    return _fits(table, encoded + links + len(table) * (NODE + CELLS * width), limit)


def _encoded(table: Table, schema: Schema) -> tuple[int, int]:
    """Bytes of encoded rows, and the columns of their vectors."""
    media = any(str(column.kind) in ("text", "image", "audio") for column in schema.features)
    count = min(len(table), FEW if media else SAMPLE)
    sample = table.rows(np.linspace(0, len(table) - 1, count).astype(np.int64))
    encoder = Encoder.fit(sample, schema)
    batch = encoder.transform(sample).batch
    sizes = encoder.sizes
    width = fit_vectors(batch, sizes.media, units_of(encoder), 0).of(batch).shape[1]
    simple = sizes.simple + len(sizes.categories)
    each = 2 * simple * FLOAT + sum(one.nbytes for one in sizes.media)
    return len(table) * each, width


def _fits(table: Table, more: int, limit: int | None) -> int:
    """The bytes of program, table and what is made of it. Raises LimitError where a process of so
    many may not hold them."""
    needed = PROGRAM + int(table.frame.estimated_size()) + more
    if limit is not None and needed > marks(limit)[0]:
        whole = needed + limit - marks(limit)[0]
        megabytes = {"needed": whole // 1_000_000, "given": limit // 1_000_000}
        raise LimitError("E-LIMIT-021", rows=len(table), **megabytes)
    return needed
