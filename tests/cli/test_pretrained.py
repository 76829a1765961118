"""Pretrained encoders on the command line: the model file is whole without their folders."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from safetensors.numpy import load
from sklearn.datasets import load_digits

pytest.importorskip("tokenizers", reason="needs deeplode[text]")

HELPER = Path(__file__).parents[1] / "pretrained" / "folders.py"
_spec = importlib.util.spec_from_file_location("folders", HELPER)
assert _spec is not None
assert _spec.loader is not None
folders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(folders)

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]

QUICK = ("--target", "verdict", "--epochs", "2", "--members", "1", "--threads", "1", "--quiet")
ENCODERS = ("--text-encoder", "tiny-bert", "--image-encoder", "tiny-resnet")
ROWS = 120


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a grey image file."""
    file = io.BytesIO()
    Image.fromarray((pixels * 15).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of texts and images, and folders with encoders of both."""
    folder = tmp_path_factory.mktemp("shops")
    folders.text_folder(folder / "tiny-bert")
    folders.image_folder(folder / "tiny-resnet")
    rng, digits = np.random.default_rng(0), load_digits()
    good = rng.integers(0, 2, ROWS)
    words = (folders.WORDS[:6], folders.WORDS[4:])
    texts = [" ".join(rng.choice(words[one], 4)) + f" order {rng.integers(99)}" for one in good]
    photos = [png(digits.images[digits.target == one][at % 150]) for at, one in enumerate(good)]
    frame = pl.DataFrame({"review": texts, "photo": photos})
    gaps = pl.int_range(ROWS, eager=True) % 30 == 7
    frame = frame.with_columns(pl.when(~gaps).then(pl.all()))
    frame = frame.with_columns(verdict=pl.Series(np.array(["bad", "good"])[good]))
    frame.write_parquet(folder / "shops.parquet")
    return folder


@pytest.fixture(scope="module")
def run(deeplode: Program, place: Path) -> Path:
    """A finished run whose encoders' folders are gone: what is left is the model file."""
    done = deeplode("train", "shops.parquet", *QUICK, *ENCODERS, "--out", "run", cwd=place)
    assert done.returncode == 0, done.stderr
    (place / "kept").mkdir()
    for name in ("tiny-bert", "tiny-resnet"):
        shutil.move(place / name, place / "kept" / name)
    return place / "run"


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def test_the_model_file_predicts_the_same_bits_alone(
    deeplode: Program, place: Path, run: Path
) -> None:
    told = ("predict", "run/model.lode", "shops.parquet", "--quiet", "--out", "answers.parquet")
    done = deeplode(*told, cwd=place)
    assert done.returncode == 0, done.stderr
    before = pl.read_parquet(run / "predictions.parquet")
    after = pl.read_parquet(place / "answers.parquet")
    assert after.join(before.select("id"), on="id", how="semi").equals(before.drop("truth"))
    done = deeplode("evaluate", "run/model.lode", "shops.parquet", "--json", cwd=place)
    assert {one["name"] for one in json.loads(done.stdout)["leaderboard"]} >= {"linear", "net"}


def test_the_model_file_holds_no_path_and_says_whose_weights_it_holds(
    place: Path, run: Path
) -> None:
    with zipfile.ZipFile(run / "model.lode") as archive:
        assert str(place).encode() not in b"".join(map(archive.read, archive.namelist()))
        card = json.loads(archive.read("card.json"))
    named = {one["name"]: (one["columns"], one["licence"], one["told"]) for one in card["licences"]}
    assert named == {
        "tiny-bert": (["review"], "apache-2.0", "README.md"),
        "tiny-resnet": (["photo"], "mit", "config.json"),
    }
    page = (run / "report.html").read_text("utf-8")
    assert "tiny-bert; licence: apache-2.0" in page


def test_a_model_that_needs_a_package_says_which_and_how_to_install_it(
    program: Program, place: Path, run: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tokenizers':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n",
        "utf-8",
    )
    without = {"PYTHONPATH": str(tmp_path)}
    for told in (
        ("predict", "run/model.lode", "shops.parquet", "--json"),
        ("train", "shops.parquet", *QUICK, "--text-encoder", "kept/tiny-bert", "--json"),
    ):
        done = program(*told, cwd=place, **without)
        assert done.returncode == 2, done.stderr
        error = json.loads(done.stdout)["error"]
        assert (error["code"], error["hint"]) == ("E-OPT-155", "pip install 'deeplode[text]'")


def test_an_encoder_that_no_column_needs_is_refused_with_nothing_left_behind(
    deeplode: Program, place: Path, run: Path
) -> None:
    told = ("--drop", "review", "--text-encoder", "kept/tiny-bert", "--out", "none", "--json")
    done = deeplode("train", "shops.parquet", *QUICK, *told, cwd=place)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-157"
    assert not (place / "none").exists()


def test_the_memory_plan_tells_of_the_encoders(deeplode: Program, place: Path, run: Path) -> None:
    kept = ("--text-encoder", "kept/tiny-bert", "--image-encoder", "kept/tiny-resnet")
    told = ("inspect", "shops.parquet", "--target", "verdict", "--json")
    parts = [
        json.loads(deeplode(*told, *more, cwd=place).stdout)["plan"]["parts"] for more in ((), kept)
    ]
    assert "pretrained" not in parts[0]
    assert parts[1]["pretrained"] > 4 * 40_000


KEPT = ("--text-encoder", "kept/tiny-bert", "--image-encoder", "kept/tiny-resnet")


@pytest.fixture(scope="module")
def tuned(deeplode: Program, place: Path, run: Path) -> Path:
    """A run whose net trained the encoders further."""
    done = deeplode("train", "shops.parquet", *QUICK, *KEPT, *TUNED, "tuned", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "tuned"


TUNED = ("--fine-tune", "--learning-rate", "0.05", "--out")


def test_fine_tuned_weights_stand_once_in_the_model_file_and_are_no_longer_the_published_ones(
    deeplode: Program, place: Path, run: Path, tuned: Path
) -> None:
    with zipfile.ZipFile(tuned / "model.lode") as archive:
        arrays = load(archive.read("weights.safetensors"))
        card = json.loads(archive.read("card.json"))
    published = load((place / "kept" / "tiny-bert" / "model.safetensors").read_bytes())
    words = published["bert.embeddings.word_embeddings.weight"]
    alike = [one for one in arrays.values() if one.shape[-2:] == words.shape]
    assert len(alike) == 1
    change = np.abs(alike[0] - words).max()
    assert 0 < change < 0.1 * np.abs(words).max()
    assert [one["name"] for one in card["licences"]] == ["tiny-bert", "tiny-resnet"]


def test_a_fine_tuned_model_predicts_the_same_bits_alone_and_the_seed_gives_them_again(
    deeplode: Program, place: Path, tuned: Path
) -> None:
    told = ("predict", "tuned/model.lode", "shops.parquet", "--quiet", "--out", "tuned.parquet")
    assert deeplode(*told, cwd=place).returncode == 0
    before = pl.read_parquet(tuned / "predictions.parquet")
    after = pl.read_parquet(place / "tuned.parquet")
    assert after.join(before.select("id"), on="id", how="semi").equals(before.drop("truth"))
    deeplode("train", "shops.parquet", *QUICK, *KEPT, *TUNED, "again", cwd=place)
    assert learned(place / "again") == learned(tuned)
    told = ("train", "shops.parquet", *KEPT, "--quiet", "--replay", "tuned", "--out", "replayed")
    done = deeplode(*told, cwd=place)
    assert done.returncode == 0, done.stderr
    assert learned(place / "replayed") == learned(tuned)


def test_fine_tuning_without_an_encoder_is_refused(
    deeplode: Program, place: Path, run: Path
) -> None:
    told = ("train", "shops.parquet", *QUICK, "--fine-tune", "--out", "none", "--json")
    done = deeplode(*told, cwd=place)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "E-OPT-220")
    assert not (place / "none").exists()


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_killed_and_resumed_it_ends_as_the_undisturbed_one_and_another_encoder_is_refused(
    deeplode: Program, killed: Killed, place: Path, run: Path
) -> None:
    kept = ("--text-encoder", "kept/tiny-bert", "--image-encoder", "kept/tiny-resnet")
    told = ("train", "shops.parquet", *QUICK, *kept, "--epochs", "8", "--out")
    assert deeplode(*told, "quiet", cwd=place).returncode == 0
    out = place / "killed"
    epochs = out / "checkpoint" / "epochs.safetensors"
    killed(*told, "killed", once=epochs.exists, cwd=place)
    assert epochs.exists()
    config = place / "kept" / "tiny-bert" / "config.json"
    before = config.read_bytes()
    config.write_bytes(before.replace(b'"gelu"', b'"relu"'))
    done = deeplode(*told, "killed", "--resume", cwd=place)
    config.write_bytes(before)
    assert "E-OPT-091" in done.stderr
    done = deeplode(*told, "killed", "--resume", cwd=place)
    assert done.returncode == 0, done.stderr
    assert learned(out) == learned(place / "quiet")
