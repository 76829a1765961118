"""Recommend facts: what result.json and the report say of recommendations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.data.holdout import TEST, TRAIN, VALID
from deeplode.data.table import Table
from deeplode.messages import joined, say
from deeplode.recommenders.question import AT
from deeplode.recommendoptions import RecommendOptions
from deeplode.runfacts import SCHEMA_VERSION, versions
from deeplode.tasks.gathered import Gathered
from deeplode.tasks.heldout import HeldOut
from deeplode.tasks.rated import (
    BLEND,
    Rated,
    best,
    lead,
    most_popular,
    pays,
    rival,
    spread,
    taste,
)
from deeplode.tasks.recommend import FALLBACK, Learned
from deeplode.tasks.recommendmodel import RecommendModel

MAIN = f"ndcg@{AT}"
SHOWN = 6  # users whose lists are shown
HISTORY = 8  # latest items of theirs
LIKE = 8  # popular items that others are shown to be like
NEAR = 5  # of those others
DEPTH = 20  # parts that items are put into by popularity
PAID: dict[bool | str, str] = {True: "V-103", False: "V-104", "unclear": "V-105"}

OF_USERS = ("samples",)  # facts of single users, which stay out of a model file
WAYS_SAID = ("rival", "first", "second")  # values of sentences that are ways

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """All that facts are made of."""

    table: Table
    gathered: Gathered
    held: HeldOut
    learned: Learned
    rated: Rated | None  # None where nobody could be asked
    model: RecommendModel
    options: RecommendOptions


def facts_of(told: Told) -> dict[str, Any]:
    """The content of result.json, but for limits, files and warnings."""
    board = leaderboard(told)
    answer = next((one for one in board if one["name"] == BLEND), None)
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "recommend",
        "task": "recommend",
        "structure": "interactions",
        "source": _source(told),
        "interactions": _interactions(told),
        "split": _split(told.held),
        "main_metric": MAIN,
        "metrics": {} if answer is None else answer["metrics"],
        "answer": BLEND,
        "weights": _shares(told.learned),
        "leaderboard": board,
        "verdict": _verdict(told),
        "samples": _samples(told),
        "similar": _similar(told.model),
        "popularity": _popularity(told),
        "threshold": None,
        "calibration": None,
        "findings": [],
        "importance": [],
        "training": _training(told.learned),
        "options": told.options.as_json(),
        "seed": told.options.seed,
        "versions": versions(),
    }


def leaderboard(told: Told) -> list[dict[str, Any]]:
    """A line for each way and the blend."""
    learned, rated = told.learned, told.rated
    users = len(told.gathered.liked.users)
    before = popularity_of(told)
    lines = []
    for name in [*learned.scorers, BLEND]:
        own = learned.scorers.get(name)
        lines.append(
            {
                "name": name,
                "metrics": {} if rated is None else rated.metrics(name),
                **({} if rated is None else spread(rated.found[name], before, users)),
                "setting": {} if own is None else dict(own.setting),
                "validation": max(learned.tried[name], default=None) if own is not None else None,
                "weight": learned.blend.weights.get(name),
                "fit_seconds": round(learned.seconds.get(name, 0.0), 3),
                "predict_seconds": None if rated is None else round(rated.seconds[name], 3),
            }
        )
    return lines


def popularity_of(told: Told) -> Ints:
    """(items,) users that each had before the test."""
    return np.asarray(told.held.train.matrix.sum(0)).ravel().round().astype(np.int64)


def _source(told: Told) -> dict[str, Any]:
    table = told.table
    return {
        "name": table.source,
        "rows": len(table),
        "labelled": len(table),
        "columns": len(table.names),
        "kinds": {},
        "features": [],
        "reading": dict(table.reading),
    }


def _interactions(told: Told) -> dict[str, Any]:
    """How many there are of what."""
    liked = told.gathered.liked
    users, items = len(liked.users), len(liked.items)
    of_user, of_item = (np.bincount(one) for one in (liked.user, liked.item))
    span = None
    if liked.time is not None and liked.dated:
        span = [str(np.datetime64(int(one), "s")) for one in (liked.time[0], liked.time[-1])]
    return {
        "users": users,
        "items": items,
        "interactions": len(liked),
        "density": len(liked) / (users * items),
        "median_of_user": float(np.median(of_user)),
        "median_of_item": float(np.median(of_item)),
        "least_rating": told.gathered.least,
        "span": span,
        **told.gathered.counts,
    }


def _split(held: HeldOut) -> dict[str, Any]:
    parts = {"train": TRAIN, "valid": VALID, "test": TEST}
    return {
        "how": held.how,
        **{name: int((held.part == part).sum()) for name, part in parts.items()},
        "valid_users": len(held.valid),
        "test_users": len(held.test),
        "new_users": held.new,
    }


def _shares(learned: Learned) -> dict[str, float]:
    """What part each way has in the blend; they add up to 1."""
    total = sum(learned.blend.weights.values())
    return {name: own / total for name, own in learned.blend.weights.items()}


def _verdict(told: Told) -> dict[str, Any]:
    """Whether taste can be told from popularity, which way is best, and whether nets pay."""
    deep: bool | str = "unclear"
    signal = taste(told.rated)
    if told.rated is None or signal is None:
        sentences: list[dict[str, Any]] = [{"code": "V-100", "values": {}}]
    else:
        gain = told.rated.gain(BLEND, FALLBACK)
        mine = told.rated.metrics(BLEND)[MAIN]["value"]
        plain = told.rated.metrics(FALLBACK)[MAIN]["value"]
        values = {"value": mine, "plain": plain, "gain": gain["value"], "low": gain["low"],
                  "high": gain["high"], "users": len(told.held.test)}  # fmt: skip
        sentences = [{"code": "V-101" if signal else "V-102", "values": values}]
        sentences += _first(told.learned, told.rated)
        deep = pays(told.learned, told.rated)
        other = rival(told.learned, told.rated)
        more = told.rated.gain(BLEND, other)
        sentences.append({"code": PAID[deep], "values": {"rival": other, "gain": more["value"]}})
    return {
        "signal": bool(signal),
        "deep_pays": deep,
        "text": joined(say(one["code"], **_named(one["values"])) for one in sentences),
        "sentences": sentences,
    }


def _first(learned: Learned, rated: Rated) -> list[dict[str, Any]]:
    """Which of all ways did best on the test, and by how much."""
    found = lead(learned, rated)
    if found is None:
        return []
    values = {"first": found.first, "second": found.second, **found.gain}
    values["best"] = rated.metrics(found.first)[MAIN]["value"]
    return [{"code": "V-106" if found.real else "V-107", "values": values}]


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a sentence with the names that people read."""
    names = {role: values[role] for role in WAYS_SAID if role in values}
    return {**values, **{role: say(code_of(name)) for role, name in names.items()}}


