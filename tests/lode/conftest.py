"""A small good model file, and what it takes to make misleading ones from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode import modelfile
from deeplode.errors import ModelFileError
from deeplode.lode import archive, canonical, rows, tensors
from deeplode.memory import peak_memory

MOST_MEMORY = 700_000_000  # bytes that refusing any file may take

PROBE_ROWS = rows.join_answers(
    pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "yz"]}), np.array([0.25, 0.75])
)
MEMBERS = {
    "schema.json": canonical.dump({"columns": ["a", "b"]}),
    "card.json": canonical.dump({"metrics": {"rmse": 1.5}}),
    "weights.safetensors": tensors.dump({"w": np.eye(3), "v": np.array([True, False])}),
    "probe.arrow": rows.dump(PROBE_ROWS),
}


def forge(changed: dict[str, bytes] | None = None, /, **manifest: Any) -> bytes:
    """A file with other members or other words in its manifest; checksums and digests right."""
    inside = {**MEMBERS, **(changed or {})}
    told: dict[str, Any] = {"format": 1, "deeplode": "0.1.0", "verb": "train"}
    told["members"] = modelfile._digests(inside)
    return b"".join(archive.pack({"manifest.json": canonical.dump({**told, **manifest}), **inside}))


@pytest.fixture(scope="session")
def good() -> dict[str, bytes]:
    """Members of a good file, the manifest left out."""
    return MEMBERS


@pytest.fixture(scope="session")
def forged() -> Callable[..., bytes]:
    return forge


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], ModelFileError]:
    """Why a file of these bytes is refused; fails when it is not, or not in bounded memory."""

    def refuse(data: bytes) -> ModelFileError:
        path = tmp_path / "hostile.lode"
        path.write_bytes(data)
        before = peak_memory()
        with pytest.raises(ModelFileError) as error:
            modelfile.read(path)
        assert peak_memory() - before < MOST_MEMORY
        assert error.value.exit_status == 6
        assert "hostile.lode" in error.value.message("en")
        assert "hostile.lode" in error.value.message("zh")
        return error.value

    return refuse


@pytest.fixture(scope="session")
def read_or_refuse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Any]:
    """What a file says, or None where it is refused; any other exception fails the test."""
    path = tmp_path_factory.mktemp("changed") / "changed.lode"

    def read(data: bytes) -> modelfile.ModelParts | None:
        path.write_bytes(data)
        try:
            return modelfile.read(path)
        except ModelFileError:
            return None

    return read
