"""Which encoding a text is in, and its bytes as UTF-8.

A byte order mark decides. Else text that is valid UTF-8 is UTF-8. Else the candidates are
decoded, and the one whose characters are the commonest of their language wins.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deeplode.data.content import Content
from deeplode.data.frequent import JAPANESE, KOREAN, SIMPLIFIED, TRADITIONAL, WESTERN
from deeplode.errors import DataError, OptionError

SAMPLE = 1 << 16  # bytes with other than ASCII that a guess looks at
_SURE = 0.12  # lead over the second-best guess that needs no warning
_PLAUSIBLE = 0.35  # score below which no candidate is believed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What users call them -> Python's codec that reads the most of what is called so.
_CODECS = {
    "gb18030": "gb18030",
    "big5": "cp950",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "euc-jp": "euc_jp",
    "windows-1252": "cp1252",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "latin-1": "latin-1",
}

_FREQUENT = {
    "gb18030": SIMPLIFIED,
    "big5": TRADITIONAL,
    "shift-jis": JAPANESE,
    "euc-jp": JAPANESE,
    "euc-kr": KOREAN,
}

# Where none of these languages fits. Windows' code pages, as files of today are in them.
_OTHERS = ["cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r"]

# Characters of a language beyond the commonest: they speak for it, though less.
_SCRIPT = {
    "gb18030": re.compile(r"[\u4e00-\u9fff]"),
    "big5": re.compile(r"[\u4e00-\u9fff]"),
    "shift-jis": re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]"),
    "euc-jp": re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]"),
    "euc-kr": re.compile(r"[\uac00-\ud7a3]"),
}
_NEUTRAL = re.compile(r"[\x00-\x7f\u3000-\u303f\uff01-\uff65\u2010-\u2030\u2190-\u22ff]")


@dataclass(frozen=True)
class Encoding:
    """name: what the user calls it; sure: whether nothing else came close."""

    name: str
    sure: bool = True

    @property
    def codec(self) -> str:
        """The codec of Python that reads it."""
        return _CODECS.get(self.name, self.name)


def named(name: str) -> Encoding:
    """The encoding of this name. Raises OptionError when there is none."""
    plain = name.strip().lower().replace("_", "-")
    try:
        codecs.lookup(_CODECS.get(plain, plain))
        b"".decode(_CODECS.get(plain, plain))  # refuses codecs that are not for text
    except LookupError:
        known = ["utf-8", "utf-16", *_CODECS]
        near = difflib.get_close_matches(plain, known, n=1, cutoff=0.3) or ["utf-8"]
        raise OptionError("E-DATA-027", value=name, near=near[0], known=", ".join(known)) from None
    return Encoding("utf-8" if plain in ("utf8", "utf-8-sig") else plain)


def guess(sample: bytes) -> Encoding:
    """The encoding that a text's first bytes speak for. A cut-off last character is no matter."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return Encoding(name)
    if wide := _unmarked_utf16(sample):
        return Encoding(wide)
    if _mostly_utf8(sample):
        return Encoding("utf-8")
    lines = b"\n".join(line for line in sample.split(b"\n") if not line.isascii())[:SAMPLE]
    scores = {name: _score(lines, name) for name in _FREQUENT}
    scores["windows-1252"] = _western(lines)
    (best, score), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    if score < _PLAUSIBLE:
        return Encoding(_elsewhere(lines), sure=False)
    return Encoding(best, sure=score - second > _SURE)


def as_utf8(content: Content, encoding: Encoding) -> Iterator[bytes]:
    """The content as UTF-8 without byte order mark, some at a time.

    Raises DataError where bytes mean nothing in the encoding.
    """
    for text in _decoded(content, encoding):
        yield text.encode("utf-8")


def fault(content: Content, encoding: Encoding) -> DataError | None:
    """The error that reading the content in this encoding ends in; None when all is well."""
    try:
        for _ in _decoded(content, encoding):
            pass
    except DataError as error:
        return error
    return None


def guess_around(content: Content, offset: int) -> Encoding | None:
    """The encoding of a text that is not UTF-8 from this byte on.

    None when it does have UTF-8 beyond ASCII before: then it is UTF-8, and damaged.
    """
    with content.open() as stream:
        left = offset
        while left and (chunk := stream.read(min(left, SAMPLE))):
            if not chunk.isascii():
                return None
            left -= len(chunk)
        return guess(stream.read(4 * SAMPLE))


def _decoded(content: Content, encoding: Encoding) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    offset, line, first = 0, 1, True
    for chunk in _with_end(content.chunks()):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding.codec, "ignore")
            bad = error.object[error.start : error.start + 4].hex(" ")
            raise DataError(
                "E-DATA-015",
                source=content.name,
                row=line + before.count("\n"),
                offset=offset - pending + error.start,
                value=bad,
                encoding=encoding.name,
            ) from error
        offset += len(chunk)
        line += text.count("\n")
        if text:
            yield text.removeprefix("\ufeff") if first else text
            first = False


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, then an empty one that tells the decoder that all is there."""
    yield from chunks
    yield b""


def _mostly_utf8(sample: bytes) -> bool:
    """Whether a text is UTF-8, be it damaged: more of it is beyond ASCII and right than wrong."""
    if _decodes(sample, "utf-8") is not None:
        return True
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) >= 2 * wrong


def _decodes(sample: bytes, codec: str) -> str | None:
    """The text, its cut-off last character left out; None when bytes mean nothing."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample)
    except UnicodeDecodeError:
        return None


def _unmarked_utf16(sample: bytes) -> str | None:
    """UTF-16 without mark: the digits, commas and line ends of a table have a zero half each."""
    half = len(sample) // 2
    if not half or b"\0" not in sample:
        return None
    even = sample[0 : 2 * half : 2].count(0) / half
    odd = sample[1 : 2 * half : 2].count(0) / half
    for name, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        text = _decodes(sample[: 2 * half], name)
        if zeros > 0.05 and zeros > 2 * others and text is not None and "\n" in text:
            return name
    return None


def _score(sample: bytes, name: str) -> float:
    """How much the decoded characters look like their language, from 0 to 1."""
    text = _decodes(sample, _CODECS[name])
    if text is None:
        return 0.0
    telling = _NEUTRAL.sub("", text)
    if not telling:
        return 0.0
    common = sum(map(_FREQUENT[name].__contains__, telling))
    plausible = len(_SCRIPT[name].findall(telling)) - common
    strange = len(telling) - common - plausible
    return max(0.0, (common + 0.3 * plausible - strange) / len(telling))


def _western(sample: bytes) -> float:
    """The share of characters beyond ASCII that Western languages use, beside ASCII ones."""
    text = sample.decode("cp1252", "replace")
    beyond = sum(character > "\x7f" for character in text)
    return len(WESTERN.findall(text)) / beyond if beyond else 0.0


def _elsewhere(sample: bytes) -> str:
    """An encoding for text in none of the languages above, such as Russian or Greek."""
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, cp_isolation=_OTHERS).best()
    if best is not None and _decodes(sample, best.encoding) is not None:
        return best.encoding.replace("_", "-")
    return "windows-1252" if _decodes(sample, "cp1252") is not None else "latin-1"
