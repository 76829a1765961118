"""Known next: a model's lists judged by what users took after."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplode.data.interactions import InteractionColumns, interactions
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.evaluate.ranking import table as metrics_of
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.question import AT, ask, judged, ranked
from deeplode.tasks.catalogue import both
from deeplode.tasks.recommend import FALLBACK
from deeplode.tasks.recommendmodel import RecommendModel


def judged_lists(model: RecommendModel, table: Table) -> dict[str, Any]:
    """Scores on new interactions of known users, and of what is popular beside them.

    Interactions that the model was told of are no news and are left out. Raises DataError where
    nothing new of a known user and item is left.
    """
    known = model.catalogue
    given = {role: own for role, own in known.columns.named().items() if own in table.names}
    columns = InteractionColumns(
        **{"user": known.columns.user, "item": known.columns.item, **given}
    )
    made = interactions(table, columns, 1.0)
    user = known.places_of(made.users, items=False)[made.user]
    item = known.places_of(made.items)[made.item]
    good = (user >= 0) & (item >= 0)
    strange = int((~good).sum())
    good &= made.liked(known.least)
    news = Histories.of(len(known.users), len(known.items), user[good], item[good])
    question, _ = ask(known.known, both(known.known, known.disliked), news)
    if not len(question):
        raise DataError("E-DATA-206", source=table.source, rows=len(table))
    ways = {"blend": model.scores, FALLBACK: model.blend.scorers[FALLBACK].scores}
    values = {name: judged(ranked(score, question), question.wanted)
              for name, score in ways.items()}  # fmt: skip
    return {
        "main_metric": f"ndcg@{AT}",
        "metrics": metrics_of(values["blend"], AT),
        "leaderboard": [{"name": name, "metrics": metrics_of(own, AT), "fit_seconds": None,
                         "predict_seconds": None} for name, own in values.items()],
        "split": {"test": int(np.sum(question.wanted.length)), "test_users": len(question)},
        "unknown": strange,
    }  # fmt: skip
