"""Partitioning: cluster on linked rows, from a table of nodes to the facts of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.clusteroptions import ClusterOptions
from deeplode.data.column import Kind
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.evaluate.groups import agreement
from deeplode.linkfacts import link_facts
from deeplode.messages import Notice, joined, say
from deeplode.progress import Listen
from deeplode.runfacts import SCHEMA_VERSION, source_facts, versions
from deeplode.runtime import Budget
from deeplode.tasks.clustermodel import ClusterModel
from deeplode.tasks.communities import BOTH, Communities
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.knowngroups import codes_of
from deeplode.tasks.networkfacts import homophilies, names_of, network_facts
from deeplode.tasks.partition import Partitioned, partition
from deeplode.tasks.topics import topics
from deeplode.tasks.traits import traits

TRAITS = 4  # columns of a community that are told before its words


@dataclass(frozen=True)
class Formed:
    """What ``cluster`` comes to, for rows and for graphs.

    labels: (rows,) groups from 0. frame: what the model says of the rows, as
    ``predictions.parquet`` has it. facts: of result.json.
    """

    model: ClusterModel | CommunityModel
    labels: NDArray[np.int64]
    frame: pl.DataFrame
    facts: dict[str, Any]
    notices: tuple[Notice, ...]


def partitioned(
    table: Table,
    ends: Table,
    schema: Schema,
    told: ClusterOptions,
    budget: Budget,
    listen: Listen,
) -> Formed:
    """Find the communities of linked rows. ends: the table of links. Raises as ``partition``."""
    made = partition(table, ends, schema, told.wanted, told.most_bad, told.seed, budget, listen)
    listen("stage", name="network")
    facts = facts_of(made, table, schema, told, budget.stop)
    frame = made.model.frame(table.ids, made.placed)
    return Formed(made.model, made.found.label, frame, facts, made.edges.notices)


def facts_of(
    made: Partitioned,
    table: Table,
    schema: Schema,
    told: ClusterOptions,
    stop: Callable[[], object],
) -> dict[str, Any]:
    """What result.json says of a network, its communities, and how they were found."""
    found, seed = made.found, told.seed
    network = network_facts(found.network, found.label, names_of(table, schema), seed, stop)
    for one, own in zip(network["communities"], [] if stop() else apart(made, table), strict=False):
        one["apart"] = own
    truth = None if told.target is None else codes_of(table.frame[told.target])
    lines = board(found, truth, seed, stop)
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "cluster",
        "task": "communities",
        "structure": "graph",
        "source": source_facts(table, schema, len(table)),
        "split": {"how": "whole", "train": len(table)},
        "metrics": next(one["metrics"] for one in lines if one["name"] == found.answer),
        "main_metric": "modularity",
        "answer": found.answer,
        "leaderboard": lines,
        "verdict": verdict(found),
        **network,
        "homophily": homophilies(found.network, categories(table, schema), seed, stop),
        **link_facts(made.edges, found.label, seed, stop),
        "content": found.likeness,
        "chance": found.chance,
        "tried": [{"clusters": one, "modularity": own} for one, own in found.tried.items()],
        "threshold": None,
        "calibration": None,
        "findings": [],
        "importance": [],
        "training": {},
        "options": told.as_json(),
        "seed": seed,
        "versions": versions(),
    }


def apart(made: Partitioned, table: Table) -> list[list[dict[str, Any]]]:
    """What sets each of the first communities apart: columns, then words and places of vectors.

    Effects with intervals, as ``traits`` and ``topics`` have them; where columns had a say in the
    communities, they describe these and prove nothing.
    """
    label = made.found.label[made.order]
    said = topics(made.model.encoder, made.batch, label)
    shown = np.where(label < len(said), label, -1)
    columns = traits(table.rows(made.order), made.batch, made.model.encoder, shown, len(said))
    plain = [[one.as_json() for one in own if one.form != "word"] for own in columns]
    return [[*own[:TRAITS], *words] for own, words in zip(plain, said, strict=True)]


def categories(table: Table, schema: Schema) -> dict[str, pl.Series]:
    """The columns whose homophily is measured: categories, truths, and the true groups."""
    kinds, roles = (Kind.CATEGORY, Kind.BOOLEAN), schema.roles
    names = [
        one.name
        for one in schema.columns
        if one.name == roles.target or (one.kind in kinds and one.name != roles.id)
    ]
    return {name: table.frame[name] for name in names}


def board(
    found: Communities,
    truth: NDArray[np.int64] | None,
    seed: int,
    stop: Callable[[], object] = lambda: None,
) -> list[dict[str, Any]]:
    """The leaderboard: what communities were made of, their modularity, and how far they are the
    true groups. truth: (rows,) codes, -1 where unknown; None where there are none. Where ``stop``
    says so, only the answer is compared with them."""
    lines = []
    for name, label in found.candidates.items():
        metrics: dict[str, Any] = {"modularity": _alone(found.modularity[name])}
        told = name == found.answer or not stop()
        if told and truth is not None and (truth >= 0).any():
            metrics |= agreement(truth[truth >= 0], label[truth >= 0], seed)
        lines.append(
            {
                "name": name,
                "metrics": metrics,
                "groups": int(label.max()) + 1,
                "fit_seconds": round(found.seconds[name], 3),
                "predict_seconds": None,
            }
        )
    return lines


def verdict(found: Communities) -> dict[str, Any]:
    """Whether there are communities beyond chance, and whether content has a say, in words."""
    count, chance = int(found.label.max()) + 1, found.chance or {}
    beyond = bool(chance.get("beyond"))
    code = "V-070" if beyond else "V-071" if chance else "V-074"
    values = {name: chance[name] for name in ("value", "chance", "low", "high") if chance}
    values = values or {"value": found.modularity[found.answer]}
    sentences: list[dict[str, Any]] = [{"code": code, "values": {**values, "count": count}}]
    if found.likeness is not None:
        said = "V-072" if found.answer == BOTH else "V-073"
        sentences.append({"code": said, "values": {"share": 100 * found.likeness["value"]}})
    return {
        "signal": beyond,
        "deep_pays": "unclear",
        "text": joined(say(one["code"], **one["values"]) for one in sentences),
        "sentences": sentences,
    }


def _alone(value: float) -> dict[str, float | None]:
    """A figure without an interval."""
    return {"value": value, "low": None, "high": None}
