"""Model files whose parts are sound but say nonsense: they answer as told, or are refused."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode import modelfile
from deeplode.errors import ModelFileError
from deeplode.memory import peak_memory
from deeplode.saved import restore

GOLDEN = sorted((Path(__file__).parent / "golden" / f"format-{modelfile.FORMAT}").glob("*.lode"))
MOST_MEMORY = 700_000_000

JUNK: list[Any] = [
    *(None, True, False, 0, -1, 1, 0.5, 2**31, 2**63, -(2**63), 10**25, 1e308, -1e308, 5e-324),
    *("", "x", "os.system", "../../etc/passwd", "nan", "x" * 10_000),
    *([], [[]], [None], {}, {"a": 1}, [1] * 50, ["a", "a"], [[0] * 9] * 9),
]


@pytest.fixture(scope="module", params=GOLDEN, ids=lambda path: path.stem)
def parts(request: pytest.FixtureRequest) -> modelfile.ModelParts:
    return modelfile.read(request.param)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "hostile.lode"


def paths(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in nested objects and lists; of long lists the first ones."""
    if isinstance(content, dict | list):
        keys = list(content) if isinstance(content, dict) else range(min(20, len(content)))
        for key in keys:
            yield (*above, key)
            yield from paths(content[key], (*above, key))


def restored_or_refused(
    place: Path, parts: modelfile.ModelParts, schema: Any, arrays: dict[str, np.ndarray]
) -> None:
    """Whatever happens is an answer or a ModelFileError, in bounded memory."""
    about = {"verb": parts.manifest["verb"]}
    modelfile.write(place, about, schema, parts.card, arrays, parts.probe, force=True)
    before = peak_memory()
    with contextlib.suppress(ModelFileError):
        restore(place)
    assert peak_memory() - before < MOST_MEMORY


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_schema_with_anything_in_the_place_of_anything_is_restored_or_refused(
    data: st.DataObject, parts: modelfile.ModelParts, place: Path
) -> None:
    schema = copy.deepcopy(parts.schema)
    *above, last = data.draw(st.sampled_from(list(paths(schema))))
    content: Any = schema
    for key in above:
        content = content[key]
    if data.draw(st.booleans()) or isinstance(content, list):
        content[last] = data.draw(st.sampled_from(JUNK))
    else:
        del content[last]
    restored_or_refused(place, parts, schema, parts.arrays)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_arrays_of_other_numbers_shapes_and_types_are_restored_or_refused(
    data: st.DataObject, parts: modelfile.ModelParts, place: Path
) -> None:
    arrays = dict(parts.arrays)
    name = data.draw(st.sampled_from(sorted(arrays)))
    array = arrays[name].copy()
    change = data.draw(st.sampled_from(("absent", "cut", "flat", "type", "empty", "value")))
    if change == "absent":
        del arrays[name]
    elif change == "cut":
        arrays[name] = array[: len(array) // 2] if array.ndim else array.reshape(1)
    elif change == "flat":
        arrays[name] = array.reshape(-1)
    elif change == "type":
        kind = data.draw(st.sampled_from(("f8", "i8", "u1", "f2", "?")))
        arrays[name] = np.nan_to_num(array.astype(kind), posinf=0, neginf=0)
    elif change == "empty":
        arrays[name] = np.zeros((0, *array.shape[1:]), array.dtype)
    elif array.size and array.dtype.kind in "iuf":
        limits = np.finfo(array.dtype) if array.dtype.kind == "f" else np.iinfo(array.dtype)
        at = data.draw(st.integers(0, array.size - 1))
        array.reshape(-1)[at] = data.draw(st.sampled_from((limits.min, limits.max, 0, 1)))
        arrays[name] = array
    restored_or_refused(place, parts, parts.schema, arrays)
