"""Further: interactions that a fitted model takes in.

Nothing is chosen anew, which is what takes the time when learning: neither settings nor weights of
the blend nor how long nets train.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import one_form, places
from deeplode.data.interactions import InteractionColumns, interactions
from deeplode.data.table import Table
from deeplode.recommenders.blend import Blend
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.towers import TwoTowers
from deeplode.recommenders.ways import WAYS
from deeplode.runtime import Budget
from deeplode.tasks.catalogue import Catalogue, joined
from deeplode.tasks.recommend import COLUMNS, Settings, grounds_of
from deeplode.tasks.recommendmodel import RecommendModel

FURTHER = 5  # epochs that nets go on for

Ints = NDArray[np.int64]


def further(
    model: RecommendModel, table: Table, settings: Settings, budget: Budget, most_bad: float
) -> RecommendModel:
    """The model after these interactions, too, of known and new users and items; the same where
    none is new. What counts or solves does so among all histories, at the setting that was chosen
    before; nets go on from where they are for some epochs. Raises DataError as ``gather`` does.
    """
    catalogue = extended(model.catalogue, table, most_bad)
    if _size(catalogue) == _size(model.catalogue):
        return model
    grounds = grounds_of(_told(settings, model, len(catalogue.items)), budget, None)
    scorers = {}
    for name, one in model.blend.scorers.items():
        way, setting = WAYS[name], dict(one.setting)
        if way.deep:
            setting["epochs"] = min(FURTHER, setting["epochs"])
        own = replace(grounds, earlier=one if way.deep else None)
        scorers[name] = way.fit(catalogue.known, setting, own)
    return replace(model, catalogue=catalogue, blend=Blend(scorers, model.blend.weights))


def _told(settings: Settings, model: RecommendModel, items: int) -> Settings:
    """What is known of items; of new ones nothing."""
    towers = model.blend.scorers.get(COLUMNS)
    if not isinstance(towers, TwoTowers):
        return settings
    told = np.zeros((items, towers.known.shape[1]), np.float32)
    told[: len(towers.known)] = towers.known
    return replace(settings, item_features=told)


def extended(known: Catalogue, table: Table, most_bad: float) -> Catalogue:
    """The users, items and histories known, and behind them those of a table."""
    columns = known.columns
    given = {role: own for role, own in columns.named().items() if own in table.names}
    wanted = {"user": columns.user, "item": columns.item, **given}
    made = interactions(table, InteractionColumns(**wanted), most_bad)
    if known.columns.timestamp is not None:
        made = made.in_order()
    users, user = _with(known.users, made.users)
    items, item = _with(known.items, made.items)
    who, what = user[made.user], item[made.item]
    liked = made.liked(known.least)
    place = np.concatenate(
        [np.arange(len(known.users)), np.full(len(users) - len(known.users), -1)]
    )
    every = joined(_wide(known.known, len(items)), place, who[liked], what[liked])
    low = joined(_wide(known.disliked, len(items)), place, who[~liked], what[~liked])
    titles = known.titles
    if titles is not None:
        titles = pl.concat([titles, items[len(titles) :].cast(pl.String).alias(titles.name)])
    return replace(known, users=users, items=items, titles=titles, known=every, disliked=low)


def _with(known: pl.Series, more: pl.Series) -> tuple[pl.Series, Ints]:
    """Ids known and behind them those that are new; and (more,) the places of the others."""
    (own, asked), _ = one_form([known, more])
    new = asked.filter(pl.Series(places(asked, own) < 0))
    every = pl.concat([own.alias("id"), new.alias("id")])
    return every, places(asked, every)


def _size(known: Catalogue) -> tuple[int, ...]:
    """How much is known: interactions are only ever added."""
    return len(known.users), len(known.items), len(known.known.item), len(known.disliked.item)


def _wide(histories: Histories, items: int) -> Histories:
    return replace(histories, items=items)
