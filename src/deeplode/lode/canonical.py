"""JSON that has exactly one spelling, so that same content means same bytes.

Keys sorted, no spaces, UTF-8, numbers as Python prints them. The reader takes nothing else: a
repeated key, NaN, an endless number or a hidden second meaning has no canonical spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from deeplode.errors import ModelFileError

MAX_DEPTH = 64
MAX_NODES = 4_000_000  # bounds what a small text can grow to in memory: about 100 bytes a node

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def dump(content: Mapping[str, Any]) -> bytes:
    """The one spelling of this object. The order of its keys is not kept: use lists for order.

    Raises ValueError or TypeError for what JSON cannot say: NaN, infinity, objects, lone
    surrogates.
    """
    text = json.dumps(
        content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode()


def load(data: bytes | bytearray, member: str, source: str) -> dict[str, Any]:
    """The object spelled by ``data``. Raises ModelFileError unless it is canonical."""
    try:
        check_growth(data, MAX_NODES)
        content = json.loads(data.decode())
        canonical = isinstance(content, dict) and dump(content) == data
    except (ValueError, RecursionError) as error:
        raise ModelFileError("E-MODEL-009", source=source, member=member) from error
    if not canonical:
        raise ModelFileError("E-MODEL-009", source=source, member=member)
    result: dict[str, Any] = content
    return result


def check_growth(data: bytes | bytearray, nodes: int) -> None:
    """Refuse, before it is parsed, JSON that would nest too deep or grow too large in memory.

    nodes: values that it may have. Raises ValueError. What is no JSON goes wrong in the parser no
    later than it is miscounted here.
    """
    if sum(data.count(sign) for sign in (b",", b"[", b"{")) > nodes:
        raise ValueError("too many nodes")
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NOT_BRACKET):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
