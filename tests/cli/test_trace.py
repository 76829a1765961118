"""``deeplode trace`` as users run it: screen, JSON, page, bad input, Chinese."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

Run = Callable[..., subprocess.CompletedProcess[str]]
CANCER = ("trace", "demo:breast-cancer", "--target", "target")


def test_the_screen_shows_every_layer_with_its_formulas_in_eighty_columns(deeplode: Run) -> None:
    done = deeplode(*CANCER, "--l1", "0.01", "--dropout", "0.2", "--optimizer", "adam")
    assert done.returncode == 0, done.stderr
    for words in ("Layer 1: 30 inputs → 4 neurons", "Layer 2", "Layer 3: 3 inputs → 1 neuron"):
        assert words in done.stdout
    for formula in ("z = x W + b", "δ = (δ² W²ᵀ) ⊙ f′(z)", "∂E/∂W = xᵀ δ", "ŷ = σ(z)", "v̂ = "):
        assert formula in done.stdout
    for line in ("z  ", "m  ", "a  ", "δ  ", "∂E/∂w", "w′", "b′"):
        assert line in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80


def test_json_is_one_object_with_every_number_of_every_layer(deeplode: Run) -> None:
    done = deeplode(*CANCER, "--json", "--hidden", "5", "--batch-size", "3")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert facts["verb"] == "trace"
    assert facts["net"]["sizes"] == [30, 5, 1]
    for layer in facts["layers"]:
        wide, neurons = len(layer["before"]["weights"]), len(layer["before"]["bias"])
        assert [len(row) for row in layer["inputs"]] == [wide] * 3
        for name in ("pre_activations", "activations", "deltas"):
            assert [len(row) for row in layer[name]] == [neurons] * 3
        for when in ("before", "gradient", "after"):
            assert [len(row) for row in layer[when]["weights"]] == [neurons] * wide
            assert len(layer[when]["bias"]) == neurons


def test_a_page_is_written_in_chinese_and_not_overwritten_without_force(
    deeplode: Run, tmp_path: Path
) -> None:
    asked = (*CANCER, "--out", "step.html", "--lang", "zh")
    done = deeplode(*asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "第 1 层：30 个输入 → 4 个神经元" in done.stdout
    assert "step.html" in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80
    page = tmp_path / "step.html"
    assert "反向传播" in page.read_text("utf-8")
    page.write_text("mine")
    again = deeplode(*asked, cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert page.read_text() == "mine"
    assert deeplode(*asked, "--force", cwd=tmp_path).returncode == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--activation", "rleu"), 2, "relu"),
        (("--optimizer", "adm"), 2, "adam"),
        (("--hidden", "500"), 2, "64"),
        (("--hidden", "4,x"), 2, "hidden"),
        (("--learning-rate", "0"), 2, "> 0"),
        (("--learning-rate", "nan"), 2, "> 0"),
        (("--batch-size", "0"), 2, "full"),
        (("--dropout", "1"), 2, "below 1"),
        (("--l1", "-1"), 2, ">= 0"),
        (("--step", "0"), 2, "step"),
        (("--out", "step.png"), 2, ".html"),
        (("--out", "absent/step.html"), 2, "absent"),
        (("--drop", "nothing"), 2, "nothing"),
        (("--target", "tarket"), 3, "target"),
        (("--optimiser", "sgd"), 2, "--optimizer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused_with_its_mend(
    deeplode: Run, tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = deeplode(*CANCER, *arguments, cwd=tmp_path)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_a_target_the_columns_are_named(deeplode: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,income\n" + "3,4\n5,6\n" * 9)
    done = deeplode("trace", "rows.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "income" in done.stderr
    absent = deeplode("trace", "absent.csv", "--target", "age", "--json", cwd=tmp_path)
    assert absent.returncode == 3
    assert json.loads(absent.stdout)["error"]["code"] == "E-DATA-001"
