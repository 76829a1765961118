"""Known communities: how far a model's communities are the groups that a column names."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.evaluate.groups import agreement
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.knowngroups import codes_of


def judged_communities(model: CommunityModel, table: Table, target: str) -> dict[str, Any]:
    """acc, nmi and ari on rows whose group is known. Raises DataError where none is."""
    truth = codes_of(table.frame[target])
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise DataError("E-DATA-059", source=table.source, column=target)
    metrics = agreement(truth[known], model.predict(table).cluster[known], 0)
    line = {"name": "communities", "metrics": metrics, "fit_seconds": None, "predict_seconds": None}
    return {"metrics": metrics, "leaderboard": [line]}
