"""Room: the memory that recommending takes, reckoned before it begins."""

from __future__ import annotations

from deeplode.errors import LimitError
from deeplode.memory import PROGRAM, marks
from deeplode.recommenders import ease, slim
from deeplode.recommenders.blend import DEPTH, MOST_USERS
from deeplode.recommenders.question import CELLS
from deeplode.recommenders.ways import NET

COPIES = 6  # of the columns while interactions are put in order
PAIR = 160  # bytes an interaction takes in all parts and as sparse matrices
ID = 400  # bytes of a user or item: ids, counts, lists, neighbours
FLOAT = 4
BLOCK = 6  # copies of a block of scores
WAYS = 8


def planned(table_bytes: int, pairs: int, users: int, items: int, memory: int | None) -> int:
    """Bytes at the peak, with the scorer that takes most. memory: that a scorer may take."""
    dense = [
        copies * FLOAT * min(items, most) ** 2
        for copies, most in ((ease.COPIES, ease.MOST), (slim.COPIES, slim.MOST))
        if items <= 2 * most
    ]
    most = max((*dense, NET * items))
    return room(table_bytes, pairs, users, items) + (most if memory is None else min(most, memory))


def room(table_bytes: int, pairs: int, users: int, items: int) -> int:
    """Bytes of everything but the scorers themselves."""
    return (
        PROGRAM
        + COPIES * table_bytes
        + PAIR * pairs
        + ID * (users + items)
        + BLOCK * FLOAT * max(CELLS, items)
        + WAYS * DEPTH * MOST_USERS * WAYS * FLOAT
    )


def scorer_room(limit: int | None, needed: int, pairs: int) -> int | None:
    """Bytes that a scorer may take; None without a limit. limit: of the whole process.

    Raises LimitError when nothing is left.
    """
    if limit is None:
        return None
    left = marks(limit)[0] - needed
    if left <= 0:
        whole = needed + limit - marks(limit)[0]
        megabytes = {"needed": whole // 1_000_000, "given": limit // 1_000_000}
        raise LimitError("E-LIMIT-022", rows=pairs, **megabytes)
    return left
