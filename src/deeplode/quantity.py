"""Times, sizes and shares as people write them: 90s, 5m, 4GB, 5%."""

from __future__ import annotations

import math
import re

from deeplode.errors import OptionError

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def duration(text: str | float) -> float:
    """Seconds of ``90s``, ``5m``, ``1h``, ``1h30m`` or a bare number of seconds.

    Raises OptionError when it is not a positive time.
    """
    if isinstance(text, str):
        parts = re.findall(r"([\d.]+)\s*(ms|min|[smhd]?)\s*", text.strip().lower())
        whole = "".join(number + unit for number, unit in parts)
        try:
            if whole != re.sub(r"\s+", "", text.lower()):
                raise ValueError
            seconds = sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
        except ValueError:
            raise OptionError(
                "E-OPT-005", option="time_limit", value=text, like="90s, 5m, 1h"
            ) from None
    else:
        seconds = float(text)
    if not 0 < seconds < math.inf:
        raise OptionError("E-OPT-005", option="time_limit", value=text, like="90s, 5m, 1h")
    return seconds


def size(text: str | int) -> int:
    """Bytes of ``4GB``, ``512MB``, ``2GiB`` (``4G`` is ``4GB``) or a bare number of bytes.

    Raises OptionError when it is not a positive size.
    """
    if isinstance(text, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B?)\s*", text.upper())
        unit = (match[2] if match and match[2] else "B").removesuffix("B") + "B"
        if not match or unit not in _BYTES:
            raise OptionError("E-OPT-005", option="memory_limit", value=text, like="512MB, 4GB")
        text = int(float(match[1]) * _BYTES[unit])
    if text <= 0:
        raise OptionError("E-OPT-005", option="memory_limit", value=text, like="512MB, 4GB")
    return text


def costs(text: str) -> tuple[float, float]:
    """(100, 1) of ``fn=100,fp=1``: what a missed positive and a false alarm cost.

    Raises OptionError when it does not name both, or one of them is not above 0.
    """
    found = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            found[name.strip().lower()] = float(value)
        except ValueError:
            break
    fits = found.keys() == {"fn", "fp"} and all(0 < one < math.inf for one in found.values())
    if not fits:
        raise OptionError("E-OPT-005", option="cost", value=text, like="fn=100,fp=1")
    return found["fn"], found["fp"]


def share(option: str, text: str | float) -> float:
    """0.05 of ``5%`` or ``0.05``. Raises OptionError when it is not between 0 and 1."""
    number = str(text).strip()
    percent = number.endswith("%")
    try:
        found = float(number.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise OptionError("E-OPT-005", option=option, value=text, like="5%, 0.05")
    return found


def moments(text: str | int) -> int | str:
    """30 of ``30``, or ``all``. Raises OptionError for anything else."""
    found = str(text).strip().lower()
    if found == "all":
        return found
    if not (found.isascii() and found.isdigit() and int(found) >= 1):
        raise OptionError("E-OPT-005", option="window", value=text, like="30, all")
    return int(found)
