"""Verdict: is there anything to learn here, and does the deep net pay?

Both questions are answered by paired differences on the test rows, never by two numbers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from deeplode.evaluate.intervals import CERTAINTY, Interval, Resamples
from deeplode.evaluate.metrics import DECIDES, sign
from deeplode.evaluate.problem import Problem
from deeplode.messages import joined, say

# Few test rows make intervals a little narrow; "there is a signal" must not be said lightly.
SIGNAL_CERTAINTY = 0.99
ROUNDING = 1e-9  # share of a metric's value below which two of them are the same number

FOUND = ("V-001", "V-002")  # that there is a signal, that there is none
FORECAST = ("V-045", "V-046")
UNDEFINED = "V-003"  # test rows of one class have no ROC AUC
LINKS = ("V-060", "V-061", "V-062", "V-063")
SENTENCES = {  # by rival: the net pays, pays in the blend, does not, unclear
    "trees": ("V-010", "V-011", "V-012", "V-013"),
    "linear": ("V-020", "V-021", "V-022", "V-023"),
}

Pays = bool | Literal["unclear"]


@dataclass(frozen=True)
class Asked:
    """Who is compared.

    final: the candidate that the model file holds. rival: the simple model that the net must beat:
    the trees or the linear model; of linked rows the best of all others. guess: what the final one
    must beat: a guess that looks at nothing, or a rule of thumb of forecasts.
    deep: the net, ``net`` or ``graph_net``.
    """

    final: str
    rival: str = "trees"
    guess: str = "trivial"
    deep: str = "net"


@dataclass(frozen=True)
class Verdict:
    """signal: the final model beats the trivial guess for certain.

    deep_pays: True where the net, alone or in the blend, beats its rival for certain, False where
        it does not, 'unclear' where the test rows cannot tell.
    sentences: code and values of each sentence, for any language.
    """

    signal: bool
    deep_pays: Pays
    sentences: tuple[tuple[str, dict[str, Any]], ...]

    def text(self, language: str | None = None) -> str:
        """The verdict in words."""
        told = (
            say(code, "message", language, **_named(values, language))
            for code, values in self.sentences
        )
        return joined(told, language)

    def as_json(self) -> dict[str, Any]:
        """The ``verdict`` of result.json."""
        return {
            "signal": self.signal,
            "deep_pays": self.deep_pays,
            "text": self.text(),
            "sentences": [{"code": code, "values": values} for code, values in self.sentences],
        }


def _named(values: Mapping[str, Any], language: str | None) -> dict[str, Any]:
    """The values with metric and rival as tables and reports call them."""
    kinds = {"metric": "METRIC", "rival": "MODEL"}
    told = {
        name: say(f"R-{kind}-{values[name].upper()}", "message", language)
        for name, kind in kinds.items()
        if name in values
    }
    return {**values, **told}


def verdict(
    problem: Problem, resamples: Resamples, asked: Asked, seconds: Mapping[str, float]
) -> Verdict:
    """Judge a leaderboard.

    resamples: of the candidates that were fitted, guess and final one among them.
    seconds: candidate: seconds to fit.
    """
    final, guess = asked.final, asked.guess
    metric = DECIDES[problem.task]
    if not isfinite(resamples.values[final][metric]):
        return Verdict(False, "unclear", ((UNDEFINED, {"metric": metric}),))
    gain = _gain(resamples, final, guess, metric, SIGNAL_CERTAINTY)
    signal = gain.low > 0
    values = {
        "metric": metric,
        "value": resamples.values[final][metric],
        "trivial": resamples.values[guess][metric],
        "low": gain.low,
        "high": gain.high,
    }
    said = FOUND if guess == "trivial" else FORECAST
    sentences: list[tuple[str, dict[str, Any]]] = [(said[0] if signal else said[1], values)]
    if not signal:
        return Verdict(False, False, tuple(sentences))
    if not {asked.deep, asked.rival} <= resamples.values.keys():
        return Verdict(True, "unclear", tuple(sentences))
    pays, paid = _deep(resamples, metric, seconds, asked)
    return Verdict(True, pays, (*sentences, paid))


def _gain(
    resamples: Resamples, one: str, other: str, metric: str, certainty: float = CERTAINTY
) -> Interval:
    """How much better ``one`` is than ``other``: above 0 is better whatever the metric."""
    found = resamples.difference(one, other, metric, certainty)
    size = max(abs(resamples.values[name][metric]) for name in (one, other))
    low, value, high = (
        sign(metric) * number if abs(number) > ROUNDING * size else 0.0
        for number in (found.low, found.value, found.high)
    )
    return Interval(value, min(low, high), max(low, high))


def _deep(
    resamples: Resamples, metric: str, seconds: Mapping[str, float], asked: Asked
) -> tuple[Pays, tuple[str, dict[str, Any]]]:
    rival = asked.rival
    alone = _gain(resamples, asked.deep, rival, metric)
    # Without a blend the net stands for itself.
    mixed = _gain(resamples, "blend", rival, metric) if "blend" in resamples.values else alone
    best = alone if alone.low > 0 else mixed
    values = {
        "metric": metric,
        "gain": best.value,
        "low": best.low,
        "high": best.high,
        "net_seconds": seconds.get(asked.deep, 0.0),
        f"{rival}_seconds": seconds.get(rival, 0.0),
    }
    if asked.deep != "net":
        values |= {"rival": rival}
    paid, hidden, lost, unclear = SENTENCES[rival] if asked.deep == "net" else LINKS
    if alone.low > 0:
        return True, (paid, values)
    if mixed.low > 0:
        return True, (hidden, values)
    if mixed.high < 0 or (alone.high < 0 and mixed.value <= 0):
        return False, (lost, values)
    return "unclear", (unclear, values)
