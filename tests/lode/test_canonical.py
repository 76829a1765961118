"""Only the one spelling of a JSON object is read; everything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode.errors import ModelFileError
from deeplode.lode import archive, canonical

TEXTS: dict[str, bytes] = {
    "key-twice": b'{"a":1,"a":2}',
    "nan": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "number-beyond-all-floats": b'{"a":1e999}',
    "endless-integer": b'{"a":' + b"9" * 100_000 + b"}",
    "deep-lists": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep-behind-strings": b'{"a":' + b'["]",' * 50_000 + b"1" + b"]" * 50_000 + b"}",
    "many-small-lists": b'{"a":[' + b"[]," * 5_000_000 + b"1]}",
    "no-object": b"[1]",
    "nothing": b"",
    "not-utf-8": b'{"a":"\xff"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "byte-order-mark": b'\xef\xbb\xbf{"a":1}',
    "spaces": b'{"a": 1}',
    "keys-not-sorted": b'{"b":1,"a":2}',
    "lone-surrogate": b'{"a":"\\ud800"}',
    "escapes-without-need": b'{"\\u0061":1}',
    "comment": b'{"a":1}//',
    "two-objects": b'{"a":1}{"a":2}',
    "unclosed-string": b'{"a":"[[[[',
    "zero-byte": b'{"a":1}\0',
}


@pytest.mark.parametrize("member", ["schema.json", "card.json"])
@pytest.mark.parametrize("case", TEXTS)
def test_text_that_is_not_canonical_json_is_refused(
    case: str,
    member: str,
    forged: Callable[..., bytes],
    refused: Callable[[bytes], ModelFileError],
) -> None:
    error = refused(forged({member: TEXTS[case]}))
    assert error.code == "E-MODEL-009"
    assert error.values["member"] == member


@pytest.mark.parametrize("case", [case for case, text in TEXTS.items() if len(text) < 50_000])
def test_a_manifest_that_is_not_canonical_json_is_refused(
    case: str, good: dict[str, bytes], refused: Callable[[bytes], ModelFileError]
) -> None:
    members = {"manifest.json": TEXTS[case], **good}
    assert refused(b"".join(archive.pack(members))).code == "E-MODEL-009"


@pytest.mark.parametrize(
    "content", [{"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud800"}, {"a": ...}], ids=str
)
def test_what_json_cannot_say_is_not_written(content: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical.dump(content)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), json_values))
def test_every_json_object_comes_back_from_its_one_spelling(content: dict[str, Any]) -> None:
    assert canonical.load(canonical.dump(content), "schema.json", "file") == content
