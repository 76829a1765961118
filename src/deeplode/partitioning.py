"""Partitioning: cluster on linked rows, from a table of nodes to the facts of a run."""

from __future__ import annotations

from typing import Any

import polars as pl

from deeplode.data.column import Kind
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.messages import say
from deeplode.runfacts import SCHEMA_VERSION, source_facts, versions
from deeplode.tasks.communities import BOTH, Communities
from deeplode.tasks.networkfacts import homophilies, names_of, network_facts
from deeplode.tasks.partition import Partitioned
from deeplode.tasks.topics import topics


def facts_of(
    made: Partitioned, table: Table, schema: Schema, told: Any, stop: Any
) -> dict[str, Any]:
    """What result.json says of a network, its communities, and how they were found."""
    found, seed = made.found, told.seed
    names = names_of(table, schema)
    network = network_facts(found.network, found.label, names, seed, stop)
    said = topics(made.model.encoder, made.batch, found.label[made.order])
    for one, own in zip(network["communities"], said, strict=False):
        one["apart"] = own
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "cluster",
        "task": "communities",
        "structure": "graph",
        "source": source_facts(table, schema, len(table)),
        "split": {"how": "whole", "train": len(table)},
        "metrics": {"modularity": _alone(found.modularity[found.answer])},
        "main_metric": "modularity",
        "answer": found.answer,
        "leaderboard": board(found),
        "verdict": verdict(found),
        **network,
        "homophily": homophilies(found.network, categories(table, schema), seed),
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


def categories(table: Table, schema: Schema) -> dict[str, pl.Series]:
    """The columns whose homophily is measured: categories, truths, and the true groups."""
    kinds, roles = (Kind.CATEGORY, Kind.BOOLEAN), schema.roles
    names = [
        one.name
        for one in schema.columns
        if one.name == roles.target or (one.kind in kinds and one.name != roles.id)
    ]
    return {name: table.frame[name] for name in names}


def board(found: Communities) -> list[dict[str, Any]]:
    """The leaderboard: what the communities were made of, and their modularity."""
    return [
        {
            "name": name,
            "metrics": {"modularity": _alone(value)},
            "fit_seconds": round(found.seconds[name], 3),
            "predict_seconds": None,
        }
        for name, value in found.modularity.items()
    ]


def verdict(found: Communities) -> dict[str, Any]:
    """Whether there are communities beyond chance, and whether content has a say, in words."""
    chance = found.chance
    count = int(found.label.max()) + 1
    values = {name: chance[name] for name in ("value", "chance", "low", "high")}
    code = "V-070" if chance["beyond"] else "V-071"
    sentences: list[dict[str, Any]] = [{"code": code, "values": {**values, "count": count}}]
    if found.likeness is not None:
        said = "V-072" if found.answer == BOTH else "V-073"
        sentences.append({"code": said, "values": {"share": 100 * found.likeness["value"]}})
    return {
        "signal": bool(chance["beyond"]),
        "deep_pays": "unclear",
        "text": " ".join(say(one["code"], **one["values"]) for one in sentences),
        "sentences": sentences,
    }


def _alone(value: float) -> dict[str, float | None]:
    """A figure without an interval."""
    return {"value": value, "low": None, "high": None}
