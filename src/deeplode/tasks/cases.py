"""Cases: a few known anomalies among unlabelled rows, and the columns that give them away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from deeplode.data.audit import audit
from deeplode.data.schema import Roles, Schema, infer
from deeplode.data.table import Table
from deeplode.messages import Notice
from deeplode.tasks.known import cases


def asked(
    table: Table, roles: Roles, kinds: Mapping[str, str] | None
) -> tuple[Schema, NDArray[np.bool_] | None, tuple[Notice, ...]]:
    """The schema; (rows,) which are known anomalies, None without a target; and what is suspect.

    A column that is the target under another name is left out, as ``train`` does it.
    Raises DataError where no row is known, or every one.
    """
    schema = infer(table, roles, kinds)
    if roles.target is None:
        return schema, None, ()
    known = cases(table.frame[roles.target], table.source)
    found = audit(table, schema, known.astype(np.int64), keep=tuple(kinds or ()))
    return schema.without(found.leave_out), known, found.notices
