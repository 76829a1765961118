"""``deeplode recommend`` on bad input: an error with its place and its status, no traceback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
Tastes = Callable[..., pl.DataFrame]
ROLES = ("--user", "user", "--item", "film")
ITEMS, ODD = ("--items", "films.csv"), ("--items", "odd_stock.csv")

FILES = {
    "films.csv": "film,title,stock\n" + "".join(f"{at},Film {at},yes\n" for at in range(100, 160)),
    "nameless.csv": "movie,title\n100,Film\n",
    "twice.csv": "film,title\n100,Film\n101,Other\n100,Again\n",
    "odd_stock.csv": "film,stock\n100,yes\n101,perhaps\n",
    "strangers.csv": "film\nx1\nx2\n",
    "all.csv": "film\n" + "".join(f"{at}\n" for at in range(100, 160)),
    "empty.csv": "",
    "head.csv": "user,film\n",
    "parts.csv": "user,film,part\na,1,train\nb,2,later\n",
    "stars.csv": "user,film,stars\n" + "".join(f"u{at},{at % 5},great\n" for at in range(20)),
    "days.csv": "user,film,day\n"
    + "".join(f"u{at},{at % 5},2024-01-{at + 1:02}\n" for at in range(20))
    + "u3,1,soon\n",
    "units.csv": "user,film,day\n"
    + "".join(f"u{at},{at % 5},{88_125_094}{'0' if at % 7 else '0000'}\n" for at in range(3, 20)),
    "gaps.csv": "user,film\n" + "".join(f"u{at},{at % 5 if at % 3 else ''}\n" for at in range(20)),
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("short_nets")


@pytest.fixture(scope="module")
def folder(tastes: Tastes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad")
    tastes(60).write_csv(path / "watched.csv")
    for name, text in FILES.items():
        (path / name).write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("told", "code", "status", "says"),
    [
        # Options that make no sense.
        (("watched.csv", *ROLES, "--top", "0"), "E-OPT-004", 2, "top"),
        (("watched.csv", *ROLES, "--top", "5000"), "E-OPT-240", 2, "1000"),
        (("watched.csv", *ROLES, "--split", "time"), "E-OPT-241", 2, "timestamp"),
        (("watched.csv", *ROLES, "--split", "last"), "E-OPT-241", 2, "timestamp"),
        (("watched.csv", *ROLES, "--in-stock", "stock"), "E-OPT-241", 2, "items"),
        (("watched.csv", *ROLES, "--min-rating", "3"), "E-OPT-241", 2, "rating"),
        (("watched.csv", "--user", "user", "--item", "user"), "E-OPT-242", 2, "user"),
        (("watched.csv", *ROLES, "--rating", "film"), "E-OPT-242", 2, "film"),
        (("watched.csv", "--user", "user"), "E-OPT-243", 2, "film"),
        (("watched.csv", *ROLES, "--duplicates", "first"), "E-OPT-002", 2, "last"),
        # Columns that are not there.
        (("watched.csv", "--user", "usr", "--item", "film"), "E-DATA-045", 3, "'user'"),
        (("watched.csv", *ROLES, "--rating", "star"), "E-DATA-045", 3, "'stars'"),
        (("watched.csv", *ROLES, "--timestamp", "time"), "E-DATA-045", 3, "time"),
        (("watched.csv", *ROLES, "--split-column", "star"), "E-DATA-045", 3, "'stars'"),
        (("watched.csv", *ROLES, "--items", "nameless.csv"), "E-DATA-045", 3, "nameless.csv"),
        (("watched.csv", *ROLES, "--users", "films.csv"), "E-DATA-045", 3, "films.csv"),
        (("watched.csv", *ROLES, "--only", "nameless.csv"), "E-DATA-045", 3, "nameless.csv"),
        (("watched.csv", *ROLES, "--exclude", "nameless.csv"), "E-DATA-045", 3, "nameless.csv"),
        (("watched.csv", *ROLES, *ITEMS, "--in-stock", "there"), "E-DATA-045", 3, "there"),
        # Files that say too little or too much.
        (("absent.csv", *ROLES), "E-DATA-001", 3, "absent.csv"),
        (("watched.csv", *ROLES, "--items", "absent.csv"), "E-DATA-001", 3, "absent.csv"),
        (("empty.csv", *ROLES), "E-DATA-005", 3, "empty.csv"),
        (("head.csv", *ROLES), "E-DATA-006", 3, "head.csv"),
        (("gaps.csv", *ROLES), "E-DATA-200", 3, "row 0"),
        (("stars.csv", *ROLES, "--rating", "stars"), "E-DATA-200", 3, "'great'"),
        (("days.csv", *ROLES, "--timestamp", "day"), "E-DATA-100", 3, "'soon'"),
        (("units.csv", *ROLES, "--timestamp", "day"), "E-DATA-103", 3, "row 4"),
        (("parts.csv", *ROLES, "--split-column", "part"), "E-DATA-201", 3, "'later'"),
        (("watched.csv", *ROLES, "--items", "twice.csv"), "E-DATA-202", 3, "row 0"),
        (("watched.csv", *ROLES, "--min-count", "99"), "E-DATA-203", 3, "99"),
        (("watched.csv", *ROLES, "--rating", "stars", "--min-rating", "6"), "E-DATA-203", 3, "6"),
        (("watched.csv", *ROLES, "--only", "strangers.csv"), "E-DATA-204", 3, "strangers.csv"),
        (("watched.csv", *ROLES, *ODD, "--in-stock", "stock"), "E-DATA-205", 3, "'perhaps'"),
        (("watched.csv", *ROLES, "--exclude", "all.csv"), "E-DATA-207", 3, "60"),
        # Limits that leave no room.
        (("watched.csv", *ROLES, "--memory-limit", "300MB"), "E-LIMIT-001", 5, "300 MB"),
        (("watched.csv", *ROLES, "--time-limit", "0.1s"), "E-LIMIT-003", 5, "0.1 s"),
    ],
    ids=lambda value: " ".join(value[-3:]) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_its_place_and_leaves_nothing(
    deeplode: Program, folder: Path, tmp_path: Path, told: tuple[str, ...], code: str, status: int,
    says: str,
) -> None:  # fmt: skip
    out = tmp_path / "run"
    asked = ("recommend", *told, "--out", str(out), "--threads", "1", "--quiet")
    done = deeplode(*asked, cwd=folder)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith(f"error {code}: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (out / "model.lode").exists()
    as_json = deeplode(*asked, "--json", cwd=folder)
    assert json.loads(as_json.stdout)["error"]["code"] == code


def test_what_is_wrong_with_lists_is_said_before_anything_is_learned(
    deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    told = ("--only", "strangers.csv", "--out", str(tmp_path / "run"), "--threads", "1")
    done = deeplode("recommend", "watched.csv", *ROLES, *told, cwd=folder)
    assert done.returncode == 3
    assert "EASE" not in done.stderr


@pytest.mark.parametrize(("language", "says"), [("en", "may be chance"), ("zh", "可能只是偶然")])
def test_a_gain_that_may_be_chance_is_a_warning_on_the_screen_in_the_facts_and_on_the_page(
    deeplode: Program, tmp_path: Path, language: str, says: str
) -> None:
    alike = [(f"u{user}", item) for user in range(60) for item in range(8)]
    pl.DataFrame(alike, ["user", "film"], orient="row").write_csv(tmp_path / "alike.csv")
    out = tmp_path / "run"
    asked = ("alike.csv", *ROLES, "--threads", "1", "--lang", language, "--out", str(out))
    done = deeplode("recommend", *asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert says in "".join(done.stderr.split("\n")).replace("  ", " ")
    facts = json.loads((out / "result.json").read_text("utf-8"))
    (doubt,) = [one for one in facts["warnings"] if one["code"] == "W-REC-014"]
    assert says in doubt["message"]
    assert says in (out / "report.html").read_text("utf-8")


def test_ids_may_be_numbers_in_one_file_and_texts_in_another(
    deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    films = pl.read_csv(folder / "films.csv")
    films.with_columns(pl.format(" {} ", "film").alias("film")).write_parquet(
        tmp_path / "f.parquet"
    )
    out = tmp_path / "run"
    done = deeplode(
        "recommend", str(folder / "watched.csv"), *ROLES, "--items", str(tmp_path / "f.parquet"),
        "--out", str(out), "--threads", "1", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "W-REC-008" not in done.stderr  # every film is found
    lists = pl.read_parquet(out / "recommendations.parquet")
    assert lists["title"].to_list() == [f"Film {item}" for item in lists["item"]]


def test_odd_users_and_very_long_ids_get_their_lists_and_break_no_page(
    deeplode: Program, tmp_path: Path, tastes: Tastes
) -> None:
    names = {0: "<script>alert(1)</script>", 1: "用户" * 3_000, 2: 'a,b\n"c"', 3: "\u202e\x1b[31m"}
    frame = tastes(60).with_columns(
        pl.col("user").replace({f"u{at:03}": name for at, name in names.items()}),
        (pl.lit("<img src=x>") + pl.col("film").cast(pl.String)).alias("film"),
    )
    frame.write_parquet(tmp_path / "odd.parquet")
    out = tmp_path / "run"
    done = deeplode("recommend", str(tmp_path / "odd.parquet"), *ROLES, "--out", str(out),
                    "--threads", "1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    users = set(pl.read_parquet(out / "recommendations.parquet")["user"])
    assert {names[0], names[1], names[2]} <= users
    page = (out / "report.html").read_text("utf-8")
    assert "<img src=x>" not in page
    assert "<script>alert" not in page
    assert len(page) < 3_000_000
    done = deeplode("predict", str(out), str(tmp_path / "odd.parquet"), "--top", "1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("source", "told", "code"),
    [
        ("people.csv", (), "E-DATA-045"),
        ("films.csv", ("--exclude", "films.csv"), "E-DATA-045"),
        ("watched.csv", ("--only", "strangers.csv"), "E-DATA-204"),
        ("watched.csv", ("--only", "nameless.csv"), "E-DATA-045"),
        ("watched.csv", ("--top", "0"), "E-OPT-004"),
        ("watched.csv", ("--top", "5000"), "E-OPT-240"),
    ],
)
def test_predict_says_what_is_wrong_too(
    deeplode: Program, folder: Path, tmp_path_factory: pytest.TempPathFactory, source: str,
    told: tuple[str, ...], code: str,
) -> None:  # fmt: skip
    model = folder / "run"
    if not model.exists():
        deeplode("recommend", "watched.csv", *ROLES, "--out", "run", "--threads", "1", cwd=folder)
    (folder / "people.csv").write_text("usr,age\na,3\n", "utf-8")
    done = deeplode("predict", "run", source, *told, "--json", cwd=folder)
    assert done.returncode in (2, 3)
    assert json.loads(done.stdout)["error"]["code"] == code


def test_options_of_lists_are_refused_for_models_of_other_verbs(
    deeplode: Program, tmp_path: Path
) -> None:
    golden = Path(__file__).parents[1] / "golden" / "format-1" / "wine.lode"
    (tmp_path / "x.csv").write_text("a\n1\n", "utf-8")
    done = deeplode("predict", str(golden), str(tmp_path / "x.csv"), "--top", "3", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-244"
