"""The model file: what is written is read, the same content is the same bytes, damage is seen."""

from __future__ import annotations

import datetime
import hashlib
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from deeplode import modelfile
from deeplode.errors import ModelFileError, OptionError
from deeplode.lode import archive, canonical, rows

INPUTS = pl.DataFrame(
    {
        "number": [1.5, None, float("nan")],
        "category": pl.Series(["x", None, "你"], dtype=pl.Categorical),
        "boolean": [True, False, None],
        "when": [datetime.datetime(2020, 1, 1)] * 3,
        "zoned": pl.Series([datetime.datetime(2020, 1, 1)] * 3).dt.replace_time_zone("Asia/Tokyo"),
        "day": [datetime.date(2020, 1, 1)] * 3,
        "empty": [None] * 3,
        "answer:0": [1, 2, 3],  # a column may be called like ours
    }
)
ANSWERS = np.array([[0.1, 0.9], [0.2, 0.8], [1 / 3, 2 / 3]])

CONTENT: dict[str, Any] = {
    "about": {"verb": "train", "task": "binary", "seed": 0},
    "schema": {"columns": [{"name": '引"号\\', "kind": "number", "median": 0.1}], "levels": ["a"]},
    "card": {"metrics": {"roc_auc": {"value": 1 / 3}}, "warnings": []},
    "arrays": {
        "net/weight.0": np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32),
        "trees/left": np.arange(5, dtype=np.int16),
        "trees/leaf": np.array([True, False, True]),
        "net/scale": np.array(2.5),
        "net/none": np.zeros((0, 7), np.int64),
    },
    "probe": rows.join_answers(INPUTS, ANSWERS),
}


def written(path: Path, **changes: Any) -> Path:
    modelfile.write(path, **{**CONTENT, **changes})
    return path


def assert_same(parts: modelfile.ModelParts) -> None:
    assert parts.manifest["task"] == "binary"
    assert parts.schema == CONTENT["schema"]
    assert parts.card == CONTENT["card"]
    assert parts.arrays.keys() == CONTENT["arrays"].keys()
    for name, array in CONTENT["arrays"].items():
        assert parts.arrays[name].dtype == array.dtype
        assert parts.arrays[name].shape == array.shape
        assert parts.arrays[name].tobytes() == array.tobytes()
    inputs, answers = rows.split_answers(parts.probe)
    assert inputs.equals(INPUTS.with_columns(pl.col("category").cast(pl.String)))
    assert answers.tobytes() == ANSWERS.tobytes()


def test_what_is_written_is_read_to_the_last_bit(tmp_path: Path) -> None:
    assert_same(modelfile.read(written(tmp_path / "a.lode")))


def test_arrays_that_were_read_can_be_written_to_as_torch_wants(tmp_path: Path) -> None:
    for array in modelfile.read(written(tmp_path / "a.lode")).arrays.values():
        assert array.flags.writeable
        assert array.flags.aligned


def test_the_same_model_is_the_same_file_whatever_the_order_of_its_parts(tmp_path: Path) -> None:
    first = written(tmp_path / "a.lode")
    reverse = {
        name: dict(reversed(CONTENT[name].items()))
        for name in ("about", "schema", "card", "arrays")
    }
    assert written(tmp_path / "b.lode", **reverse).read_bytes() == first.read_bytes()


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = """
        import sys
        import numpy as np, polars as pl
        from deeplode import modelfile
        modelfile.write(sys.argv[1], {"verb": "train"}, {"b": 0.1, "a": {"z", "y"} and 1}, {"c": 2},
                        {"w": np.eye(3)}, pl.DataFrame({"input:a": ["x"], "answer:0": [0.5]}))
    """
    digests = set()
    for name in ("a", "b"):
        command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / name)]
        subprocess.run(command, check=True)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_any_zip_tool_can_look_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "a.lode")) as opened:
        assert opened.testzip() is None
        assert tuple(opened.namelist()) == tuple(modelfile.LIMITS)
        assert {one.compress_type for one in opened.infolist()} == {zipfile.ZIP_STORED}
        weights = safetensors.numpy.load(opened.read("weights.safetensors"))
        assert weights.keys() == CONTENT["arrays"].keys()


def test_the_manifest_says_what_each_member_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lode")
    members = modelfile.read(path).manifest["members"]
    with zipfile.ZipFile(path) as opened:
        for name, told in members.items():
            data = opened.read(name)
            assert told == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert set(members) == set(modelfile.LIMITS) - {"manifest.json"}


def test_an_existing_model_is_kept_unless_force_is_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lode")
    with pytest.raises(OptionError):
        written(path, card={})
    assert_same(modelfile.read(path))
    written(path, card={}, force=True)
    assert modelfile.read(path).card == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"about": {}},
        {"about": {"verb": "burn"}},
        {"about": {"verb": "train", "format": 2}},
        {"schema": {"median": float("nan")}},
        {"schema": {"what": ...}},
        {"schema": {"lone": "\ud800"}},
        {"card": {"far": float("inf")}},
        {"arrays": {"w": np.array([1.0, np.nan])}},
        {"arrays": {"w": np.array([np.inf], np.float32)}},
        {"arrays": {"w": np.array(["text"])}},
        {"arrays": {"w": np.array([None])}},
        {"arrays": {"w": np.array([1j])}},
        {"arrays": {"..\\w": np.zeros(1)}},
        {"arrays": {"w": np.zeros((1,) * 9)}},
        {"probe": pl.DataFrame({"nested": [[1, 2]]})},
        {"probe": pl.DataFrame({"structure": [{"a": 1}]})},
        {"probe": pl.DataFrame({"many": range(1001)})},
    ],
    ids=str,
)
def test_what_no_reader_would_take_is_never_written(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, TypeError)):
        written(tmp_path / "a.lode", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_a_newer_format_names_the_version_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.lode"
    manifest = canonical.dump({"format": 7, "deeplode": "3.1.4", "unknown": [1]})
    members = {"manifest.json": manifest, "something.new": b"?"}
    path.write_bytes(b"".join(archive.pack(members)))
    with pytest.raises(ModelFileError, match=r"format 7.*3\.1\.4") as error:
        modelfile.read(path)
    assert error.value.code == "E-MODEL-005"
    assert error.value.exit_status == 6


@pytest.mark.parametrize("what", ["absent", "folder", "pipe"])
def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    with pytest.raises(ModelFileError) as error:
        modelfile.read(path)
    assert error.value.code in {"E-MODEL-001", "E-MODEL-002"}
    assert str(path) in error.value.message("zh")
