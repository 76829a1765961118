"""Folders and archives of images: classes tell the target, an archive its test rows too."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

Program = Callable[..., subprocess.CompletedProcess[str]]


def draw(path: Path, digit: np.ndarray) -> None:
    """A grey image file of a digit, (8, 8), values 0 to 16."""
    Image.fromarray((digit * 15).astype(np.uint8)).save(path)


def test_a_folder_of_class_folders_is_learned_and_single_files_are_predicted(
    deeplode: Program, tmp_path: Path
) -> None:
    digits = load_digits()
    for number in (0, 1, 7):
        folder = tmp_path / "digits" / f"number {number}"
        folder.mkdir(parents=True)
        for at, image in enumerate(digits.images[digits.target == number][:80]):
            draw(folder / f"{at:03}.png", image)
    out = tmp_path / "run"
    quick = ("--epochs", "8", "--members", "1", "--quiet")
    done = deeplode("train", str(tmp_path / "digits"), "--out", str(out), *quick)
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "result.json").read_text("utf-8"))
    assert facts["metrics"]["accuracy"]["value"] > 0.9
    assert facts["target"] == "label"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "model.lode").rename(elsewhere / "model.lode")
    draw(elsewhere / "new.png", digits.images[digits.target == 7][100])
    done = deeplode("predict", "model.lode", "new.png", "--quiet", cwd=elsewhere)
    assert "number 7" in done.stdout.splitlines()[1]


def test_an_archive_tells_its_target_and_its_test_rows(deeplode: Program, tmp_path: Path) -> None:
    digits = load_digits()
    cells, few = (digits.images * 15).astype(np.uint8), digits.target < 3
    made = {}
    for part, rows in (("train", slice(0, 200)), ("test", slice(200, 300))):
        made[f"{part}_images"], made[f"{part}_labels"] = cells[few][rows], digits.target[few][rows]
    np.savez(tmp_path / "digits.npz", **made)
    quick = ("--epochs", "2", "--members", "1", "--quiet", "--json")
    done = deeplode("train", "digits.npz", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["target"], facts["split"]["test"]) == ("label", 100)
    assert facts["options"]["split_column"] == "split"
    own = deeplode("inspect", "digits.npz", "--split", "random", "--json", cwd=tmp_path)
    assert json.loads(own.stdout)["reading"]["target"] == "label"


def test_a_folder_without_classes_has_no_target(deeplode: Program, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    for at in range(3):
        draw(tmp_path / "loose" / f"{at}.png", load_digits().images[at])
    done = deeplode("train", "loose", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-093"
