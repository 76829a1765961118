"""Group facts: what result.json and the report say of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.clusteroptions import ClusterOptions
from deeplode.clusters.candidates import DEEP
from deeplode.clusters.embedding import Embedding
from deeplode.clusters.number import Found
from deeplode.clusters.spaces import fit_principal
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.image import ImageEncoder
from deeplode.evaluate.groups import agreement, silhouette
from deeplode.messages import joined, say
from deeplode.periods import periods
from deeplode.report.pictures import picture
from deeplode.report.rowmap import drawn
from deeplode.runfacts import SCHEMA_VERSION, source_facts, versions
from deeplode.tasks.cluster import Clustered
from deeplode.tasks.clustermodel import NOWHERE, distances
from deeplode.tasks.groupmoves import group_moves
from deeplode.tasks.knowngroups import codes_of
from deeplode.tasks.traits import Trait, names_of, traits

PICTURES = 8  # images of a group
PAID: dict[bool | str, str] = {True: "V-057", False: "V-058", "unclear": "V-059"}
SHAKY = 0.5  # agreement of halves below which groups are not to be relied on
CLEARER = 0.05  # difference of mean clearness from which on one way is better than another
Labels = NDArray[np.int64]


def facts_of(
    found: Clustered,
    table: Table,
    schema: Schema,
    told: ClusterOptions,
    stop: Callable[[], object],
) -> dict[str, Any]:
    """What result.json says of the groups, and how the model came to be. stop: asked before what
    takes long and can be left out."""
    model, rows = found.model, len(table)
    judged = np.flatnonzero(found.held) if found.held.any() else np.arange(rows)
    few, labels = table.rows(judged), found.labels[judged]
    batch = found.encoded.batch.rows(torch.from_numpy(judged))
    groups = model.grouping.groups
    own = traits(few, batch, model.encoder, labels, groups) if groups > 1 else [[]]
    truth = None if told.target is None else codes_of(few.frame[told.target])
    board = [
        _entry(name, one, found, judged, truth, told.seed) for name, one in found.found.items()
    ]
    answer = next(one for one in board if one["name"] == model.grouping.name)
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "cluster",
        "task": "cluster",
        "source": source_facts(table, schema, rows),
        "split": {"how": "random", "train": rows - int(found.held.sum()),
                  "test": int(found.held.sum())},
        "metrics": answer["metrics"],
        "answer": model.grouping.name,
        "leaderboard": board,
        "verdict": _verdict(found, told.wanted),
        "clusters": _number(found, told.wanted),
        "groups": _groups(found, own),
        "valleys": _valleys(found.answer),
        "moves": group_moves(model, found.encoded.batch, found.labels, found.held, stop),
        "map": _map(found),
        "periods": periods(table, told.timestamp, found.labels, groups),
        "findings": [one.as_json() for group in own for one in group],
        "threshold": None, "calibration": None, "importance": [], "training": {},
        "options": told.as_json(), "seed": told.seed, "versions": versions(),
    }  # fmt: skip


def _entry(
    name: str, one: Found, found: Clustered, judged: Labels, truth: Labels | None, seed: int
) -> dict[str, Any]:
    """A line of the leaderboard, scored on rows that formed nothing, where there are such."""
    x = found.x[torch.from_numpy(judged)]
    labels = one.grouping.probabilities(x).argmax(1)
    metrics = silhouette(x.numpy(), labels, seed)
    if truth is not None and (truth >= 0).any():
        metrics |= agreement(truth[truth >= 0], labels[truth >= 0], seed)
    return {
        "name": name,
        "metrics": metrics,
        "groups": one.grouping.groups,
        "clear": one.separation.clear(),
        "fit_seconds": round(found.seconds.get(name, 0.0), 3),
        "predict_seconds": None,
    }


def _number(found: Clustered, wanted: int | None) -> dict[str, Any]:
    """How many groups there are, and how surely."""
    steady = found.stability
    return {
        "value": found.model.grouping.groups,
        "low": None if steady is None or wanted else min(steady.low, found.model.grouping.groups),
        "high": None if steady is None or wanted else max(steady.high, found.model.grouping.groups),
        "asked": wanted,
        "agreement": None if steady is None else steady.agreement,
        "halves": None if steady is None else steady.halves,
        "tried": {str(clouds): groups for clouds, groups in found.answer.tried.items()},
        "nowhere": int((found.labels == NOWHERE).sum()),
    }


def _groups(found: Clustered, own: list[list[Trait]]) -> list[dict[str, Any]]:
    """Each group: its name, size, traits and, where rows have images, the nearest to its middle."""
    told = []
    for group, (mine, name) in enumerate(zip(own, names_of(own), strict=True)):
        rows = np.flatnonzero(found.labels == group)
        told.append(
            {
                "cluster": group + 1,
                "name": name,
                "rows": len(rows),
                "share": len(rows) / max(1, len(found.labels)),
                "traits": [one.as_json() for one in mine],
                "pictures": _pictures(found, rows),
            }
        )
    return told


def _pictures(found: Clustered, rows: Labels) -> list[str]:
    media = zip(found.model.encoder.media, found.encoded.batch.media, strict=True)
    cells = next((own.cells for part, own in media if isinstance(part, ImageEncoder)), None)
    if cells is None or not len(rows):
        return []
    at = torch.from_numpy(rows)
    away = distances(found.x[at], found.model.centers, found.labels[rows])
    nearest = rows[np.argsort(away, kind="stable")[:PICTURES]]
    return [picture(cells[row].numpy()) for row in nearest.tolist()]


def _valleys(one: Found) -> list[dict[str, Any]]:
    """What lies between every two groups."""
    told, size = one.separation, one.grouping.groups
    return [
        {
            "one": first + 1,
            "other": second + 1,
            "depth": float(told.depth[first, second]),
            "low": float(told.low[first, second]),
            "high": _finite(told.high[first, second]),
            "apart": bool(told.apart[first, second]),
        }
        for first in range(size)
        for second in range(first + 1, size)
    ]


def _map(found: Clustered) -> dict[str, Any] | None:
    """The rows in two dimensions, drawn as one picture."""
    deep = found.found.get(DEEP)
    space = deep.grouping.space if deep is not None else None
    if isinstance(space, Embedding):
        places = space.of(found.x).numpy()
    elif found.x.shape[1] > 1:
        places = fit_principal(found.x).of(found.x).numpy()[:, :2]
    else:
        return None
    return drawn(places, found.labels) if places.shape[1] == 2 else None


def _verdict(found: Clustered, wanted: int | None) -> dict[str, Any]:
    """Whether there are groups, in words, and whether the learned space shows them better."""
    groups, apart = found.model.grouping.groups, found.answer.separation.apart
    all_apart = groups > 1 and bool(apart[~np.eye(groups, dtype=bool)].all())
    steady = found.stability
    values: dict[str, Any] = {"groups": groups, "rows": len(found.labels)}
    if wanted is None:
        code = "V-050" if groups > 1 else "V-051"
    else:
        pairs = groups * (groups - 1) // 2
        values |= {"pairs": pairs, "apart": int(np.triu(apart, 1).sum())}
        code = "V-052" if all_apart or groups == 1 else "V-053"
    sentences: list[dict[str, Any]] = [{"code": code, "values": values}]
    if steady is not None and groups > 1:
        told = {"low": min(steady.low, groups), "high": max(steady.high, groups),
                "agreement": 100 * steady.agreement}  # fmt: skip
        same = "V-049" if told["low"] == told["high"] else "V-054"
        sentences.append({"code": same if wanted is None else "V-055", "values": told})
        if steady.agreement < SHAKY:
            sentences.append({"code": "V-056", "values": {}})
    pays = _deep_pays(found)
    if groups > 1:
        sentences.append({"code": PAID[pays], "values": {}})
    return {
        "signal": all_apart,
        "deep_pays": pays,
        "text": joined(say(one["code"], **one["values"]) for one in sentences),
        "sentences": sentences,
    }


def _deep_pays(found: Clustered) -> bool | str:
    """Whether the learned space shows more groups, or as many more clearly, than the plain ones."""
    deep = found.found.get(DEEP)
    others = [one for name, one in found.found.items() if name != DEEP]
    if deep is None or not others or found.model.grouping.groups == 1:
        return "unclear"
    most = max(one.grouping.groups for one in others)
    if deep.grouping.groups != most:
        return deep.grouping.groups > most
    plain = max(one.separation.clear() for one in others if one.grouping.groups == most)
    gap = deep.separation.clear() - plain
    return "unclear" if abs(gap) < CLEARER else gap > 0


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
