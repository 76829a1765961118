"""Evaluate: a model on rows whose answers are known."""

from __future__ import annotations

from typing import Any

from deeplode.data.split import keys
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.encode.checks import unread_rows
from deeplode.errors import DataError, OptionError
from deeplode.saved import AnyModel
from deeplode.tasks.clustermodel import ClusterModel
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.known import judged
from deeplode.tasks.knowncommunities import judged_communities
from deeplode.tasks.knowngroups import judged as judged_groups
from deeplode.tasks.knownnext import judged_lists
from deeplode.tasks.knownseries import judged_series
from deeplode.tasks.model import Model
from deeplode.tasks.prepare import known_rows
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.score import Held, few_groups, score
from deeplode.tasks.seriesmodel import SeriesModel


def evaluate(model: AnyModel, table: Table, target: str | None) -> dict[str, Any]:
    """The facts that labelled rows tell; under ``warnings`` the notices.

    target: column with the truth; None = the one that the model learned.
    Raises DataError where it is absent or no row has a value that the model knows.
    """
    if isinstance(model, RecommendModel):
        if target is not None:
            raise OptionError("E-OPT-247", option="target")
        facts, notices = judged_lists(model, table), list[Any]()
    elif isinstance(model, Model):
        if target not in (None, model.asked):
            raise OptionError("E-OPT-162", target=target, own=model.asked)
        table, facts, notices = _supervised(model, table)
        target = model.asked
    else:
        target = target or model.schema.roles.target
        if target is None:
            raise OptionError("E-OPT-160", verb=model.verb, columns=", ".join(table.names[:20]))
        _there(table, target)
        if isinstance(model, CommunityModel):
            facts, notices = judged_communities(model, table, target), []
        elif isinstance(model, ClusterModel):
            facts, notices = judged_groups(model, table, target), []
        else:
            if isinstance(model, SeriesModel):
                facts, found = judged_series(model, table, target)
            else:
                facts, found = judged(model, table, target)
            notices = found.notices() if found else []
    return {
        "schema_version": 1,
        "verb": "evaluate",
        "task": model.task,
        "target": target,
        "source": {"name": table.source, "rows": len(table), "columns": len(table.names)},
        **facts,
        "warnings": notices,
    }


def _supervised(model: Model, table: Table) -> tuple[Table, dict[str, Any], list[Any]]:
    """The rows whose target the model knows, every candidate's scores, and what was left out."""
    name, forecast = model.target.name, model.schema.forecast
    for own in (name,) if forecast is None else forecast.targets:
        _there(table, own)
    table, _, unknown = known_rows(model.rows(table), model.target)
    if not len(table):
        raise DataError("E-DATA-059", source=table.source, column=name)
    encoded = model.encoder.transform(table)
    batch, unread = encoded.batch, unread_rows(encoded.flags, table.ids)
    truth = model.target.encode(table.frame[name])
    seconds = dict.fromkeys((*model.candidates, "blend"), 0.0)
    group = model.schema.roles.group
    by = None if group is None or group not in table.names else keys(table, group)
    held = Held(batch, truth, None, by, model.channels(table))
    facts = score(model, model.candidates, held, model.outputs(batch), seconds)
    return table, facts, [*([unknown] if unknown else []), *unread, *few_groups(model, table)]


def _there(table: Table, target: str) -> None:
    if target not in table.names:
        near = closest(target, table.names)
        values = {"source": table.source, "column": target, "closest": near}
        raise DataError("E-DATA-030", role="target", **values)
