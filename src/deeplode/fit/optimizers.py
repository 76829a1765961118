"""Optimizers by the name they have on the command line, in torch's and in Keras' form.

``weight_decay`` is decoupled with every one of them (each step takes ``lr * weight_decay`` of a
weight away, Loshchilov and Hutter 2019); ``l2`` is coupled (``l2 * weight`` is added to the
gradient, the penalty ``l2 / 2 * sum of squares``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim import Optimizer

from deeplode.fit import keras_style
from deeplode.fit.muon import muon
from deeplode.fit.ruled import Ruled
from deeplode.nets.group import Group

STYLES = ("torch", "keras")


@dataclass(frozen=True)
class Rule:
    """An optimizer and its settings, the published defaults where nothing else is said.

    decays: whether it decouples weight decay by itself. parted: whether weight matrices form a
    group of their own, called ``matrix``.
    """

    make: Callable[..., Optimizer]
    settings: Mapping[str, Any] = field(default_factory=dict)
    decays: bool = False
    parted: bool = False

    def over(self, groups: list[dict[str, Any]], lr: float, **other: Any) -> Optimizer:
        """The optimizer over groups of parameters; other: settings in place of the rule's own."""
        return self.make(groups, lr=lr, **{**self.settings, **other})


def _fused(make: Callable[..., Optimizer], **settings: Any) -> Rule:
    return Rule(make, {"fused": True, **settings})


def _ruled(update: Callable[..., None], **settings: Any) -> Rule:
    return Rule(Ruled, {"update": update, **settings})


ADAM = {"betas": (0.9, 0.999), "eps": 1e-8}  # Kingma and Ba 2015
QUICK = (0.9, 0.95)  # of adamw: the second is quicker than usual, for short trainings
MOMENTUM = 0.9  # Polyak 1964, Sutskever et al. 2013

OPTIMIZERS: dict[str, Rule] = {
    "sgd": _fused(torch.optim.SGD),
    "momentum": _fused(torch.optim.SGD, momentum=MOMENTUM),
    "nesterov": _fused(torch.optim.SGD, momentum=MOMENTUM, nesterov=True),
    "adagrad": _fused(torch.optim.Adagrad, eps=1e-10),  # Duchi et al. 2011
    "adadelta": Rule(torch.optim.Adadelta, {"rho": 0.9, "eps": 1e-6}),  # Zeiler 2012
    "rmsprop": Rule(torch.optim.RMSprop, {"alpha": 0.99, "eps": 1e-8}),  # Tieleman, Hinton 2012
    "rmsprop_centered": Rule(
        torch.optim.RMSprop, {"alpha": 0.99, "eps": 1e-8, "centered": True}
    ),  # Graves 2013
    "rmsprop_momentum": Rule(
        torch.optim.RMSprop, {"alpha": 0.99, "eps": 1e-8, "momentum": MOMENTUM}
    ),
    "adam": _fused(torch.optim.Adam, **ADAM),
    "amsgrad": _fused(torch.optim.Adam, **ADAM, amsgrad=True),  # Reddi et al. 2018
    "adamw": Rule(
        torch.optim.AdamW, {"betas": QUICK, "eps": 1e-8, "fused": True}, decays=True
    ),  # Loshchilov and Hutter 2019
    "nadam": Rule(torch.optim.NAdam, {**ADAM, "momentum_decay": 0.004}),  # Dozat 2016
    "adamax": Rule(torch.optim.Adamax, ADAM),  # Kingma and Ba 2015
    "muon": Rule(
        Ruled, {"update": muon, "betas": QUICK, "eps": 1e-8, "keras": False}, parted=True
    ),  # Jordan et al. 2024
}

_RMSPROP = {"rho": 0.9, "momentum": 0.0, "centered": False, "eps": 1e-7}
_MOMENTS = {"betas": (0.9, 0.999), "eps": 1e-7}

KERAS: dict[str, Rule] = {
    "sgd": _ruled(keras_style.sgd, momentum=0.0, nesterov=False),
    "momentum": _ruled(keras_style.sgd, momentum=MOMENTUM, nesterov=False),
    "nesterov": _ruled(keras_style.sgd, momentum=MOMENTUM, nesterov=True),
    "adagrad": _ruled(keras_style.adagrad, initial=0.1, eps=1e-7),
    "adadelta": _ruled(keras_style.adadelta, rho=0.95, eps=1e-7),
    "rmsprop": _ruled(keras_style.rmsprop, **_RMSPROP),
    "rmsprop_centered": _ruled(keras_style.rmsprop, **{**_RMSPROP, "centered": True}),
    "rmsprop_momentum": _ruled(keras_style.rmsprop, **{**_RMSPROP, "momentum": MOMENTUM}),
    "adam": _ruled(keras_style.adam, **_MOMENTS),
    "amsgrad": _ruled(keras_style.adam, **_MOMENTS, amsgrad=True),
    "adamw": _ruled(keras_style.adam, **_MOMENTS),
    "nadam": _ruled(keras_style.nadam, **_MOMENTS),
    "adamax": _ruled(keras_style.adamax, **_MOMENTS),
    "muon": Rule(Ruled, {"update": muon, **_MOMENTS, "keras": True}, parted=True),
}


@dataclass(frozen=True)
class Penalties:
    """What holds weights small; of the groups whose ``decay`` is set."""

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0


def build(
    name: str, style: str, groups: Sequence[Group], learning_rate: float, penalties: Penalties
) -> Optimizer:
    """The optimizer ``name`` over groups of parameters.

    Each of its groups keeps its rate as ``factor``, the penalties that are left for
    ``regularizers`` to apply as ``l1``, ``l2`` and ``decay``, and its weight matrices as ``units``.
    """
    rule = (KERAS if style == "keras" else OPTIMIZERS)[name]
    nothing = Penalties()
    described = []
    for group in groups:
        own = penalties if group.decay else nothing
        for parameters, units in _parts(group, rule.parted):
            one = {
                "params": parameters,
                "units": units,
                "factor": group.rate,
                "l1": own.l1,
                "l2": own.l2,
                "decay": 0.0 if rule.decays else own.weight_decay,
            }
            extra = {"weight_decay": own.weight_decay} if rule.decays else {}
            described.append(one | extra | ({"matrix": bool(units)} if rule.parted else {}))
    return rule.over(_joined(described), learning_rate)


def _joined(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fewer groups: those of the same settings in one, as each costs time in every step."""
    found: list[dict[str, Any]] = []
    for group in groups:
        same = [one for one in found if all(one[name] == group[name] for name in _told(group))]
        if same:
            same[0]["params"] += group["params"]
            same[0]["units"] += group["units"]
        else:
            found.append(group | {name: [*group[name]] for name in ("params", "units")})
    return found


def _told(group: dict[str, Any]) -> list[str]:
    return [name for name in group if name not in ("params", "units")]


def _parts(
    group: Group, parted: bool
) -> Iterator[tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]]:
    """Parameters and which of them are weight matrices; in two parts if ``parted``."""
    live = [parameter for parameter in group.parameters if parameter.numel()]
    units = [one for one in live if any(one is unit for unit in group.units)]
    rest = [one for one in live if not any(one is unit for unit in units)]
    whole = [(units, units), (rest, [])] if parted else [(live, units)]
    return ((parameters, own) for parameters, own in whole if parameters)
