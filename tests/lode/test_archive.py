"""The shell of a model file: anything but the one file that the writer makes is refused."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deeplode import modelfile
from deeplode.errors import ModelFileError
from deeplode.lode import archive, canonical
from deeplode.memory import peak_memory

NAMES = tuple(modelfile.LIMITS)
MANIFEST, SCHEMA, CARD, WEIGHTS, PROBE = NAMES
FIRST = 30 + len(MANIFEST)  # where the manifest's bytes begin

Members = dict[str, bytes]


def packed(members: Members) -> bytes:
    return b"".join(archive.pack(members))


def by_zipfile(members: Members, compression: int) -> bytes:
    """The members as Python's own zip writer packs them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return file.getvalue()


def without(members: Members, name: str) -> Members:
    return {key: data for key, data in members.items() if key != name}


def renamed(members: Members, old: str, new: str) -> Members:
    return {new if name == old else name: data for name, data in members.items()}


def patched(whole: bytes, offset: int, form: str, *values: int) -> bytes:
    """The file with numbers written over what stands at ``offset``; negative: from its end."""
    data = bytearray(whole)
    struct.pack_into(form, data, offset if offset >= 0 else len(data) + offset, *values)
    return bytes(data)


def second(members: Members) -> int:
    """Where the header of the second member begins."""
    return FIRST + len(members[MANIFEST])


def central(members: Members, number: int) -> int:
    """Where the directory entry of the member with this number begins."""
    start = sum(30 + len(name) + len(data) for name, data in members.items())
    return start + sum(46 + len(name) for name in NAMES[:number])


def renamed_in_directory(members: Members) -> bytes:
    whole, at = packed(members), central(members, 2)
    return whole[:at] + whole[at:].replace(b"card.json", b"code.json")


def tar_file(members: Members) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as opened:
        opened.addfile(tarfile.TarInfo(MANIFEST), io.BytesIO(b""))
    return file.getvalue()


