"""Bad input, as it reaches the program: a clear error with a stable code, or an answer and a flag.

The program runs in this process, through its entry point, so that a case costs no start.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_wine

from deeplode.cli.main import main

QUICK = ("--epochs", "2", "--members", "1", "--hidden", "16", "--threads", "1")


def wine(rows: int = 178) -> pl.DataFrame:
    """Real measurements of wines and who grew them."""
    data = load_wine()
    frame = pl.DataFrame(data.data[:, :5], schema=["alcohol", "acid", "ash", "alkali", "Mg"])
    grower = pl.Series("grower", [["Ada", "Bo", "Cy"][code] for code in data.target])
    return frame.with_columns(grower).sample(rows, shuffle=True, seed=0)


Asked = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Asked:
    """Run the program with --json. Returns its exit status and the one object that it printed."""

    def asked(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        status = main([*(str(one) for one in arguments), "--json"])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return status, json.loads(said.out)

    return asked


@pytest.fixture
def train(ask: Asked, tmp_path: Path) -> Asked:
    """Train on a file; the run goes to ``run`` in the test's folder."""

    def trained(path: Path, *options: str, target: str = "grower") -> tuple[int, dict[str, Any]]:
        return ask("train", path, "--target", target, "--out", tmp_path / "run", *QUICK, *options)

    return trained


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on good rows."""
    folder = tmp_path_factory.mktemp("model")
    wine().write_csv(folder / "wine.csv")
    out = folder / "run"
    done = main(["train", str(folder / "wine.csv"), "--target", "grower", "--out", str(out), *QUICK,
                 "--quiet"])  # fmt: skip
    assert done == 0
    return out / "model.lode"


def error_of(answer: tuple[int, dict[str, Any]], status: int = 3) -> dict[str, Any]:
    """The error of a run that had to be refused; it says what happened and has a code."""
    got, facts = answer
    assert got == status, facts
    error: dict[str, Any] = facts["error"]
    assert error["code"].startswith("E-")
    assert error["message"]
    return error


def csv_of(frame: pl.DataFrame) -> str:
    return frame.write_csv()


PACKED = gzip.compress(b"a,b,grower\n1,2,x\n" * 999)
FILES: dict[str, tuple[str, bytes, str]] = {
    # name: (file, content, what the message must name)
    "empty": ("empty.csv", b"", "empty.csv"),
    "header only": ("head.csv", b"a,b,grower\n", "head.csv"),
    "ragged": ("ragged.csv", b"a,b,grower\n" + b"1,2,x\n" * 5 + b"1,2,x,4\n" + b"3,4,y\n", "7"),
    "broken quotes": ("quotes.csv", b'a,b,grower\n1,"2,x\n3,4,y\n', "2"),
    "NUL byte": ("nul.csv", b"a,b,grower\n1,2,x\n3,\x004,y\n", "3"),
    "binary": ("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "PNG"),
    "truncated gzip": ("cut.csv.gz", PACKED[:-20], "cut.csv.gz"),
    "wrong JSON": ("rows.json", b'[{"a": 1, "grower": "x"}, {"a": ', "rows.json"),
    "pickle": ("model.pkl", b"\x80\x04\x95", "pkl"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_table_is_refused_by_name(
    case: str, train: Asked, tmp_path: Path
) -> None:
    name, content, named = FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    error = error_of(train(path))
    assert named in error["message"]
    assert not (tmp_path / "run").exists()


def test_a_truncated_parquet_file_is_refused_by_name(train: Asked, tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    wine().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert "cut.parquet" in error_of(train(path))["message"]


def test_a_missing_file_is_refused_with_a_near_name(train: Asked, tmp_path: Path) -> None:
    wine().write_csv(tmp_path / "wine.csv")
    error = error_of(train(tmp_path / "wein.csv"))
    assert "wine.csv" in error["message"] + error["hint"]


def test_an_absent_target_is_refused_with_a_near_name(train: Asked, tmp_path: Path) -> None:
    wine().write_csv(tmp_path / "wine.csv")
    error = error_of(train(tmp_path / "wine.csv", target="growers"))
    assert "'grower'" in error["message"] + error["hint"]
    assert error["column"] == "growers"


TARGETS: dict[str, tuple[int, Callable[[int], list[Any]]]] = {
    "one row": (1, lambda rows: ["x"]),
    "one class": (60, lambda rows: ["x"] * rows),
    "all missing": (60, lambda rows: [None] * rows),
    "a class a row": (1200, lambda rows: [f"name {at % 1000}" for at in range(rows)]),
    "infinite": (60, lambda rows: [*map(float, range(rows - 1)), float("inf")]),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_that_cannot_be_learned_is_refused(
    case: str, train: Asked, tmp_path: Path
) -> None:
    rows, make = TARGETS[case]
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows)})
    target = pl.Series("grower", make(rows), dtype=pl.String if case == "all missing" else None)
    path = tmp_path / "rows.parquet"
    frame.with_columns(target).write_parquet(path)
    error = error_of(train(path))
    assert case == "one row" or error["column"] == "grower"


def test_mixed_types_infinities_and_odd_dates_are_taken_and_told(
    train: Asked, tmp_path: Path
) -> None:
    frame = wine()
    rows = frame.height
    mixed = ["12"] * (rows - 1) + ["twelve"]
    huge = [1e308, float("inf"), float("-inf")] + [float(at % 7) for at in range(rows - 3)]
    dates = ["2024-03-05"] * (rows // 2) + ["2023-11-30"] * (rows - rows // 2 - 2)
    dates += ["9999-99-99", "0000-00-00"]
    path = tmp_path / "odd.csv"
    frame.with_columns(
        pl.Series("mixed", mixed), pl.Series("huge", huge), pl.Series("seen", dates)
    ).write_csv(path)
    status, facts = train(path)
    assert status == 0
    assert facts["metrics"]["accuracy"]["value"] > 0.5
    assert any(one["column"] == "mixed" for one in facts["warnings"])


def test_columns_of_the_same_name_are_renamed_with_a_warning(train: Asked, tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    lines = csv_of(wine()).splitlines()
    path.write_text("\n".join(["x,x,,x,Mg,grower", *lines[1:]]), "utf-8")
    status, facts = train(path)
    assert status == 0
    names = [column["name"] for column in facts["source"]["features"]]
    assert len(set(names)) == len(names) == 5
    assert "" not in names
    assert any("x_2" in one["message"] for one in facts["warnings"])


def test_the_target_under_another_name_is_left_out_and_told(train: Asked, tmp_path: Path) -> None:
    path = tmp_path / "leak.csv"
    copy = pl.col("grower").replace_strict({"Ada": "north", "Bo": "east", "Cy": "south"})
    wine().with_columns(copy.alias("region")).write_csv(path)
    status, facts = train(path)
    assert status == 0
    used = {column["name"]: column["used"] for column in facts["source"]["features"]}
    assert used["region"] is False
    assert any(one["column"] == "region" for one in facts["warnings"])


def test_rows_without_a_target_are_dropped_and_counted(train: Asked, tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    frame = wine().with_row_index("at")
    gaps = pl.when(pl.col("at") < 20).then(None).otherwise(pl.col("grower")).alias("grower")
    frame.with_columns(gaps).drop("at").write_csv(path)
    status, facts = train(path)
    assert status == 0
    assert facts["split"]["train"] + facts["split"]["valid"] + facts["split"]["test"] == 158
    assert any("20" in one["message"] for one in facts["warnings"])


def test_new_rows_without_a_column_are_refused_by_its_name(
    ask: Asked, model: Path, tmp_path: Path
) -> None:
    wine().drop("ash").write_csv(tmp_path / "less.csv")
    assert error_of(ask("predict", model, tmp_path / "less.csv"))["column"] == "ash"


def test_new_rows_of_other_types_are_read_or_flagged(
    ask: Asked, model: Path, tmp_path: Path
) -> None:
    frame = wine().drop("grower").head(12)
    texts = frame.with_columns(pl.col("alcohol").cast(pl.String))
    texts[3, "alcohol"] = "much"
    path = tmp_path / "texts.parquet"
    texts.write_parquet(path)
    status, facts = ask("predict", model, path)
    assert status == 0
    flags = [row["flags"] for row in facts["predictions"]]
    assert "not_a_number" in flags[3]
    assert "not_a_number" not in flags[0]


def test_a_column_of_new_rows_that_holds_no_numbers_is_refused_by_its_name(
    ask: Asked, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "words.csv"
    wine().with_columns(pl.lit("word").alias("alcohol")).write_csv(path)
    error = error_of(ask("predict", model, path))
    assert error["column"] == "alcohol"
    assert "word" in error["message"]


def test_a_class_that_the_model_never_met_is_left_out_of_its_scores_and_told(
    ask: Asked, model: Path, tmp_path: Path
) -> None:
    frame = wine()
    frame[0, "grower"] = "Dee"
    path = tmp_path / "unseen.csv"
    frame.write_csv(path)
    status, facts = ask("evaluate", model, path)
    assert status == 0
    assert facts["source"]["rows"] == 177
    assert any("Dee" in one["message"] for one in facts["warnings"])


def test_no_new_rows_give_no_answers(model: Path) -> None:
    from deeplode import load

    answers = load(model).predict_frame(wine().drop("grower").head(0))
    assert answers.height == 0
    assert answers.columns[:2] == ["id", "prediction"]


def test_a_model_file_that_is_none_is_refused_with_6(ask: Asked, tmp_path: Path) -> None:
    path = tmp_path / "fake.lode"
    path.write_bytes(b"not a model")
    wine().write_csv(tmp_path / "wine.csv")
    error_of(ask("predict", path, tmp_path / "wine.csv"), status=6)


def test_an_output_that_exists_is_not_overwritten_without_force(
    ask: Asked, train: Asked, model: Path, tmp_path: Path
) -> None:
    wine().write_csv(tmp_path / "wine.csv")
    out = tmp_path / "run"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    assert "--force" in error_of(train(tmp_path / "wine.csv"), status=2)["hint"]
    taken = tmp_path / "answers.csv"
    taken.write_text("keep")
    error_of(ask("predict", model, tmp_path / "wine.csv", "--out", taken), status=2)
    assert taken.read_text() == (out / "mine.txt").read_text() == "keep"


def test_an_output_that_cannot_be_written_is_refused_before_training(
    ask: Asked, tmp_path: Path
) -> None:
    wine().write_csv(tmp_path / "wine.csv")
    below = tmp_path / "wine.csv" / "run"
    answer = ask("train", tmp_path / "wine.csv", "--target", "grower", "--out", below, *QUICK)
    assert str(below) in error_of(answer, status=2)["message"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named_and_nothing_is_lost(model: Path, tmp_path: Path) -> None:
    """A limit on file size makes the disk refuse, as a full one does."""
    wine().write_csv(tmp_path / "wine.csv")
    out = tmp_path / "answers.parquet"
    told = ["predict", str(model), str(tmp_path / "wine.csv"), "--out", str(out)]
    program = (
        "import resource, signal, sys\n"
        "from deeplode.cli.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        f"sys.exit(main({told!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "E-OPT-083" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
    assert not list(tmp_path.glob(".*tmp"))
