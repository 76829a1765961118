"""What design promises of every verb, asked of texts, images and sounds beside numbers."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sklearn.datasets import load_digits

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]

QUICK = ("--epochs", "3", "--members", "1", "--threads", "1", "--quiet")
ROWS = 240


def shops() -> pl.DataFrame:
    """Reviews whose words, photos, voices and prices all say something of the answer."""
    digits, rng = load_digits(), np.random.default_rng(0)
    good = rng.integers(0, 2, ROWS)
    words = (
        ["awful", "broken", "slow", "never again", "refund"],
        ["great", "lovely", "fast", "很好", "thanks 😀"],
    )
    texts = [" ".join(rng.choice(words[one], 3)) + f" order {rng.integers(9)}" for one in good]
    pictures = [digits.images[digits.target == one][at % 150] for at, one in enumerate(good)]
    return pl.DataFrame(
        {
            "review": texts,
            "price": np.round(rng.normal(10 + good, 2), 2),
            "photo": [png(picture * 15) for picture in pictures],
            "voice": [wav(300 + 200 * one, rng) for one in good],
            "verdict": np.array(["bad", "good"])[good],
        }
    )


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a grey image file."""
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def wav(hertz: float, rng: np.random.Generator) -> bytes:
    """The bytes of a sound file: a tone in noise."""
    at = np.arange(2_000) / 8_000
    file = io.BytesIO()
    soundfile.write(
        file,
        0.3 * np.sin(2 * np.pi * hertz * at) + 0.1 * rng.normal(size=2_000),
        8_000,
        format="WAV",
    )
    return file.getvalue()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with paths to images and sounds that lie beside it."""
    folder = tmp_path_factory.mktemp("shops")
    frame = shops()
    for column, ending in (("photo", "png"), ("voice", "wav")):
        names = [f"{column}-{row}.{ending}" for row in range(ROWS)]
        for name, content in zip(names, frame[column], strict=True):
            (folder / name).write_bytes(content)
        frame = frame.with_columns(pl.Series(column, names))
    frame.write_csv(folder / "shops.csv")
    return folder / "shops.csv"


@pytest.fixture(scope="module")
def run(deeplode: Program, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = deeplode("train", str(source), "--target", "verdict", "--out", str(out), *QUICK)
    assert done.returncode == 0, done.stderr
    return out


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def test_text_image_audio_and_number_are_one_problem(run: Path) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert facts["source"]["kinds"] == {"text": 1, "number": 1, "image": 1, "audio": 1}
    assert facts["metrics"]["roc_auc"]["value"] > 0.95
    assert {one["column"] for one in facts["importance"]} == {"review", "price", "photo", "voice"}
    shown = {one["kind"]: one for one in facts["media"]}
    assert shown.keys() == {"text", "image", "audio"}
    for kind in ("image", "audio"):
        assert all(one["picture"].startswith("data:image/png") for one in shown[kind]["examples"])
    page = (run / "report.html").read_text("utf-8")
    assert page.count("<img") == sum(len(shown[kind]["examples"]) for kind in ("image", "audio"))
    assert len(page) < 3_000_000


def test_predicting_the_features_gives_the_predictions_of_the_run_bit_for_bit(
    deeplode: Program, source: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.parquet"
    deeplode("predict", str(run / "model.lode"), str(source), "--out", str(out), "--quiet")
    before = pl.read_parquet(run / "predictions.parquet")
    after = pl.read_parquet(out).join(before.select("id"), on="id", how="semi")
    assert after.equals(before.drop("truth"))


def test_the_model_file_holds_no_path_and_predicts_elsewhere(
    deeplode: Program, source: Path, run: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(run / "model.lode") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert str(source.parent).encode() not in content
    assert b"photo-1" not in content
    rows = shops().head(5)  # bytes instead of paths
    rows.write_parquet(tmp_path / "new.parquet")
    model = tmp_path / "moved.lode"
    model.write_bytes((run / "model.lode").read_bytes())
    done = deeplode("predict", str(model), str(tmp_path / "new.parquet"), "--quiet")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6


def test_the_same_seed_gives_the_same_bits(
    deeplode: Program, source: Path, run: Path, tmp_path: Path
) -> None:
    deeplode("train", str(source), "--target", "verdict", "--out", str(tmp_path / "again"), *QUICK)
    assert learned(tmp_path / "again") == learned(run)


def test_order_and_neighbours_of_rows_do_not_matter(run: Path) -> None:
    from deeplode import load

    model, rows = load(run / "model.lode"), shops().drop("verdict")
    whole = model.predict_proba(rows.to_pandas()).to_numpy()
    order = np.random.default_rng(1).permutation(ROWS)
    np.testing.assert_allclose(
        model.predict_proba(rows[order].to_pandas()).to_numpy(), whole[order], rtol=1e-4, atol=1e-6
    )
    alone = np.array(
        [list(model.predict_proba_one(rows.row(at, named=True)).values()) for at in range(3)]
    )
    np.testing.assert_allclose(alone, whole[:3], rtol=1e-4, atol=1e-6)


def test_bad_and_missing_media_get_an_answer_and_a_flag(
    deeplode: Program, run: Path, tmp_path: Path
) -> None:
    rows = (
        shops()
        .head(4)
        .with_columns(
            pl.Series("photo", [b"no image", None, b"", shops()["photo"][3][:40]]),
            pl.Series("review", [None, " ", "<script>alert(1)</script>", "\u202ereversed\x07"]),
        )
    )
    rows.write_parquet(tmp_path / "odd.parquet")
    out = tmp_path / "answers.parquet"
    done = deeplode(
        "predict",
        str(run / "model.lode"),
        str(tmp_path / "odd.parquet"),
        "--out",
        str(out),
        "--quiet",
    )
    assert done.returncode == 0, done.stderr
    flags = pl.read_parquet(out)["flags"].to_list()
    assert ["unreadable" in one for one in flags] == [True, False, True, True]
    assert "filled_in" in flags[1]


def test_files_that_are_not_there_are_told_where_rows_are_answered_or_scored(
    deeplode: Program, source: Path, run: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "shops.csv"
    elsewhere.write_bytes(source.read_bytes())
    done = deeplode("predict", str(run), str(elsewhere))
    assert done.returncode == 0
    assert f"W-PRED-002  An image or a sound cannot be read in {ROWS} of {ROWS}" in done.stderr
    assert len(done.stdout.splitlines()) == ROWS + 1
    told = json.loads(deeplode("evaluate", str(run), str(elsewhere), "--json").stdout)
    assert "W-PRED-002" in {one["code"] for one in told["warnings"]}
    assert "W-PRED-002" not in deeplode("predict", str(run), str(source)).stderr


def test_too_many_bad_images_end_with_3_before_training_and_name_the_first(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    frame = pl.read_csv(source).with_row_index("n")
    for name in frame["photo"].to_list() + frame["voice"].to_list():
        (tmp_path / name).write_bytes((source.parent / name).read_bytes())
    for row in range(0, ROWS, 8):
        (tmp_path / f"photo-{row}.png").write_bytes(b"\x89PNG broken")
    frame.drop("n").write_csv(tmp_path / "shops.csv")
    told = ("train", str(tmp_path / "shops.csv"), "--target", "verdict", *QUICK)
    done = deeplode(*told, "--out", str(tmp_path / "bad"), "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["column"]) == ("E-DATA-070", "photo")
    assert "photo-" in error["message"]
    assert not (tmp_path / "bad").exists()
    done = deeplode(*told, "--out", str(tmp_path / "fine"), "--max-bad", "20%")
    assert done.returncode == 0, done.stderr


def odd_pictures() -> dict[str, tuple[bytes, bool]]:
    """Files by what is odd about them, and whether they can be read."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    whole = Image.fromarray(noise)

    def saved(image: Image.Image, form: str, **more: object) -> bytes:
        file = io.BytesIO()
        image.save(file, form, **more)
        return file.getvalue()

    def claims(width: int, height: int) -> bytes:
        head = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + head
        sum_ = struct.pack(">I", zlib.crc32(chunk))
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + sum_ + png(noise)[33:]

    swollen = PngInfo()
    swollen.add_text("note", "x" * 200_000_000, zip=True)
    return {
        "cmyk": (saved(whole.convert("CMYK"), "JPEG"), True),
        "palette": (saved(whole.convert("P"), "PNG"), True),
        "animated": (saved(whole, "GIF", save_all=True, append_images=[whole.rotate(90)]), True),
        "one-pixel": (saved(whole.resize((1, 1)), "PNG"), True),
        "wrong-ending": (saved(whole, "BMP"), True),
        "zero-bytes": (b"", False),
        "cut": (saved(whole, "PNG")[:300], False),
        "50000x50000": (claims(50_000, 50_000), False),
        "swollen-text": (saved(whole, "PNG", pnginfo=swollen), False),
        "a-page": (b"<html><script>alert(1)</script></html>", False),
    }


