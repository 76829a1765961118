"""Column names: none empty, none twice, all strings."""

from __future__ import annotations

from collections.abc import Sequence

from deeplode.messages import Notice

_SPACE = "\ufeff \t\r\n\u00a0\u3000"


def settle_names(found: Sequence[object], strip: bool = False) -> tuple[list[str], list[Notice]]:
    """Names that a table can carry, and what had to be changed.

    found: the names as they stand in the source; anything becomes its ``str``.
    strip: leave out white space around names, as in text files.
    An empty name becomes ``column_3`` (its position, from 1), the second ``age`` becomes
    ``age_2``. A name that the source itself gives is never taken from its column.
    """
    raw = ["" if name is None else str(name) for name in found]
    plain = [name.strip(_SPACE) for name in raw] if strip else raw
    taken = set(plain)
    tried: dict[str, int] = {}
    names: list[str] = []
    used: set[str] = set()
    empty: list[str] = []
    repeated: list[str] = []
    for position, name in enumerate(plain, 1):
        settled = name
        if not name:
            settled = _free(f"column_{position}", taken, tried)
            empty.append(settled)
        elif name in used:
            settled = _free(name, taken, tried)
            repeated.append(settled)
        used.add(settled)
        taken.add(settled)
        names.append(settled)
    trimmed = [name for name, was in zip(plain, raw, strict=True) if name and name != was]
    changes = (("W-READ-001", repeated), ("W-READ-002", empty), ("W-READ-003", trimmed))
    return names, [_notice(code, which) for code, which in changes if which]


def _free(name: str, taken: set[str], tried: dict[str, int]) -> str:
    """The name, or the name with the lowest number from 2 that nobody has."""
    if name not in taken:
        return name
    number = tried.get(name, 2)
    while f"{name}_{number}" in taken:
        number += 1
    tried[name] = number + 1
    return f"{name}_{number}"


def _notice(code: str, names: list[str]) -> Notice:
    """How many names changed, and the first five of them."""
    shown = ", ".join(repr(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
    column = names[0] if len(names) == 1 else None
    return Notice(code, column, {"count": len(names), "names": shown})
