"""Room: the memory that looking for groups takes, reckoned before it begins."""

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


def room(table: Table, schema: Schema, limit: int | None) -> int:
    """Bytes that a search for groups among these rows holds at its peak.

    limit: bytes of the whole process, or None. Raises LimitError when it does not fit.
    """
    media = any(str(column.kind) in ("text", "image", "audio") for column in schema.features)
    count = min(len(table), FEW if media else SAMPLE)
    sample = table.rows(np.linspace(0, len(table) - 1, count).astype(np.int64))
    encoder = Encoder.fit(sample, schema)
    batch = encoder.transform(sample).batch
    sizes = encoder.sizes
    width = fit_vectors(batch, sizes.media, units_of(encoder), 0).of(batch).shape[1]
    rows = len(table)
    forming = min(MOST, round((1 - HELD) * rows) + 1)
    simple = sizes.simple + len(sizes.categories)
    needed = (
        PROGRAM
        + int(table.frame.estimated_size())
        + 2 * rows * simple * FLOAT
        + rows * sum(one.nbytes for one in sizes.media)
        + 2 * rows * width * FLOAT
        + forming * (width * COPIES + BETWEEN)
        + TOLD * rows
    )
    if limit is not None and needed > marks(limit)[0]:
        whole = needed + limit - marks(limit)[0]
        megabytes = {"needed": whole // 1_000_000, "given": limit // 1_000_000}
        raise LimitError("E-LIMIT-021", rows=rows, **megabytes)
    return needed