def code_of(name: str) -> str:
    """The code of what people call a way."""
    return "R-MODEL-BLEND-RECOMMEND" if name == BLEND else f"R-MODEL-{name.upper()}"


def _samples(told: Told) -> list[dict[str, Any]]:
    """Users from the best served to the worst, with what they had, got, and took."""
    if told.rated is None:
        return []
    held, names = told.held, told.model.catalogue.names
    order = np.argsort(-told.rated.values[BLEND]["ndcg"], kind="stable")
    at = np.unique(np.linspace(0, len(order) - 1, SHOWN).round().astype(np.int64))
    shown = order[at]
    found = told.rated.found[BLEND][shown]
    question = held.test.rows(shown)
    because = told.model.together.because(question.histories, found)
    samples = []
    for row, user in enumerate(held.asked[shown].tolist()):
        had = question.histories.rows(np.array([row])).item[::-1][:HISTORY]
        took = question.wanted.rows(np.array([row])).item
        samples.append(
            {
                "user": str(told.gathered.liked.users[user]),
                "ndcg": float(told.rated.values[BLEND]["ndcg"][shown[row]]),
                "history": [str(names[one]) for one in had.tolist()],
                "items": int(question.histories.length[row]),
                "took": len(took),
                "recommended": [
                    {
                        "item": str(names[one]),
                        "because": None if why < 0 else str(names[why]),
                        "hit": bool((took == one).any()),
                    }
                    for one, why in zip(found[row].tolist(), because[row].tolist(), strict=True)
                    if one >= 0
                ],
            }
        )
    return samples


def _similar(model: RecommendModel) -> list[dict[str, Any]]:
    """The most popular items, and what goes with each."""
    names = model.catalogue.names
    users = np.bincount(model.catalogue.known.item, minlength=len(names))
    lines = []
    for item in np.argsort(-users, kind="stable")[:LIKE].tolist():
        near = model.together.other[item][:NEAR]
        others = [str(names[one]) for one in near[near >= 0].tolist()]
        lines.append({"item": str(names[item]), "users": int(users[item]), "like": others})
    return lines


def _popularity(told: Told) -> dict[str, Any] | None:
    """Items from the most popular on in DEPTH equal parts: the share of each in what users had, in
    what they are recommended, and in what they took next."""
    if told.rated is None:
        return None
    before = popularity_of(told)
    order = np.argsort(-before, kind="stable")
    part = np.empty(len(order), np.int64)
    part[order] = np.arange(len(order)) * DEPTH // len(order)
    found = told.rated.found[BLEND]
    counted = {
        "had": np.bincount(part, before, DEPTH),
        "recommended": np.bincount(part[found[found >= 0]], minlength=DEPTH),
        "took": np.bincount(part[told.held.test.wanted.item], minlength=DEPTH),
    }
    shares = {name: (one / max(1, one.sum())).tolist() for name, one in counted.items()}
    return {**shares, "head": len(most_popular(before))}


def _training(learned: Learned) -> dict[str, Any]:
    """How long the net that is best on validation users trained."""
    deep = best(learned, deep=True)
    if deep is None:
        return {}
    scorer = learned.scorers[deep]
    weights = sum(own.size for own in scorer.arrays().values())
    return {"model": deep, "epochs": scorer.setting.get("epochs"), "parameters": int(weights)}
