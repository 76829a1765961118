"""``Classifier(net=…)`` with Keras 3 models on the torch backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("keras") is None:
    pytest.skip("pip install 'deeplode[keras]'", allow_module_level=True)
PROGRAM = Path(__file__).with_name("own_keras.py")


def seen(backend: str, folder: Path) -> dict[str, Any]:
    """What the program prints with Keras on this backend."""
    around = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(folder)}
    command = [sys.executable, str(PROGRAM), str(folder)]
    done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return seen("torch", tmp_path_factory.mktemp("keras"))


def test_a_sequential_is_trained_with_the_optimizer_it_was_compiled_with(
    found: dict[str, Any],
) -> None:
    one = found["sequential"]
    assert one["score"] > 0.97
    assert one["name"] == "Sequential"
    assert one["config"] == {
        "optimizer": "adam",
        "optimizer_style": "keras",
        "learning_rate": 0.001,
        "schedule": "constant",
        "accumulate": 1,
    }


def test_what_was_replaced_is_said(found: dict[str, Any]) -> None:
    one = found["sequential"]
    assert one["codes"] == ["W-NET-002", "W-NET-001"]
    assert "binary_crossentropy" in one["said"]
    assert "sigmoid" in one["said"]


@pytest.mark.parametrize(
    "promise", ["same_seed_same_bits", "loaded_same_bits", "left_alone", "members_apart"]
)
def test_a_keras_model_keeps(promise: str, found: dict[str, Any]) -> None:
    assert found["sequential"][promise] is True


def test_a_functional_model_loses_its_softmax_and_settings_not_taken_over_are_named(
    found: dict[str, Any],
) -> None:
    one = found["functional"]
    assert one["score"] > 0.8
    assert one["config"]["optimizer"] == "nesterov"
    assert one["config"]["learning_rate"] == 0.05
    assert one["config"]["accumulate"] == 2
    assert one["codes"] == ["W-NET-002", "W-NET-004", "W-NET-001"]
    assert "clipnorm" in one["said"]


def test_schedules_and_clipping_are_taken_over_where_they_are_exactly_ours_and_else_named(
    found: dict[str, Any],
) -> None:
    assert found["compiled"] == {
        **{name: [0.01, None, []] for name in ("flat_decay", "flat_cosine", "flat_pieces")},
        "decay": [None, None, ["learning_rate (ExponentialDecay)"]],
        "cosine": [None, None, ["learning_rate (CosineDecay)"]],
        "pieces": [None, None, ["learning_rate (PiecewiseConstantDecay)"]],
        "clipnorm": [0.01, None, ["clipnorm"]],
        "clipvalue": [0.01, None, ["clipvalue"]],
        "global_clipnorm": [0.01, 2.0, []],
    }


def test_a_class_of_models_is_a_factory_and_an_instance_that_cannot_be_rebuilt_is_refused(
    found: dict[str, Any],
) -> None:
    assert found["subclass"]["score"] > 0.9
    assert found["subclass"]["codes"] == []
    assert found["subclass"]["instance"] == "E-OPT-139"


def test_what_cannot_be_trained_is_refused(found: dict[str, Any]) -> None:
    assert found["refused"] == {
        "width": "E-OPT-134",
        "shape": "E-OPT-135",
        "no_weights": "E-OPT-135",
        "layer": "E-OPT-130",
    }


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_another_backend_is_refused_by_name(backend: str, tmp_path: Path) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code, text = seen(backend, tmp_path)["backend"]
    assert code == "E-OPT-138"
    assert backend in text
    assert "KERAS_BACKEND=torch" in text
