"""The public names of the package, and what importing them costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import deeplode

PUBLIC = [
    *(
        "AnomalyDetector",
        "Classifier",
        "Clusterer",
        "DeeplodeError",
        "Recommender",
        "Regressor",
        "__version__",
    ),
    *("compare", "load", "read", "trace"),
]
HEAVY = ["altair", "lightgbm", "numpy", "pandas", "polars", "pyarrow", "rich", "sklearn", "torch"]


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_public_names_are_these() -> None:
    assert deeplode.__all__ == PUBLIC
    assert dir(deeplode) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(deeplode, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Klassifier"):
        _ = deeplode.Klassifier


@pytest.mark.parametrize("module", ["deeplode", "deeplode.options", "deeplode.errors"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, json, {module}; print(json.dumps(list(sys.modules)))"
    loaded = set(json.loads(python(code)))
    assert not loaded & set(HEAVY)


def test_help_loads_nothing_heavy_but_the_screen() -> None:
    code = (
        "import sys, json; from deeplode.cli.main import main; main(['train', '--help']);"
        "print(json.dumps(list(sys.modules)))"
    )
    loaded = set(json.loads(python(code).splitlines()[-1]))
    assert not loaded & (set(HEAVY) - {"rich"})