FOREIGN: dict[str, Callable[[Members], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"age,income\n1,2\n",
    "pickle": lambda _: b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "tar": tar_file,
    "zip-of-something-else": lambda _: packed({"data.pkl": b"x"}),
    "weights-only": lambda m: m[WEIGHTS],
    "magic-only": lambda _: b"PK\3\4",
    "end-record-only": lambda m: packed(m)[-22:],
    "prepended-script": lambda m: b"#!/bin/sh\n" + packed(m),
    "manifest-not-first": lambda m: packed(dict(reversed(m.items()))),
}

REBUILT: dict[str, Callable[[Members], bytes]] = {
    "compressed": lambda m: by_zipfile(m, zipfile.ZIP_DEFLATED),
    "packed-again": lambda m: by_zipfile(m, zipfile.ZIP_STORED),
    "bomb": lambda m: by_zipfile({**m, CARD: bytes(50_000_000)}, zipfile.ZIP_DEFLATED),
    "member-missing": lambda m: packed(without(m, CARD)),
    "member-more": lambda m: packed({**m, "hook.py": b"print()"}),
    "member-twice": lambda m: packed({**m, "card.jsoN": b"{}"}).replace(b"jsoN", b"json"),
    "member-twice-inside": lambda m: packed(renamed(m, SCHEMA, "./card.json")),
    "other-order": lambda m: packed({MANIFEST: m[MANIFEST], CARD: m[CARD], **m}),
    "name-that-climbs": lambda m: packed(renamed(m, CARD, "../c.json")),
    "name-absolute": lambda m: packed(renamed(m, CARD, "/etc/json")),
    "name-with-zero-byte": lambda m: packed(renamed(m, CARD, "card.js\0n")),
    "encrypted": lambda m: patched(packed(m), 6, "<H", 1),
    "encrypted-by-directory": lambda m: patched(packed(m), central(m, 2) + 8, "<H", 1),
    "sizes-in-a-descriptor": lambda m: patched(packed(m), 6, "<H", 8),
    "compressed-by-directory": lambda m: patched(packed(m), central(m, 1) + 10, "<H", 8),
    "size-differs-in-directory": lambda m: patched(packed(m), central(m, 1) + 24, "<I", 5),
    "name-differs-in-directory": renamed_in_directory,
    "entries-overlap": lambda m: patched(packed(m), central(m, 2) + 42, "<I", 0),
    "symbolic-link": lambda m: patched(packed(m), central(m, 1) + 38, "<I", 0o120777 << 16),
    "sizes-that-differ": lambda m: patched(packed(m), 18, "<II", 2**32 - 1, 2**32 - 2),
    "extra-field": lambda m: patched(packed(m), 28, "<H", 4),
    "comment": lambda m: patched(packed(m), -2, "<H", 4) + b"note",
    "appended-byte": lambda m: packed(m) + b"\0",
    "two-archives": lambda m: packed(m) * 2,
    "count-that-lies": lambda m: patched(packed(m), -14, "<HH", 4, 4),
    "several-disks": lambda m: patched(packed(m), -18, "<H", 1),
}

DAMAGED: dict[str, tuple[str, Callable[[Members], bytes]]] = {
    "claims-4-GB": (
        "E-MODEL-006",
        lambda m: patched(packed(m), second(m) + 18, "<II", *[2**32 - 1] * 2),
    ),
    "claims-zip64": ("E-MODEL-006", lambda m: patched(packed(m), 18, "<II", *[2**32 - 1] * 2)),
    "claims-more-than-there": (
        "E-MODEL-003",
        lambda m: patched(packed(m), second(m) + 18, "<II", *[2**26] * 2),
    ),
    "cut-in-a-header": ("E-MODEL-003", lambda m: packed(m)[: second(m) + 9]),
    "cut-before-the-directory": ("E-MODEL-003", lambda m: packed(m)[: central(m, 0)]),
    "last-byte-missing": ("E-MODEL-003", lambda m: packed(m)[:-1]),
    "checksum-wrong": ("E-MODEL-008", lambda m: packed(m).replace(b'"rmse":1.5', b'"rmse":0.5')),
    "digest-wrong": ("E-MODEL-008", lambda m: packed({**m, CARD: b'{"metrics":{}}'})),
}


@pytest.fixture
def members(forged: Callable[..., bytes], good: Members) -> Members:
    """All members of a good file, manifest first."""
    whole = forged()
    size = struct.unpack_from("<I", whole, 18)[0]
    return {MANIFEST: whole[FIRST : FIRST + size], **good}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_does_not_begin_like_a_model_file_is_none(
    case: str, members: Members, refused: Callable[[bytes], ModelFileError]
) -> None:
    assert refused(FOREIGN[case](members)).code == "E-MODEL-002"


@pytest.mark.parametrize("case", REBUILT)
def test_a_file_that_our_writer_would_not_have_built_is_refused(
    case: str, members: Members, refused: Callable[[bytes], ModelFileError]
) -> None:
    assert refused(REBUILT[case](members)).code == "E-MODEL-004"


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_for_what_is_wrong_with_it(
    case: str, members: Members, refused: Callable[[bytes], ModelFileError]
) -> None:
    code, make = DAMAGED[case]
    assert refused(make(members)).code == code


def test_what_these_files_are_made_from_is_read(
    members: Members, read_or_refuse: Callable[[bytes], Any]
) -> None:
    assert read_or_refuse(packed(members)) is not None


def test_a_file_of_a_terabyte_is_refused_unread(tmp_path: Path, members: Members) -> None:
    path = tmp_path / "hostile.lode"
    path.write_bytes(packed(members))
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse: takes no room on the disk
    before = peak_memory()
    with pytest.raises(ModelFileError) as error:
        modelfile.read(path)
    assert error.value.code in {"E-MODEL-004", "E-MODEL-007"}
    assert peak_memory() - before < 10_000_000


MANIFESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "format-0": ("E-MODEL-013", {"format": 0}),
    "format-as-text": ("E-MODEL-013", {"format": "1"}),
    "format-true": ("E-MODEL-013", {"format": True}),
    "format-1.0": ("E-MODEL-013", {"format": 1.0}),
    "format-missing": ("E-MODEL-013", {"format": None}),
    "format-huge": ("E-MODEL-005", {"format": 10**300}),
    "version-with-escape-codes": ("E-MODEL-013", {"format": 2, "deeplode": "9\x1b[2J"}),
    "version-endless": ("E-MODEL-013", {"format": 2, "deeplode": "9" * 10_000}),
    "version-missing": ("E-MODEL-013", {"deeplode": None}),
    "verb-of-python": ("E-MODEL-013", {"verb": "os.system"}),
    "verb-a-list": ("E-MODEL-013", {"verb": ["train"]}),
    "members-missing": ("E-MODEL-013", {"members": None}),
    "members-incomplete": ("E-MODEL-013", {"members": {}}),
    "members-as-text": ("E-MODEL-008", {"members": dict.fromkeys(NAMES[1:], "0")}),
    "digest-cut": ("E-MODEL-008", {"members": {name: {"bytes": 2} for name in NAMES[1:]}}),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_does_not_describe_the_file_is_refused(
    case: str, forged: Callable[..., bytes], refused: Callable[[bytes], ModelFileError]
) -> None:
    code, changes = MANIFESTS[case]
    error = refused(forged(**changes))
    assert error.code == code
    assert len(str(error)) < 1000


def test_the_manifest_of_any_format_can_be_read(refused: Callable[[bytes], ModelFileError]) -> None:
    manifest = canonical.dump({"format": 7, "deeplode": "3.1.4", "unknown": [1]})
    error = refused(packed({MANIFEST: manifest, "something.new": b"?"}))
    assert error.code == "E-MODEL-005"
    assert "format 7" in error.message("en")
    assert "3.1.4" in error.message("en")
