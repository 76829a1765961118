"""The .lode model file: everything that prediction needs, and no code.

``docs/modelfile.md`` describes the format byte by byte. Whatever is not exactly that is refused
with ModelFileError (exit 6), in time and memory bounded by the limits below. The digests find
damage; they do not prove who made the file: a file made to mislead still runs no code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deeplode.errors import ModelFileError
from deeplode.lode import archive, canonical, rows, tensors
from deeplode.output import replacing
from deeplode.version import __version__

FORMAT = 1
VERBS = ("train", "detect", "cluster", "recommend")
LIMITS = {  # bytes a member may have; the order is that of the file
    archive.FIRST: 64 << 10,
    "schema.json": 64 << 20,
    "card.json": 16 << 20,
    "weights.safetensors": 2 << 30,
    "probe.arrow": 16 << 20,
}

_RESERVED = {"format", "deeplode", "members"}
_VERSION = re.compile(r"\d{1,6}(\.[0-9a-z]{1,12}){0,5}")


@dataclass(frozen=True)
class ModelParts:
    """What a model file holds, checked in form; what it means is for its reader to check.

    manifest: format, deeplode, verb, members {name: {bytes, sha256}} and what the verb added.
    schema: columns, kinds, encoder state. card: what the model is and how good.
    arrays: numbers by name; finite. probe: a few rows and the answers expected of them.
    """

    manifest: dict[str, Any]
    schema: dict[str, Any]
    card: dict[str, Any]
    arrays: dict[str, np.ndarray]
    probe: pl.DataFrame


def write(
    path: str | Path,
    about: Mapping[str, Any],
    schema: Mapping[str, Any],
    card: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    probe: pl.DataFrame,
    *,
    force: bool = False,
) -> None:
    """Write a model file. Same content, same bytes: nothing in it tells time or place.

    about: ``verb``, and any small facts that belong into the manifest.
    schema, card: plain JSON values with string keys; the order of keys is not kept.
    arrays: finite numbers. probe: at most 1 000 rows of plain columns, as
    ``rows.join_answers`` makes them.
    Raises OptionError when the path cannot be written, ValueError for content that no reader
    would take.
    """
    if about.get("verb") not in VERBS or _RESERVED & about.keys():
        raise ValueError(f"about must name a verb and none of {sorted(_RESERVED)}, got {about!r}.")
    members = {
        "schema.json": canonical.dump(schema),
        "card.json": canonical.dump(card),
        "weights.safetensors": tensors.dump(arrays),
        "probe.arrow": rows.dump(probe),
    }
    manifest = canonical.dump(
        {
            **about,
            "format": FORMAT,
            "deeplode": __version__,
            "members": _digests(members),
        }
    )
    members = {archive.FIRST: manifest, **members}
    large = [name for name, data in members.items() if len(data) > LIMITS[name]]
    if large:
        raise ValueError(f"too large for a model file: {', '.join(large)}.")
    with replacing(path, force=force) as file:
        file.writelines(archive.pack(members))


def read(path: str | Path) -> ModelParts:
    """Read a model file by fixed names, in memory. Raises ModelFileError for any other file."""
    source = str(path)
    with archive.open_file(Path(path), source) as file:
        _check_format(file, source)
        members = archive.unpack(file, LIMITS, source)
    manifest = canonical.load(members.pop(archive.FIRST), archive.FIRST, source)
    _check_manifest(manifest, members, source)
    return ModelParts(
        manifest,
        canonical.load(members["schema.json"], "schema.json", source),
        canonical.load(members["card.json"], "card.json", source),
        tensors.load(members["weights.safetensors"], source),
        rows.load(members["probe.arrow"], source),
    )


def _digests(members: Mapping[str, bytes | bytearray]) -> dict[str, dict[str, Any]]:
    return {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }


def _check_format(file: BufferedReader, source: str) -> None:
    """Refuse a newer format by name. Every format begins with the same manifest member."""
    name = archive.FIRST
    _, size = archive.read_header(file, name, LIMITS[name], source)
    manifest = canonical.load(file.read(size), name, source)
    file.seek(0)
    number, version = manifest.get("format"), manifest.get("deeplode")
    if type(number) is not int or number < 1:
        raise ModelFileError("E-MODEL-013", source=source, key="format")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ModelFileError("E-MODEL-013", source=source, key="deeplode")
    if number > FORMAT:
        raise ModelFileError(
            "E-MODEL-005", source=source, number=number, needs=version, version=__version__
        )


def _check_manifest(
    manifest: Mapping[str, Any], members: Mapping[str, bytearray], source: str
) -> None:
    """Refuse a manifest that does not describe this file."""
    if manifest.get("verb") not in VERBS:
        raise ModelFileError("E-MODEL-013", source=source, key="verb")
    told = manifest.get("members")
    if not isinstance(told, dict) or told.keys() != members.keys():
        raise ModelFileError("E-MODEL-013", source=source, key="members")
    for name, digest in _digests(members).items():
        if told[name] != digest:
            raise ModelFileError("E-MODEL-008", source=source, member=name)
