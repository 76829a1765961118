"""What a Keras model was compiled with, in the words of our training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMES = {  # Keras' class: our name
    "SGD": "sgd",
    "RMSprop": "rmsprop",
    "Adagrad": "adagrad",
    "Adadelta": "adadelta",
    "Adam": "adam",
    "AdamW": "adamw",
    "Nadam": "nadam",
    "Adamax": "adamax",
}
# Settings that our rules in Keras' style have fixed, at Keras' defaults.
FIXED: Mapping[str, Any] = {
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-7,
    "initial_accumulator_value": 0.1,
    "clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "loss_scale_factor": None,
}
RHO = {"rmsprop": 0.9, "adadelta": 0.95}
MOMENTUM = 0.9


@dataclass(frozen=True)
class Compiled:
    """What a model was compiled with; empty where it was not.

    choices: by the names of FitConfig. optimizer, loss: as Keras calls them.
    left: settings that are not taken over.
    """

    choices: dict[str, Any] = field(default_factory=dict)
    optimizer: str = ""
    loss: str = ""
    left: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Any) -> Compiled:
        """From a Keras model, which stays as it is."""
        optimizer = getattr(model, "optimizer", None)
        if not getattr(model, "compiled", False) or optimizer is None:
            return cls()
        kind, loss = type(optimizer).__name__, getattr(model, "loss", None)
        told = loss if isinstance(loss, str) else getattr(loss, "name", None) or type(loss).__name__
        if kind not in NAMES:
            return cls({}, kind, str(told), (kind,))
        settings: dict[str, Any] = dict(optimizer.get_config())
        left = [
            name
            for name, value in FIXED.items()
            if name in settings and not _same(settings[name], value)
        ]
        name = _variant(NAMES[kind], settings, left)
        choices: dict[str, Any] = {"optimizer": name, "optimizer_style": "keras"}
        choices["schedule"] = "constant"
        choices["weight_decay"] = float(settings.get("weight_decay") or 0.0)
        rate = _rate(settings.get("learning_rate"))
        if rate is not None:
            choices["learning_rate"] = float(f"{rate:.6g}")  # Keras keeps it as float32
        else:
            left.append(_schedule(settings.get("learning_rate")))
        if settings.get("global_clipnorm"):
            choices["clip_norm"] = float(settings["global_clipnorm"])
        if settings.get("gradient_accumulation_steps"):
            choices["accumulate"] = int(settings["gradient_accumulation_steps"])
        return cls(choices, kind, str(told), tuple(left))


def _rate(setting: Any) -> float | None:
    """The learning rate of a model that has one throughout; None where a schedule changes it.

    A schedule of Keras counts in steps of its own, from the start of a step; ours go by the share
    of the training that is over, in the middle of a step. So none that changes is exactly ours.
    """
    if isinstance(setting, int | float):
        return float(setting)
    if not isinstance(setting, Mapping):
        return None
    own: Mapping[str, Any] = setting.get("config", {})
    match setting.get("class_name"):
        case "ExponentialDecay" if own.get("decay_rate") == 1:
            return float(own["initial_learning_rate"])
        case "CosineDecay" if own.get("alpha") == 1 and own.get("warmup_target") is None:
            return float(own["initial_learning_rate"])
        case "PiecewiseConstantDecay" if len(set(own.get("values", ()))) == 1:
            return float(own["values"][0])
    return None


def _schedule(setting: Any) -> str:
    """How a schedule that is not taken over is named."""
    name = setting.get("class_name") if isinstance(setting, Mapping) else None
    return f"learning_rate ({name})" if name else "learning_rate"


def _variant(name: str, settings: Mapping[str, Any], left: list[str]) -> str:
    """Our name for an optimizer with these settings; adds to ``left`` what it cannot say."""
    momentum = settings.get("momentum") or 0.0
    if name in RHO and not _same(settings.get("rho"), RHO[name]):
        left.append("rho")
    if momentum and not _same(momentum, MOMENTUM):
        left.append("momentum")
    if name == "sgd" and momentum:
        return "nesterov" if settings.get("nesterov") else "momentum"
    if name == "rmsprop" and settings.get("centered"):
        if momentum:
            left.append("momentum")
        return "rmsprop_centered"
    if name == "rmsprop" and momentum:
        return "rmsprop_momentum"
    if name == "adam" and settings.get("amsgrad"):
        return "amsgrad"
    return name


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-6 * max(abs(one), abs(other))
    return bool(one == other)
