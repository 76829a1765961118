"""Diagnostics: what the course of a training says about its choices.

Each check looks at numbers that were kept anyway, and answers with a code, the evidence and, in
the message, what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, isfinite

from deeplode.fit.config import FitConfig
from deeplode.fit.history import History, mean_layers
from deeplode.fit.setback import BACK_OFF
from deeplode.messages import Notice

DEAD = 0.5  # share of a layer's units, from where on it is told
SATURATED = 0.3
FADED = 1e-3  # gradient of the first hidden layer over that of the last
WORSE = 1.2  # times the validation loss at the best epoch, when training ended
LEARNED = 0.98  # of the loss before the first step: above, nothing was learned
STILL_FALLING = 0.02  # share of all progress that came in the last tenth of the epochs
JUMP = 1.5  # times the lowest loss so far, to which a training loss must not rise …
FELT = 0.1  # … by that share of the loss before the first step
FEWEST_EPOCHS = 5  # of a training whose course can be judged

Losses = Sequence[float]
Layers = list[dict[str, float]]


def diagnose(
    history: History, config: FitConfig, setbacks: Sequence[int], members: slice = slice(None)
) -> list[Notice]:
    """What should be known of a training.

    setbacks: how often each member was put back. members: those to look at, trained alike.
    """
    if not len(history):
        return []
    layers = mean_layers(history.layers[-1][members])
    losses = [(_mean(a[members]), _mean(b[members])) for a, b in _by_epoch(history)]
    lost = list(_setbacks(setbacks[members], config))
    high = lost or list(_too_high(_mean(history.start[members]), losses, config))
    ill = [*high, *_units(layers), *_gradients(layers)]
    return ill + list(_course(_mean(history.start[members]), losses, config, bool(ill)))


def _by_epoch(history: History) -> Iterator[tuple[list[float], list[float]]]:
    return zip(history.learned, history.members, strict=True)


def _mean(values: Losses) -> float:
    finite = [value for value in values if isfinite(value)]
    return sum(finite) / len(finite) if finite else inf


def _setbacks(setbacks: Sequence[int], config: FitConfig) -> Iterator[Notice]:
    """Members whose loss was lost."""
    most = max(setbacks, default=0)
    if most:
        rate = config.learning_rate
        values = {
            "times": most,
            "members": sum(count > 0 for count in setbacks),
            "rate": rate,
            "lowest": rate * BACK_OFF**most,
        }
        yield Notice("W-FIT-001", None, values)


def _units(layers: Layers) -> Iterator[Notice]:
    """Layers many of whose units pass nothing on."""
    for code, name, bound in (("W-FIT-002", "dead", DEAD), ("W-FIT-003", "saturated", SATURATED)):
        worst = max(range(len(layers)), key=lambda at: layers[at][name], default=None)
        if worst is not None and layers[worst][name] > bound:
            values = {"layer": worst + 1, "layers": len(layers), "share": layers[worst][name]}
            yield Notice(code, None, values)


def _gradients(layers: Layers) -> Iterator[Notice]:
    """Gradients that fade or grow on their way back."""
    if len(layers) < 2:
        return
    first, last = layers[0]["gradient"], layers[-1]["gradient"]
    values = {"first": first, "last": last, "layers": len(layers)}
    if last > 0 and first < FADED * last:
        yield Notice("W-FIT-004", None, values)
    if first > 0 and (last < FADED * first or not isfinite(first)):
        yield Notice("W-FIT-005", None, values)


def _too_high(
    start: float, losses: Sequence[tuple[float, float]], config: FitConfig
) -> Iterator[Notice]:
    """A training loss that jumps up."""
    lowest = start
    for epoch, (loss, _) in enumerate(losses, 1):
        if loss > JUMP * lowest and loss - lowest > FELT * start:
            values = {"epoch": epoch, "first": lowest, "last": loss, "rate": config.learning_rate}
            yield Notice("W-FIT-006", None, values)
            return
        lowest = min(lowest, loss)


def _course(
    start: float, losses: Sequence[tuple[float, float]], config: FitConfig, ill: bool
) -> Iterator[Notice]:
    """Too much, too little or too short learned. ill: already explained."""
    if len(losses) < FEWEST_EPOCHS:
        return
    valid = [loss for _, loss in losses]
    best = min(range(len(valid)), key=valid.__getitem__)
    lowest, rate = min(valid[best], start), config.learning_rate
    if lowest > LEARNED * start:
        creeps = lowest < start and all(b < a for a, b in pairwise(valid))
        if not ill and creeps:
            yield Notice("W-FIT-011", None, {"start": start, "best": lowest, "rate": rate})
        elif not ill:
            yield Notice("W-FIT-009", None, {"start": start, "best": lowest})
    elif valid[-1] > WORSE * lowest:
        values = {"epoch": best + 1, "epochs": len(valid), "best": lowest, "last": valid[-1]}
        yield Notice("W-FIT-008", None, values)
    elif not ill and _falls(valid):
        values = {"epochs": len(valid), "last": valid[-1], "rate": rate}
        yield Notice("W-FIT-007", None, values)


def _falls(valid: Losses) -> bool:
    """Whether the loss went down to the end, and much of the way in the last tenth."""
    tenth = max(1, len(valid) // 10)
    steady = all(b < a for a, b in zip(valid[-4:-1], valid[-3:], strict=True))
    progress = valid[0] - valid[-1]
    return steady and valid[-1 - tenth] - valid[-1] > STILL_FALLING * progress > 0
