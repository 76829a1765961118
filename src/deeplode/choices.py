"""What options may be: names to choose among, types, and the error for anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from deeplode.errors import OptionError

NEAR = 0.7  # likeness from which on a name is taken for a misspelt one: adm, but not gpu for cpu

ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "gelu_tanh", "silu", "mish",
    "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid", "hardswish", "identity",
)  # fmt: skip
OPTIMIZERS = (
    "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "rmsprop_centered",
    "rmsprop_momentum", "adam", "amsgrad", "adamw", "nadam", "adamax", "muon",
)  # fmt: skip
STYLES = ("torch", "keras")
SCHEDULES = (
    "constant", "step", "exponential", "cosine", "one_cycle", "warm_up", "reduce_on_plateau",
)  # fmt: skip

# Types that an option may have, by the name that its annotation has.
TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": (float, int),
    "tuple[str, ...]": tuple,
    "tuple[int, ...]": tuple,
    "Mapping[str, str]": Mapping,
    "Mapping[str, tuple[Any, ...]]": Mapping,
    "None": type(None),
}


def not_among(name: str, value: Any, among: Iterable[Any]) -> OptionError:
    """The error for a value that is not one of a few, with the nearest of them."""
    allowed = ", ".join(repr(choice) for choice in among)
    near = get_close_matches(str(value), [str(choice) for choice in among], 1, NEAR)
    if not near:
        return OptionError("E-OPT-002", option=name, value=value, allowed=allowed)
    return OptionError("E-OPT-009", option=name, value=value, near=near[0], allowed=allowed)
