"""Told: the outcomes of a comparison as plain facts, and the verdict on their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.metrics import DECIDES
from deeplode.evaluate.paired import Floats, Pairs, compare, over_seeds
from deeplode.experiments.grid import Combination, shown
from deeplode.experiments.outcomes import Outcome
from deeplode.experiments.stacks import Study
from deeplode.fit.config import FitConfig
from deeplode.fit.history import LAYER
from deeplode.messages import joined, say

DIGITS = 6  # that a loss is recorded with
BEST, REAL, NOISE = "best", "real", "noise"

Sentence = tuple[str, dict[str, Any]]  # its code and values


def told(
    study: Study,
    combinations: Sequence[Combination],
    outcomes: Sequence[Outcome],
    seeds: Sequence[int],
    to_loss: float | None,
    groups: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Combinations from the best to the worst, effects of each choice, and the verdict.

    to_loss: loss for which steps are counted, or None. groups: of the validation rows, or None.
    """
    losses = np.stack([one.losses for one in outcomes], 1)  # (seeds, combinations, rows)
    weights = None
    if study.rows.weight is not None:
        weights = study.rows.weight[study.valid].double().numpy()
    pairs = compare(losses, weights, groups)
    mean = np.array([one.loss.mean() for one in outcomes])
    order = [int(at) for at in np.argsort(mean, kind="stable")]
    target = float(np.median(mean)) if to_loss is None else to_loss
    facts = [
        _combination(combinations[at], outcomes[at], target)
        | {"against_best": against(pairs, order[0], at)}
        for at in order
    ]
    for rank, one in enumerate(facts, 1):
        one["rank"] = rank
    effects = [
        _effect(name, combinations, losses, weights, groups) for name in _varied(combinations)
    ]
    return {
        "main_metric": DECIDES[study.problem.task],
        "seeds": list(seeds),
        "to_loss": number(target),
        "combinations": facts,
        "effects": effects,
        "verdict": verdict(facts, effects, len(seeds), len(study.valid), _tested(study, facts[0])),
    }


def number(value: float) -> float | None:
    """A number as JSON holds it, rounded; None where it is not finite."""
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def _plain(values: Floats) -> Any:
    """An array as nested lists."""
    return [_plain(one) for one in values] if values.ndim else number(float(values))


def _interval(values: Sequence[float] | Floats) -> dict[str, Any]:
    """Mean over seeds, its 95 % interval, and each seed's value."""
    array = np.array(values, dtype=np.float64)
    value, low, high = over_seeds(array)
    ends = {"low": low, "high": high}
    plain = {name: None if end is None else number(end) for name, end in ends.items()}
    return {"value": number(value), **plain, "seeds": _plain(array)}


def _combination(own: Combination, outcome: Outcome, target: float) -> dict[str, Any]:
    """What is told of one combination."""
    return {
        "name": own.name,
        "choices": own.as_json(),
        "loss": _interval(outcome.loss),
        "metrics": _scores(outcome.metrics),
        "test_metrics": _scores(outcome.tested) if outcome.tested else None,
        "best_epoch": outcome.best_epochs.tolist(),
        "epochs": outcome.valid.shape[1],
        "steps_per_epoch": outcome.steps,
        "seconds": number(float(outcome.seconds.sum())),
        "to_loss": _reached(outcome, target),
        "curves": {
            "start": number(float(outcome.start.mean())),
            "train": _plain(outcome.learned.mean(0)),
            "valid": _plain(outcome.valid.mean(0)),
            "valid_low": _plain(outcome.valid.min(0)),
            "valid_high": _plain(outcome.valid.max(0)),
        },
        "layers": [
            {name: _plain(outcome.layer(name)[:, at]) for name in LAYER}
            for at in range(outcome.layers.shape[2])
        ],
        "zeros": number(outcome.zeros),
        "parameters": outcome.parameters,
        "diagnostics": [one.as_json() for one in outcome.notices],
        "config": _config(outcome.config),
    }


