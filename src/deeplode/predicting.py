"""Predicting: a model's answers for the rows, or the users, of a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from deeplode.data.ids import ids_of
from deeplode.data.table import Table
from deeplode.detectoptions import PredictOptions, RowOptions
from deeplode.encode.checks import unread_rows
from deeplode.errors import OptionError
from deeplode.linking import with_links
from deeplode.messages import Notice
from deeplode.progress import Listen
from deeplode.saved import AnyModel, RowModel
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.drift import drift
from deeplode.tasks.listed import allowed
from deeplode.tasks.newitems import with_items
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.seriesmodel import SeriesModel
from deeplode.verbs import Source, opened, read_table, tell

OF_LISTS = ("items", "top", "only", "exclude")  # options for models of recommend


def answers(
    model: str, source: Source, options: PredictOptions, listen: Listen
) -> Iterator[pl.DataFrame]:
    """A model's answers, in parts; see ``deeplode.verbs``."""
    listen("stage", name="load")
    fitted = opened(model).model
    listen("stage", name="read")
    if isinstance(fitted, RecommendModel):
        yield from _lists(fitted, source, options, listen)
        return
    for name in OF_LISTS:
        if getattr(options, name) is not None:
            raise OptionError("E-OPT-244", option=name, verb=fitted.verb)
    table = rows_for(fitted, source, options, listen)
    if fitted.schema.id is not None and fitted.schema.id in table.names:
        table = table.with_ids(fitted.schema.id)
    listen("stage", name="predict")
    answered = fitted.answered(table)
    tell(unread_rows(answered["flags"].to_list(), answered["id"]), listen)
    if isinstance(fitted, AnomalyModel | SeriesModel):
        found = drift(fitted, answered["score"].to_numpy())
        tell(found.notices() if found else [], listen)
    yield answered


def rows_for(model: AnyModel, source: Source, options: RowOptions, listen: Listen) -> Table:
    """The rows of a source as the model takes them, among their links where it learned from such.
    Tells what was noticed."""
    table = read_table(source, options, listen)
    if isinstance(model, RecommendModel):
        return table
    table = _as_known(table, model)
    found, notices = with_links(model, table, options.edges, options, options.most_bad)
    tell(notices, listen)
    return found


def _lists(
    model: RecommendModel, source: Source, options: PredictOptions, listen: Listen
) -> Iterator[pl.DataFrame]:
    """Lists for the users of a source; where it has items alone, what goes with each."""
    table = read_table(source, options, listen)
    columns = model.catalogue.columns
    of_users = columns.user in table.names or options.only or options.exclude
    if not of_users and columns.item in table.names:
        listen("stage", name="predict")
        items = ids_of(table.frame[columns.item]).drop_nulls().unique(maintain_order=True)
        strange = items.filter(pl.Series(model.catalogue.places_of(items) < 0))
        told = {"count": len(strange), "all": len(items), "first": next(iter(strange), None)}
        tell([Notice("W-REC-015", columns.item, told)] if len(strange) else [], listen)
        yield model.similar(items, options.top or model.top)
        return
    if options.items is not None:
        model = with_items(model, read_table(options.items, options, listen))
    named = {"only": options.only, "exclude": options.exclude}
    beside = {name: read_table(path, options, listen) for name, path in named.items() if path}
    listen("stage", name="predict")
    asked, open_ = allowed(model.catalogue, model.asked(table), beside)
    done = 0
    for frame, users in model.frames(asked, options.top or model.top, open_):
        done += users
        listen("progress", done=done, total=len(asked))
        yield frame


def _as_known(table: Table, model: RowModel) -> Table:
    """A table of bare images or sounds, with the name that the model knows their column by."""
    columns = {part.columns[0]: part.media for part in model.encoder.media[::-1]}
    if model.schema.windows is not None or len(columns) != 1:
        return table
    ((name, medium),) = columns.items()
    if name in table.names or medium not in table.names:
        return table
    return replace(table, frame=table.frame.rename({medium: name}))
