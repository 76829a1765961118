"""Grid: what is varied, parsed and checked, and every combination of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import product
from math import prod
from typing import Any

from deeplode.errors import OptionError
from deeplode.options import TrainOptions

NOT_VARIED = ("blend", "members")  # of the model that train makes; here every net stands alone

_TYPES = {one.name: str(one.type) for one in fields(TrainOptions)}
VARIABLE = tuple(
    one.name
    for one in fields(TrainOptions)
    if one.metadata["group"] == "Network" and one.name not in NOT_VARIED
)


@dataclass(frozen=True)
class Combination:
    """One value of each option that is varied."""

    choices: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its values, with their option where they are numbers: ``adam · learning_rate 0.01``."""
        return " · ".join(label(name, value) for name, value in self.choices.items())

    def as_json(self) -> dict[str, Any]:
        """The choices as plain JSON."""
        plain = self.choices.items()
        return {name: list(own) if isinstance(own, tuple) else own for name, own in plain}


def label(name: str, value: Any) -> str:
    """A value as it is told from the others."""
    text = shown(value)
    alone = isinstance(value, str) and name != "batch_size"
    return text if alone else f"{name} {text}"


def shown(value: Any) -> str:
    """A value without its option."""
    if isinstance(value, tuple | list):
        return "x".join(map(str, value)) or "0"
    return str(value)


def combinations(vary: Mapping[str, Sequence[Any]]) -> list[Combination]:
    """Every combination of the values, the last option changing quickest."""
    return [Combination(dict(zip(vary, one, strict=True))) for one in product(*vary.values())]


def count(vary: Mapping[str, Sequence[Any]]) -> int:
    """How many combinations there are."""
    return prod(map(len, vary.values()))


def checked(vary: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values of each option in its own type. Texts are read as the command line reads them.

    Raises OptionError for a name that is none or cannot be varied, and for a value that makes no
    sense or comes twice.
    """
    return {name: _values(name, values) for name, values in vary.items()}


def _values(name: str, values: Any) -> tuple[Any, ...]:
    if name not in VARIABLE:
        if name in _TYPES:
            raise OptionError("E-OPT-121", option=name, allowed=", ".join(VARIABLE))
        near = get_close_matches(name, VARIABLE, 1) or VARIABLE
        raise OptionError("E-OPT-001", option=name, near=", ".join(near))
    several = isinstance(values, Sequence) and not isinstance(values, str)
    read = tuple(_read(name, one) for one in (values if several else (values,)))
    if not read:
        raise OptionError("E-OPT-120", item=f"{name}=")
    for at, one in enumerate(read):
        TrainOptions().with_values({name: one})  # its type, and among which values it must be
        if one in read[:at]:
            raise OptionError("E-OPT-122", option=name, value=shown(one))
    return read


def _read(name: str, value: Any) -> Any:
    """A value in its option's type; widths of several layers are written 64x32."""
    if name == "hidden":
        return _widths(value)
    if not isinstance(value, str):
        return value
    text, kind = value.strip(), _TYPES[name]
    if "int" in kind and not (name == "batch_size" and text == "full"):
        return _number(int, name, text)
    return _number(float, name, text) if "float" in kind else text


def _widths(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    parts = value.split("x") if isinstance(value, str) else value
    widths = tuple(_number(int, "hidden", str(one).strip()) for one in parts)
    return () if widths == (0,) else widths


def _number(kind: type, name: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        form = "float" if kind is float else "64x32" if name == "hidden" else "int"
        raise OptionError("E-OPT-008", option=name, value=text, form=form) from None