def test_odd_images_are_learned_from_or_counted_and_named(
    deeplode: Program, tmp_path: Path
) -> None:
    digits = load_digits()
    for number in (0, 1):
        (tmp_path / "scans" / str(number)).mkdir(parents=True)
        for at, image in enumerate(digits.images[digits.target == number][:60]):
            (tmp_path / "scans" / str(number) / f"{at:03}.png").write_bytes(png(image * 15))
    odd = odd_pictures()
    for name, (content, _) in odd.items():
        for number in (0, 1):
            (tmp_path / "scans" / str(number) / f"{name}.png").write_bytes(content)
    told = ("train", "scans", *QUICK, "--max-bad", "15%", "--json", "--out", "run")
    done = deeplode(*told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    warnings = [one for one in json.loads(done.stdout)["warnings"] if one["code"] == "W-MEDIA-081"]
    assert {one["column"] for one in warnings} == {"image"}
    bad = [name for name, (_, fine) in odd.items() if not fine]
    counts = [int(re.findall(r"(\d+) of (?:\d+)", one["message"])[0]) for one in warnings]
    assert sum(counts) == 2 * len(bad)
    assert any(name in warnings[0]["message"] for name in bad)
    deeplode("predict", "run/model.lode", "scans", "--out", "all.parquet", "--quiet", cwd=tmp_path)
    flags = dict(pl.read_parquet(tmp_path / "all.parquet").select("id", "flags").iter_rows())
    for name, (_, fine) in odd.items():
        assert ("unreadable" in flags[f"0/{name}.png"]) is not fine, name


def test_odd_clips_are_learned_from_or_counted_and_named(deeplode: Program, tmp_path: Path) -> None:
    rng, at = np.random.default_rng(0), np.arange(4_000) / 8_000
    silence, hour = io.BytesIO(), io.BytesIO()
    soundfile.write(silence, np.zeros(4_000), 8_000, format="WAV")
    soundfile.write(hour, np.tile(0.3 * np.sin(2 * np.pi * 440 * at), 7_200), 8_000, format="FLAC")
    lying = bytearray(wav(300, rng))
    lying[40:44] = (0x7FFE_0000).to_bytes(4, "little")
    odd = {
        "silence.wav": (silence.getvalue(), True),
        "hour.flac": (hour.getvalue(), True),
        "lying.wav": (bytes(lying), False),
        "no-samples.wav": (wav(300, rng)[:44], False),
        "zero-bytes.wav": (b"", False),
    }
    lines = ["clip,word"]
    for row in range(60):
        (tmp_path / f"{row}.wav").write_bytes(wav((300, 600)[row % 2], rng))
        lines.append(f"{row}.wav,{('low', 'high')[row % 2]}")
    for name, (content, _) in odd.items():
        (tmp_path / name).write_bytes(content)
        lines += [f"{name},low"]
    lines.append("not-there.wav,low")
    (tmp_path / "clips.csv").write_text("\n".join(lines), "utf-8")
    told = ("train", "clips.csv", "--target", "word", *QUICK, "--max-bad", "30%", "--out", "run")
    done = deeplode(*told, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    warnings = [one for one in json.loads(done.stdout)["warnings"] if one["code"] == "W-MEDIA-081"]
    counts = [int(re.findall(r"(\d+) of (?:\d+)", one["message"])[0]) for one in warnings]
    assert sum(counts) == 1 + sum(not fine for _, fine in odd.values())
    told = ("predict", "run/model.lode", "clips.csv", "--out", "all.parquet", "--quiet")
    assert deeplode(*told, cwd=tmp_path).returncode == 0
    flags = pl.read_parquet(tmp_path / "all.parquet")["flags"].to_list()[60:]
    assert ["unreadable" in one for one in flags] == [not fine for _, fine in odd.values()] + [True]


def test_odd_texts_are_learned_from_and_do_no_harm_to_page_or_model_file(
    deeplode: Program, tmp_path: Path
) -> None:
    odd = [
        "parcel great " * 800_000,  # ten megabytes
        "\ud800 half a character",
        "\u202egreat reversed\u202c \x07\x00 bell",
        "<script>alert(1)</script> great",
        "<img src=x onerror=alert(2)> awful",
        "שלום עולם great",
        "\u200b\u200d\ufeff",
        "e" + "\u0301" * 5_000,
    ]
    rows = shops().select("review", "verdict").to_dicts()[:100]
    for at, text in enumerate(odd * 3):
        rows.insert(4 * at, {"review": text, "verdict": ("good", "bad")[at % 2]})
    lines = (json.dumps(row) for row in rows)
    (tmp_path / "odd.jsonl").write_text("\n".join(lines), "utf-8")
    told = ("train", "odd.jsonl", "--target", "verdict", *QUICK, "--out", "run")
    done = deeplode(*told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert len(page) < 3_000_000
    assert (tmp_path / "run" / "model.lode").stat().st_size < 2_000_000
    done = deeplode("predict", "run/model.lode", "odd.jsonl", "--quiet", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == len(rows) + 1
    assert "out_of_range" in done.stdout.splitlines()[1]


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_a_run_killed_among_its_epochs_and_resumed_ends_as_the_undisturbed_one(
    deeplode: Program, killed: Killed, source: Path, tmp_path: Path
) -> None:
    quiet, out = tmp_path / "quiet", tmp_path / "killed"
    told = ("train", str(source), "--target", "verdict", *QUICK, "--epochs", "5", "--out")
    deeplode(*told, str(quiet))
    epochs = out / "checkpoint" / "epochs.safetensors"
    killed(*told, str(out), once=epochs.exists)
    assert epochs.exists()
    done = deeplode(*told, str(out), "--resume")
    assert done.returncode == 0, done.stderr
    assert learned(out) == learned(quiet)


def test_a_column_says_which_rows_test(deeplode: Program, tmp_path: Path) -> None:
    parts = pl.Series("part", ["test" if at % 6 == 0 else "train" for at in range(ROWS)])
    shops().select("review", "price", "verdict").with_columns(parts).write_csv(tmp_path / "a.csv")
    told = ("train", str(tmp_path / "a.csv"), "--target", "verdict", *QUICK, "--json")
    done = deeplode(*told, "--split-column", "part", "--out", str(tmp_path / "run"))
    facts = json.loads(done.stdout)
    assert facts["split"]["how"] == "column"
    assert facts["split"]["test"] == ROWS // 6
    assert "part" not in {one["column"] for one in facts["importance"]}
    done = deeplode(*told, "--split-column", "price", "--out", str(tmp_path / "bad"))
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "E-DATA-080"
