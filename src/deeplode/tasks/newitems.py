"""New items: what a model can say of items that it knows by their columns alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from deeplode.data.ids import ids_of, one_form, places
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.recommenders.blend import Blend
from deeplode.recommenders.scorer import Scorer
from deeplode.recommenders.towers import TwoTowers
from deeplode.recommenders.wider import Wider, slope_of
from deeplode.tasks.catalogue import Catalogue
from deeplode.tasks.described import found
from deeplode.tasks.recommend import COLUMNS
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.things import titles_of

LEAST = 1e-3  # weight of what knows columns, so that it puts new items in order in any case


def with_items(model: RecommendModel, table: Table) -> RecommendModel:
    """The model with the items of a table that it does not know behind those that it knows.

    Two towers place them by their columns, the other scorers as far as they follow the towers on
    the items that both know. The model answers, but is not to be saved. Raises OptionError where
    it has learned nothing of columns, DataError where the table names an item twice or lacks a
    column.
    """
    known, towers = model.catalogue, model.blend.scorers.get(COLUMNS)
    cells = ids_of(serving(table, "item", known.columns.item))
    if model.of_items is None or not isinstance(towers, TwoTowers):
        raise OptionError("E-OPT-248")
    (own, asked), _ = one_form([known.items, cells])
    new = np.flatnonzero((places(asked, own) < 0) & asked.is_not_null().to_numpy())
    found(table, known.columns.item, "item", cells.drop_nulls())  # each once
    if not len(new):
        return model
    rows = table.rows(new)
    blend = _blend(model, towers, towers.with_items(model.of_items.of(rows)))
    return replace(model, catalogue=_catalogue(known, own, rows, asked.gather(new)), blend=blend)


def _catalogue(known: Catalogue, own: pl.Series, rows: Table, new: pl.Series) -> Catalogue:
    """Items and titles, the new ones behind. own, new: ids in one form. rows: of the new ones."""
    items = pl.concat([own.alias("id"), new.alias("id")])
    titles = known.titles
    if titles is not None:
        more = titles_of(rows, known.columns.item, np.arange(len(new)), new)
        named = new.cast(pl.String) if more is None else more
        titles = pl.concat([titles.alias("title"), named.alias("title")])
    had, low = (replace(one, items=len(items)) for one in (known.known, known.disliked))
    return replace(known, items=items, titles=titles, known=had, disliked=low)


def _blend(model: RecommendModel, towers: TwoTowers, wide: TwoTowers) -> Blend:
    """The scorers among all items. towers: of the known ones. wide: of all."""
    known = model.catalogue
    scorers: dict[str, Scorer] = {
        name: Wider(one, wide, len(known.items), slope_of(one, towers, known.known))
        for name, one in model.blend.scorers.items()
    }
    scorers[COLUMNS] = wide
    weights = {**model.blend.weights}
    weights[COLUMNS] = max(weights.get(COLUMNS, 0.0), LEAST)
    return Blend(scorers, weights)