def _scores(seeds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Each metric over all seeds."""
    return {name: _interval([one[name] for one in seeds]) for name in seeds[0]}


def _config(config: FitConfig) -> dict[str, Any]:
    """How a combination was trained, as plain JSON."""
    facts = config.to_json()
    del facts["strides"]
    return {**facts, "hidden": list(facts["hidden"])}


def _reached(outcome: Outcome, target: float) -> dict[str, Any]:
    """Steps and seconds to a loss, means over the seeds that came to it."""
    epochs = outcome.epochs_to(target)
    there = epochs[np.isfinite(epochs)].astype(np.int64)
    if not len(there):
        return {"reached": 0, "epochs": None, "steps": None, "seconds": None}
    spent = np.concatenate([[0.0], outcome.seconds.cumsum()])
    return {
        "reached": len(there),
        "epochs": number(float(there.mean())),
        "steps": number(float(there.mean()) * outcome.steps),
        "seconds": number(float(spent[there].mean())),
    }


def against(pairs: Pairs, best: int, other: int) -> dict[str, Any]:
    """How much higher the loss of a choice is than that of the best, and whether that is real."""
    if other == best:
        return {"verdict": BEST, "value": 0.0, "low": None, "high": None, "p_adjusted": None}
    return {
        "verdict": REAL if pairs.real(best, other) else NOISE,
        "value": number(pairs.value[best, other]),
        "low": number(pairs.low[best, other]),
        "high": number(pairs.high[best, other]),
        "p_adjusted": number(pairs.p[best, other]),
    }


def _varied(combinations: Sequence[Combination]) -> list[str]:
    """Options with several values."""
    names = combinations[0].choices
    return [one for one in names if len({shown(own.choices[one]) for own in combinations}) > 1]


def _effect(
    name: str,
    combinations: Sequence[Combination],
    losses: Floats,
    weights: Floats | None,
    groups: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """What one option changes, the others taken as they come: means over all combinations."""
    values = list(dict.fromkeys(shown(one.choices[name]) for one in combinations))
    own = [[shown(one.choices[name]) == value for one in combinations] for value in values]
    means = np.stack([losses[:, np.flatnonzero(one)].mean(1) for one in own], 1)
    pairs = compare(means, weights, groups)
    by_seed = np.average(means, axis=2, weights=weights)
    mean = by_seed.mean(0)
    order = [int(at) for at in np.argsort(mean, kind="stable")]
    told = [
        {"value": values[at], "loss": _interval(by_seed[:, at]),
         "against_best": against(pairs, order[0], at)}
        for at in order
    ]  # fmt: skip
    return {"option": name, "values": told}


def _tested(study: Study, best: Mapping[str, Any]) -> list[Sentence]:
    """What the test rows say of the best combination; nothing without test rows."""
    if study.test is None:
        return []
    metric = DECIDES[study.problem.task]
    value = best["test_metrics"][metric]["value"]
    told = {"rows": len(study.test.target), "metric": metric, "value": value, "best": best["name"]}
    return [("CMP-TESTED", told)]


def verdict(
    facts: Sequence[Mapping[str, Any]],
    effects: Sequence[Mapping[str, Any]],
    seeds: int,
    rows: int,
    more: Sequence[Sentence] = (),
) -> dict[str, Any]:
    """Which differences are real and which are noise, by name and in words; ``more`` at the end."""
    parts = {
        kind: [one["name"] for one in facts if one["against_best"]["verdict"] == kind]
        for kind in (REAL, NOISE)
    }
    values = {
        "best": facts[0]["name"],
        "loss": facts[0]["loss"]["value"],
        "others": len(facts) - 1,
        "real": len(parts[REAL]),
        "noise": len(parts[NOISE]),
        "names": named(parts[NOISE]),
        "rows": rows,
        "seeds": seeds,
    }
    sentences: list[Sentence] = [("CMP-BEST", values)]
    if len(facts) == 2:
        code = "CMP-OTHER-REAL" if parts[REAL] else "CMP-OTHER-NOISE"
        sentences.append((code, {"other": facts[1]["name"]}))
    elif len(facts) > 2:
        code = "CMP-ALL" if not parts[NOISE] else "CMP-SOME" if parts[REAL] else "CMP-NONE"
        sentences.append((code, values))
    if len(facts) > len(effects[0]["values"] if effects else facts):
        sentences += [_said(one) for one in effects]
    if seeds == 1:
        sentences.append(("CMP-ONE-SEED", values))
    sentences += more
    return {
        "best": facts[0]["name"],
        **parts,
        "seeds_compared": seeds > 1,
        "text": in_words(sentences),
        "sentences": [{"code": code, "values": own} for code, own in sentences],
    }


def _said(effect: Mapping[str, Any]) -> Sentence:
    """What one option changes, in words."""
    kinds: dict[str, list[str]] = {BEST: [], REAL: [], NOISE: []}
    for one in effect["values"]:
        kinds[one["against_best"]["verdict"]].append(one["value"])
    code = "ALL" if not kinds[NOISE] else "SOME" if kinds[REAL] else "NONE"
    values = {
        "option": effect["option"],
        "best": kinds[BEST][0],
        "worse": named(kinds[REAL]),
        "alike": named(kinds[NOISE]),
    }
    return f"CMP-EFFECT-{code}", values


def named(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence, the first few of many."""
    return ", ".join(names[:most]) + (f", +{len(names) - most}" if len(names) > most else "")


def in_words(sentences: Sequence[Sentence]) -> str:
    """Sentences one after the other, in the language chosen."""
    return joined(say(code, **values) for code, values in sentences)
