"""How a user's own net is trained where nothing else was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplode.errors import OptionError
from deeplode.fit.config import FitConfig
from deeplode.messages import Notice
from deeplode.nets.given import Given
from deeplode.nets.keras_compiled import Compiled
from deeplode.nets.keras_net import from_keras
from deeplode.tasks.choose import DECAYED, RATES, RULES

RATE = 0.25  # of the learning rate that our own net takes: of another one less is known
STEPS, MOST_EPOCHS = 1_500, 200  # steps that a small table's epochs shall make together
DECAY = 0.01  # torch's own default
OURS = ("hidden", "activation", "dropout", "max_norm")  # what only our own net has
PLAIN: Mapping[str, Any] = {"hidden": (), "dropout": 0.0, "max_norm": 0.0}


def own_choices(
    given: Given, chosen: Mapping[str, Any], rows: int
) -> tuple[dict[str, Any], tuple[Notice, ...]]:
    """Choices by the names of FitConfig, and what the user must know of them.

    rows: of training; few of them are gone through more often, as a step learns little.
    What the user chose counts most, then what a Keras model was compiled with.
    Raises OptionError for a choice that the module itself decides.
    """
    for name in OURS:
        if name in chosen:
            raise OptionError("E-OPT-142", net=given.name, option=name)
    compiled = Compiled.of(given.net) if from_keras(given.net) else Compiled()
    told = {**compiled.choices, **chosen}
    if chosen.get("optimizer", compiled.choices.get("optimizer")) != compiled.choices.get(
        "optimizer"
    ):
        told = dict(chosen)  # another optimizer than the model's: its settings do not belong to it
    optimizer = told.get("optimizer", FitConfig().optimizer)
    if optimizer == "muon":
        raise OptionError("E-OPT-142", net=given.name, option="optimizer='muon'")
    choices = {
        "learning_rate": RATE * RATES.get(optimizer, 0.0),
        "weight_decay": DECAY if optimizer in DECAYED else 0.0,
        "epochs": _epochs(rows),
        **PLAIN,
        **told,
    }
    return choices, tuple(_notices(given, compiled, choices))


def _epochs(rows: int) -> int:
    """Passes over the training rows that make enough steps."""
    rule = next(rule for rule in RULES if rows <= rule.rows)
    return max(rule.epochs, min(MOST_EPOCHS, STEPS * rule.batch_size // max(rows, 1)))


def _notices(given: Given, compiled: Compiled, choices: Mapping[str, Any]) -> list[Notice]:
    if not compiled.optimizer:
        return []
    name, optimizer = given.name, compiled.optimizer
    if not compiled.choices:
        return [Notice("W-NET-003", None, {"net": name, "optimizer": optimizer})]
    notices = [Notice("W-NET-002", None, {"net": name, "loss": compiled.loss})]
    if compiled.left:
        left = ", ".join(compiled.left)
        values = {"net": name, "optimizer": optimizer, "left": left}
        notices.append(Notice("W-NET-004", None, values))
    return notices
