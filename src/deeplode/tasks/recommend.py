"""Recommend: histories to a model that says what each user will want next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.messages import Notice
from deeplode.progress import Listen, silent
from deeplode.recommenders.blend import Blend, fit_blend
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.question import Question, quality
from deeplode.recommenders.scorer import Grounds, Scorer, Setting, Way
from deeplode.recommenders.ways import WAYS
from deeplode.runtime import Budget
from deeplode.tasks.cut import cut_short, nothing
from deeplode.tasks.scoringtime import kept_for_scores, seconds_each
from deeplode.tasks.stages import Stages

JUDGES = 2_000  # validation users that settings are chosen by
MANY, FEW = 5_000, 2  # items above which a setting takes minutes, and how many are tried then
FALLBACK = "popularity"  # answers for users without a history
COLUMNS = "two_towers"  # knows items by their columns
REASONS = "item_knn"  # knows which items go together

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """How to learn.

    ordered: whether histories are in order of time. memory: bytes that a scorer may take.
    item_features: (items, columns) what is known of items. checkpoint: folder that a killed run
    goes on from. tests: users that will be scored.
    """

    seed: int = 0
    threads: int = 1
    ordered: bool = False
    memory: int | None = None
    item_features: Floats | None = None
    checkpoint: Path | None = None
    tests: int = 0


@dataclass(frozen=True)
class Learned:
    """Scorers and how they came to be.

    scorers: by name, each at its best setting. seconds: that they took. tried: NDCG@10 on
    validation users of each setting. blend: what answers. alone: what answers where there is no
    history. each: seconds that a user's rankings by all ways take.
    """

    scorers: Mapping[str, Scorer]
    seconds: Mapping[str, float]
    tried: Mapping[str, list[float]]
    blend: Blend
    alone: str = FALLBACK
    each: float = 0.0
    notices: tuple[Notice, ...] = field(default=())


def ways(settings: Settings, items: int) -> dict[str, Way]:
    """The ways that what is known, and how many items there are, allow."""
    have = {None, *(["order"] if settings.ordered else [])}
    have |= {"items"} if settings.item_features is not None else set()
    return {
        name: way
        for name, way in WAYS.items()
        if way.needs in have and way.allowed(items, settings.memory)
    }


def learn(
    train: Histories,
    valid: Question,
    settings: Settings,
    budget: Budget,
    listen: Listen = silent,
) -> Learned:
    """Fit every way, each at the setting that serves validation users best, and blend them.

    Raises LimitError when the budget leaves no time for any, Interrupted when the user stopped
    before there was one.
    """
    judges = valid.few(JUDGES, settings.seed)
    wanted = ways(settings, train.items)
    stages: Stages[Scorer] = Stages(settings.checkpoint, _restored)
    found: dict[str, Scorer] = {}
    seconds: dict[str, float] = {}
    tried: dict[str, list[float]] = {}
    each: list[float] = []
    for at, (name, way) in enumerate(wanted.items()):
        left = budget.until(kept_for_scores(each, len(valid), settings.tests, budget))
        if left.stop():
            break
        listen("stage", name=name)
        own = _part(left, len(wanted) - at)
        fit = _chosen(way, train, judges, grounds_of(settings, own, judges))
        scorer, values, seconds[name] = stages.run(name, fit)
        found[name], tried[name] = scorer, values.tolist()
        each.append(seconds_each(scorer, judges))
    if not found:
        raise nothing(budget)
    listen("stage", name="blend")
    first = next(iter(found))
    blend = fit_blend(found, valid, settings.seed) if len(valid) else Blend(
        {first: found[first]}, {first: 1.0}
    )  # fmt: skip
    alone = without_history(found, judges)
    notices = tuple(cut_short(found, left, tuple(wanted)))
    return Learned(found, seconds, tried, blend, alone, sum(each), notices)


def without_history(found: Mapping[str, Scorer], judges: Question) -> str:
    """The way that serves validation users best if nothing is known of what they had: what is
    popular, or what suits their columns."""
    if judges.histories.features is None or not len(judges):
        return FALLBACK
    none = np.zeros(len(judges) + 1, np.int64)
    stripped = replace(judges.histories, start=none, item=none[:0])
    asked = replace(judges, histories=stripped)
    able = [name for name in found if name == FALLBACK or WAYS[name].needs == "items"]
    return max(able, key=lambda name: quality(found[name].scores, asked), default=FALLBACK)


def again(
    learned: Learned,
    every: Histories,
    part: str,
    settings: Settings,
    budget: Budget,
    listen: Listen = silent,
) -> Learned:
    """Every way fitted again to more histories, at the setting chosen and with the same part in the
    blend. part: what the further histories are called; a killed run goes on from the ways that are
    done. Where time ends, the others stay as they were, and a notice says so."""
    found, late = dict(learned.scorers), []
    stages: Stages[Scorer] = Stages(settings.checkpoint, _restored)
    for name in learned.scorers:
        if budget.stop():
            late.append(name)
            continue
        listen("stage", name=name)
        fit = _fitted(WAYS[name], every, found[name].setting, grounds_of(settings, budget, None))
        found[name], _, _ = stages.run(f"{name}.{part}", fit)
    notices = list(learned.notices)
    if late:
        notices.append(Notice("W-REC-012", None, {"names": ", ".join(late)}))
    blend = Blend({name: found[name] for name in learned.blend.weights}, learned.blend.weights)
    return replace(learned, scorers=found, blend=blend, notices=tuple(notices))


def grounds_of(settings: Settings, budget: Budget, judges: Question | None) -> Grounds:
    """What scorers learn with. judges: whom settings are chosen by; None = they are chosen."""
    judge: Callable[[Scorer], float] | None = None
    if judges is not None and len(judges):
        asked = judges

        def judge(one: Scorer) -> float:
            return quality(one.scores, asked)

    return Grounds(
        settings.seed, settings.threads, budget, settings.memory, settings.item_features, judge
    )


def _chosen(
    way: Way, train: Histories, judges: Question, grounds: Grounds
) -> Callable[[], tuple[Scorer, NDArray[np.float64]]]:
    """What fits a way at each of its settings and keeps the best; beside it what each was worth."""

    def run() -> tuple[Scorer, NDArray[np.float64]]:
        best, values = None, []
        few = train.items > MANY
        for setting in way.settings[: FEW if few else None]:
            if best is not None and grounds.budget.stop():
                break
            scorer = way.fit(train, setting, grounds)
            values.append(quality(scorer.scores, judges))
            if best is None or values[-1] > max(values[:-1]):
                best = scorer
        assert best is not None
        return best, np.array(values)

    return run


def _fitted(
    way: Way, histories: Histories, setting: Setting, grounds: Grounds
) -> Callable[[], tuple[Scorer, NDArray[np.float64]]]:
    return lambda: (way.fit(histories, setting, grounds), np.zeros(0))


def _part(budget: Budget, left: int) -> Budget:
    """The share of the time left that one of so many ways may take: the quick ones come first and
    leave theirs to the others."""
    if budget.deadline == float("inf"):
        return budget
    return budget.until(budget.left() * (1 - 1 / left))


def _restored(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Scorer:
    return WAYS[name.partition(".")[0]].restore(facts, arrays)
