"""Room: the memory that looking for anomalies takes, reckoned before it begins."""

from __future__ import annotations

import numpy as np

from deeplode.data.schema import Kind, Schema
from deeplode.data.table import Table
from deeplode.detectors.matrix import fit_matrix
from deeplode.detectors.neighbours import MOST, NEAREST, SPARE
from deeplode.detectors.rolling import TOLD as PER_CHANNEL
from deeplode.encode.encoder import Encoder
from deeplode.errors import LimitError
from deeplode.memory import PROGRAM, marks

SAMPLE, FEW = 5_000, 200  # rows from which the widths are known; with texts, images or sounds
FLOAT = 4
COPIES = 66  # bytes a cell of the matrix while histograms score, the most of all detectors …
LEARNED = 44  # … and while known cases are learned
NEAR = 48  # bytes a neighbour and row while neighbours are sorted
TOLD = 1_000  # bytes a row of scores, reasons and the tables written …
NEAR_MOMENT, TOLD_MOMENT = 24, 500  # … and of a moment: only events have reasons


def room(
    table: Table,
    schema: Schema,
    clean: bool,
    known: bool,
    limit: int | None,
    held: int | None = None,
) -> int:
    """Bytes that a search among these rows holds at its peak.

    known: whether cases are learned. limit: bytes of the whole process, or None. held: bytes of
    the table, if known. Raises LimitError when it does not fit. The bytes a cell and a row were
    measured on 2 000 to 100 000 rows of 5 to 210 matrix columns.
    """
    media = any(str(column.kind) in ("text", "image", "audio") for column in schema.features)
    count = min(len(table), FEW if media else SAMPLE)
    sample = table.rows(np.linspace(0, len(table) - 1, count).astype(np.int64))
    encoder = Encoder.fit(sample, schema)
    batch = encoder.transform(sample).batch
    rows, cells = len(table), len(table) * len(fit_matrix(batch).columns)
    sizes = encoder.sizes
    simple = sizes.simple + len(sizes.categories)
    nearest = NEAREST if clean else MOST
    lasting = (
        PROGRAM,
        held or int(table.frame.estimated_size()),
        2 * rows * simple * FLOAT + rows * sum(one.nbytes for one in sizes.media),
        2 * cells * FLOAT,
        TOLD * rows,
    )
    stages = (COPIES * cells, LEARNED * cells * known, NEAR * rows * (nearest + 1 + SPARE))
    return _fits(sum(lasting) + max(stages), rows, limit)


def room_of_series(table: Table, schema: Schema, clean: bool, limit: int | None) -> int:
    """Bytes that a search among moments of series holds at its peak; as ``room``.

    clean: whether some are known to be normal: detectors see the later half of them. Measured on
    20 000 to 300 000 moments of 4 to 60 channels: 5 to 30 % more than was held.
    """
    channels = sum(column.kind in (Kind.NUMBER, Kind.BOOLEAN) for column in schema.features)
    rows = len(table)
    learned = rows // 2 if clean else rows
    cells = learned * PER_CHANNEL * channels
    nearest = NEAREST if clean else MOST
    lasting = (
        PROGRAM,
        int(table.frame.estimated_size()),
        4 * rows * channels * FLOAT,  # twice, in double
        2 * cells * FLOAT,
        TOLD_MOMENT * rows,
    )
    stages = (COPIES * cells, NEAR_MOMENT * learned * (nearest + 1 + SPARE))
    return _fits(sum(lasting) + max(stages), rows, limit)


def _fits(needed: int, rows: int, limit: int | None) -> int:
    """The bytes needed. Raises LimitError where a process of so many may not hold them."""
    if limit is not None and needed > marks(limit)[0]:
        whole = needed + limit - marks(limit)[0]
        megabytes = {"needed": whole // 1_000_000, "given": limit // 1_000_000}
        raise LimitError("E-LIMIT-020", rows=rows, **megabytes)
    return needed
