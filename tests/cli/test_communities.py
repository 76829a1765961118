"""``deeplode cluster --edges``, asked of the real program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
NAMES = [f"Club {at}" for at in range(12)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two circles of six that know each other, and one bridge."""
    place = tmp_path_factory.mktemp("circles")
    pl.DataFrame({"id": range(12), "name": NAMES}).write_csv(place / "clubs.csv")
    pairs = [(a + at, b + at) for at in (0, 6) for a in range(6) for b in range(a)]
    pairs = [*pairs, (0, 6)]
    ends = {"source": [a for a, _ in pairs], "target": [b for _, b in pairs]}
    pl.DataFrame(ends).write_csv(place / "links.csv")
    return place


def test_the_screen_shows_communities_with_their_leaders_in_both_languages(
    deeplode: Program, folder: Path
) -> None:
    given = (
        "cluster",
        "clubs.csv",
        "--edges",
        "links.csv",
        "--id",
        "id",
        "--out",
        "run",
        "--force",
    )
    english = deeplode(*given, cwd=folder)
    assert english.returncode == 0, english.stderr
    assert "Communities" in english.stdout
    assert "Club 0" in english.stdout
    chinese = deeplode(*given, "--lang", "zh", cwd=folder)
    assert "社区" in chinese.stdout


def test_json_is_one_object_with_the_network_in_it(deeplode: Program, folder: Path) -> None:
    given = ("--edges", "links.csv", "--id", "id", "--out", "json", "--force", "--json")
    done = deeplode("cluster", "clubs.csv", *given, cwd=folder)
    facts = json.loads(done.stdout)
    assert facts == json.loads((folder / "json" / "result.json").read_text("utf-8"))
    assert facts["network"]["links"] == 31
    assert {one["name"] for one in facts["central"]["bridges"]} == {"Club 0", "Club 6"}


def test_links_of_nobody_end_with_status_3_and_what_to_do(deeplode: Program, folder: Path) -> None:
    (folder / "odd.csv").write_text("source,target\n0,99\n")
    given = ("--edges", "odd.csv", "--id", "id", "--max-bad", "0%", "--json", "--out", "odd")
    done = deeplode("cluster", "clubs.csv", *given, cwd=folder)
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "E-DATA-133"
    assert "99" in error["message"]
    assert "--max-bad" in error["hint"]


def test_a_model_of_rows_takes_no_links(deeplode: Program, folder: Path) -> None:
    pl.DataFrame({"x": [at % 2 * 9 + at / 100 for at in range(60)]}).write_csv(folder / "x.csv")
    made = deeplode("cluster", "x.csv", "--out", "rows", "--clusters", "2", cwd=folder)
    assert made.returncode == 0, made.stderr
    done = deeplode("predict", "rows", "x.csv", "--edges", "links.csv", cwd=folder)
    assert done.returncode == 2
    assert "E-OPT-191" in done.stderr
