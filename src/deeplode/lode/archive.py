"""The outer shell of a model file: a zip with stored members, of which each byte is fixed.

Given its members, there is exactly one such file (APPNOTE 6.3.10: local headers with data, central
directory, end record; no compression, extra fields, comments, encryption, zip64 or gaps). Any zip
tool can read it; the reader here takes nothing that the writer here would not have written, so
overlapping entries, second directories, hidden data and names that lead elsewhere cannot occur.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

from deeplode.errors import ModelFileError

FIRST = "manifest.json"  # stands first in every format, so that any version can read its number

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _FLAGS, _STORED = 20, 0, 0
_TIME, _DATE = 0, 0x21  # 1980-01-01 00:00: same model, same bytes
_MODE = (stat.S_IFREG | 0o644) << 16


def pack(members: Mapping[str, bytes]) -> list[bytes]:
    """The file's bytes in pieces, members in the order given."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, data in members.items():
        crc = zlib.crc32(data)
        local = _local(name, crc, len(data))
        directory.append(_central(name, crc, len(data), offset))
        pieces += [local, data]
        offset += len(local) + len(data)
    return [*pieces, *directory, _end(len(members), sum(map(len, directory)), offset)]


def unpack(file: BufferedReader, limits: Mapping[str, int], source: str) -> dict[str, bytearray]:
    """The members of a model file, read whole.

    file: at its begin. limits: the names that must be there, in this order, with the bytes each
    may have; nothing larger is allocated. Raises ModelFileError for any other file.
    """
    total = os.fstat(file.fileno()).st_size
    overhead = _END.size + sum(len(_local(n, 0, 0)) + len(_central(n, 0, 0, 0)) for n in limits)
    if total > sum(limits.values()) + overhead:
        raise ModelFileError("E-MODEL-007", source=source, bytes=total, limit=sum(limits.values()))
    members: dict[str, bytearray] = {}
    directory: list[bytes] = []
    offset = 0
    for name, limit in limits.items():
        crc, size = read_header(file, name, limit, source)
        data = bytearray(min(size, total - offset))  # a size that lies allocates nothing
        if file.readinto(data) != size:
            raise ModelFileError("E-MODEL-003", source=source)
        if zlib.crc32(data) != crc:
            raise ModelFileError("E-MODEL-008", source=source, member=name)
        members[name] = data
        directory.append(_central(name, crc, size, offset))
        offset += len(_local(name, 0, 0)) + size
    tail = b"".join([*directory, _end(len(limits), sum(map(len, directory)), offset)])
    found = file.read(len(tail) + 1)
    if found != tail:
        code = "E-MODEL-003" if tail.startswith(found) else "E-MODEL-004"
        raise ModelFileError(code, source=source)
    return members


def read_header(file: BufferedReader, name: str, limit: int, source: str) -> tuple[int, int]:
    """Checksum and size of the member that begins here. Raises ModelFileError for another one."""
    expected = _local(name, 0, 0)
    found = file.read(len(expected))
    if len(found) < len(expected):
        raise ModelFileError("E-MODEL-003", source=source)
    crc, size = struct.unpack_from("<II", found, 14)
    if found != _local(name, crc, size):
        raise ModelFileError("E-MODEL-004", source=source)
    if size > limit:
        raise ModelFileError("E-MODEL-006", source=source, member=name, bytes=size, limit=limit)
    return crc, size


def open_file(path: Path, source: str) -> BufferedReader:
    """Open an ordinary file that begins like a model file. Raises ModelFileError otherwise."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise ModelFileError("E-MODEL-002", source=source)
        file = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError("E-MODEL-001", source=source, reason=reason) from error
    start = file.read(30 + len(FIRST))
    file.seek(0)
    if start[:4] != b"PK\3\4" or start[30:] != FIRST.encode():
        file.close()
        raise ModelFileError("E-MODEL-002", source=source)
    return file


def _local(name: str, crc: int, size: int) -> bytes:
    head = (b"PK\3\4", _VERSION, _FLAGS, _STORED, _TIME, _DATE, crc, size, size, len(name), 0)
    return _LOCAL.pack(*head) + name.encode("ascii")


def _central(name: str, crc: int, size: int, offset: int) -> bytes:
    made_by = 3 << 8 | _VERSION  # Unix
    head = (b"PK\1\2", made_by, _VERSION, _FLAGS, _STORED, _TIME, _DATE, crc, size, size)
    return _CENTRAL.pack(*head, len(name), 0, 0, 0, 0, _MODE, offset) + name.encode("ascii")


def _end(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)
