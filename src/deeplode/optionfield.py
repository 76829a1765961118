"""A field of options: its default, and what the command line must know of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import TypeVar

Value = TypeVar("Value")


def option(
    default: Value,
    about: str,
    group: str,
    form: str = "",
    *,
    among: Iterable[str] = (),
    shown: str = "",
) -> Value:
    """A field with what the command line must know of it.

    about: one sentence for ``--help``. group: heading that it stands under. form: what stands for
    its value in help, such as COL. among: the only values allowed. shown: what help prints as the
    default where None means more than "found from the data".
    """
    among = tuple(among)
    metadata = {"about": about, "group": group, "form": form, "among": among, "shown": shown}
    made: Value = field(default=default, metadata=metadata)
    return made
