"""``deeplode recommend``: lists for everybody, a model that answers alone, a run's promises."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from deeplode import recommending
from deeplode.recommenders import question
from deeplode.recommendoptions import RecommendOptions
from deeplode.runtime import Budget

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]
Tastes = Callable[..., pl.DataFrame]

ROLES = ("--user", "user", "--item", "film", "--rating", "stars", "--timestamp", "when")
COLUMNS = ["user", "rank", "item", "title", "score", "because", "flags"]

pytestmark = pytest.mark.usefixtures("short_nets")


@pytest.fixture(scope="module")
def folder(tastes: Tastes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of what was watched, of films and of somebody new."""
    path = tmp_path_factory.mktemp("films")
    tastes().write_csv(path / "watched.csv")
    films = range(100, 160)
    titles = [f"<b>片 & {film}</b>" for film in films]
    stock = ["yes" if film % 3 else "no" for film in films]
    kind = ["abcd"[film % 4] for film in films]
    pl.DataFrame({"film": films, "title": titles, "kind": kind, "stock": stock}).write_csv(
        path / "films.csv"
    )
    history = [("new", film, 5) for film in (100, 104, 108)] + [("new", 103, 1), ("new", 9_999, 5)]
    pl.DataFrame(history, ["user", "film", "stars"], orient="row").write_csv(path / "new.csv")
    return path


def asked(folder: Path) -> tuple[str, ...]:
    items = ("--items", str(folder / "films.csv"))
    return ("recommend", str(folder / "watched.csv"), *ROLES, *items, "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def run(deeplode: Program, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / "next"
    done = deeplode(*asked(folder), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "because of" in done.stdout
    assert "<b>片 & 1" in done.stdout
    return out


def facts_of(run: Path) -> dict[str, object]:
    return json.loads((run / "result.json").read_text("utf-8"))


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def predicted(deeplode: Program, run: Path, *told: str) -> pl.DataFrame:
    """What the model file alone answers."""
    out = run.parent / "answers.parquet"
    model = str(run / "model.lode")
    done = deeplode("predict", model, *told, "--out", str(out), "--force", "--quiet")
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(out)


def test_a_run_leaves_every_file_and_every_fact(run: Path, tastes: Tastes) -> None:
    assert {one.name for one in run.iterdir()} == {
        "model.lode", "result.json", "report.html", "predictions.parquet",
        "recommendations.parquet", "log.jsonl",
    }  # fmt: skip
    facts = facts_of(run)
    assert facts["verb"] == facts["task"] == "recommend"
    assert facts["files"]["recommendations"] == "recommendations.parquet"
    assert {"ndcg@10", "recall@10", "mrr@10", "hit@10", "precision@10"} == set(facts["metrics"])
    for metric in facts["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    board = [one["name"] for one in facts["leaderboard"]]
    assert board[:2] == ["popularity", "item_knn"]
    assert board[-1] == facts["answer"] == "blend"
    for one in facts["leaderboard"]:
        assert {"coverage", "gini", "novelty", "head"} <= one.keys()
    split = facts["split"]
    assert split["how"] == "time"
    liked = tastes().filter(pl.col("stars") >= 3)
    assert split["train"] + split["valid"] + split["test"] == len(liked)
    tests = pl.read_parquet(run / "predictions.parquet")
    assert tests.columns == ["id", "user", "item", "rank", "score", "flags"]
    assert len(tests) == split["test"]
    rows = tastes()[tests["id"].to_numpy()]
    assert rows["user"].to_list() == tests["user"].to_list()
    assert rows["film"].to_list() == tests["item"].to_list()


def test_everybody_gets_ten_unseen_items_by_their_titles(run: Path, tastes: Tastes) -> None:
    lists = pl.read_parquet(run / "recommendations.parquet")
    assert lists.columns == COLUMNS
    assert lists["user"].unique(maintain_order=True).to_list() == sorted(set(tastes()["user"]))
    assert (lists.group_by("user").len()["len"] == 10).all()
    had = tastes().rename({"film": "item"}).select("user", "item")
    assert lists.join(had, on=["user", "item"], how="semi").is_empty()
    assert lists["title"].to_list() == [f"<b>片 & {one}</b>" for one in lists["item"]]
    assert lists["because"].drop_nulls().str.starts_with("<b>片").all()


def test_json_is_one_object_and_the_same_as_result_json(
    deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = deeplode(*asked(folder), "--out", str(out), "--json")
    assert json.loads(done.stdout) == facts_of(out)


def test_the_model_file_alone_in_a_fresh_process_gives_the_lists_of_the_run(
    run: Path, program: Program, folder: Path, tmp_path: Path
) -> None:
    moved, out = tmp_path / "only.lode", tmp_path / "answers.parquet"
    moved.write_bytes((run / "model.lode").read_bytes())
    lists = pl.read_parquet(run / "recommendations.parquet")
    pl.DataFrame({"user": sorted(set(lists["user"]))}).write_csv(tmp_path / "users.csv")
    done = program("predict", str(moved), str(tmp_path / "users.csv"), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(out).equals(lists)
    assert str(folder) not in moved.read_bytes().decode("latin-1")


def test_telling_known_users_what_is_known_of_them_changes_nothing(
    run: Path, deeplode: Program, folder: Path
) -> None:
    answers = predicted(deeplode, run, str(folder / "watched.csv")).sort("user", "rank")
    assert answers.equals(pl.read_parquet(run / "recommendations.parquet"))


def test_somebody_new_is_answered_from_a_history_and_flagged_for_an_unknown_item(
    run: Path, deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    answers = predicted(deeplode, run, str(folder / "new.csv"), "--top", "5")
    assert answers["user"].to_list() == ["new"] * 5
    assert not set(answers["item"]) & {100, 103, 104, 108}
    assert sum(item % 4 == 0 for item in answers["item"]) >= 4  # the taste of what was liked
    assert set(answers["because"]) <= {f"<b>片 & {one}</b>" for one in (100, 104, 108)}
    assert set(answers["flags"]) == {"unknown_items"}
    pl.DataFrame({"user": ["nobody", "nobody", None]}).write_csv(tmp_path / "nobody.csv")
    answers = predicted(deeplode, run, str(tmp_path / "nobody.csv"), "--top", "3")
    assert answers["flags"].to_list() == ["no_history"] * 3
    assert answers["because"].null_count() == 3


def test_rows_of_others_and_the_order_of_columns_change_nobodys_list(
    run: Path, deeplode: Program, folder: Path, tastes: Tastes, tmp_path: Path
) -> None:
    alone = predicted(deeplode, run, str(folder / "new.csv"))
    rows = pl.read_csv(folder / "new.csv").cast({"film": pl.String})
    more = tastes().head(300).select(rows.columns).cast({"film": pl.String})
    mixed = pl.concat([more[200:], rows[:2], more[:200], rows[2:]]).select(
        "stars", pl.lit("x").alias("extra"), "film", "user"
    )
    mixed.write_parquet(tmp_path / "mixed.parquet")
    together = predicted(deeplode, run, str(tmp_path / "mixed.parquet"))
    own = together.filter(pl.col("user") == "new")
    assert own.select(pl.exclude("score")).equals(alone.select(pl.exclude("score")))
    assert (own["score"] - alone["score"]).abs().max() < 1e-4


def test_items_alone_are_answered_by_what_goes_with_them(
    run: Path, deeplode: Program, tmp_path: Path
) -> None:
    pl.DataFrame({"film": [101, 9_999]}).write_csv(tmp_path / "films.csv")
    answers = predicted(deeplode, run, str(tmp_path / "films.csv"), "--top", "4")
    assert answers.columns == ["item", "rank", "similar", "title", "similarity"]
    assert answers["item"].to_list() == [101] * 4
    assert sum(item % 4 == 1 for item in answers["similar"]) >= 3
    assert answers["similarity"].is_sorted(descending=True)
    done = deeplode("predict", str(run), str(tmp_path / "films.csv"), "--top", "4")
    assert "W-REC-015" in done.stderr
    assert "9999" in done.stderr


def test_lists_hold_to_only_and_exclude_for_all_or_for_single_users(
    run: Path, deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    whole = predicted(deeplode, run, str(folder / "new.csv"), "--top", "60")
    first = whole["item"].to_list()[:4]
    files = {name: str(tmp_path / f"{name}.csv") for name in ("some", "mine", "theirs")}
    pl.DataFrame({"film": first}).write_csv(files["some"])
    pl.DataFrame({"film": first, "user": ["new"] * 4}).write_csv(files["mine"])
    pl.DataFrame({"film": first, "user": ["other"] * 4}).write_csv(files["theirs"])

    def items(*told: str) -> list[int]:
        return predicted(deeplode, run, str(folder / "new.csv"), "--top", "60", *told)[
            "item"
        ].to_list()

    assert items("--only", files["some"]) == first
    assert items("--exclude", files["some"]) == whole["item"].to_list()[4:]
    assert items("--exclude", files["mine"]) == whole["item"].to_list()[4:]
    assert items("--exclude", files["theirs"]) == whole["item"].to_list()


def test_what_is_out_of_stock_is_learned_from_but_not_recommended(
    deeplode: Program, folder: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = deeplode(*asked(folder), "--in-stock", "stock", "--top", "60", "--out", str(out))
    assert done.returncode == 0, done.stderr
    lists = pl.read_parquet(out / "recommendations.parquet")
    assert {item % 3 for item in lists["item"]} == {1, 2}
    assert facts_of(out)["interactions"] == facts_of(run)["interactions"]


def test_evaluate_judges_lists_by_what_came_after(
    run: Path, deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    lists = pl.read_parquet(run / "recommendations.parquet").filter(pl.col("rank") == 1)
    took = lists.select("user", film="item", stars=pl.lit(5))
    took.write_csv(tmp_path / "took.csv")
    done = deeplode("evaluate", str(run), str(tmp_path / "took.csv"), "--json", "--quiet")
    facts = json.loads(done.stdout)
    assert facts["metrics"]["ndcg@10"]["value"] == 1
    assert [one["name"] for one in facts["leaderboard"]] == ["blend", "popularity"]
    done = deeplode("evaluate", str(run), str(folder / "watched.csv"), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "E-DATA-206"  # nothing of it is new
    done = deeplode("evaluate", str(run), str(tmp_path / "took.csv"), "--target", "x", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-247"


def test_the_report_is_made_again_from_the_model_file_in_chinese(
    run: Path, deeplode: Program, tmp_path: Path
) -> None:
    out = tmp_path / "page.html"
    done = deeplode("report", str(run / "model.lode"), "--lang", "zh", "--out", str(out))
    assert done.returncode == 0, done.stderr
    page = out.read_text("utf-8")
    assert "推荐" in page
    assert "<b>片" not in page
    users = pl.read_parquet(run / "recommendations.parquet")["user"]
    assert not [user for user in set(users) if user in page]  # single users stay in the run folder


def test_a_run_speaks_chinese_when_asked_to(
    deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = deeplode(*asked(folder), "--lang", "zh", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "口味" in done.stdout or "推荐" in done.stdout
    assert "推荐" in (out / "report.html").read_text("utf-8")


def test_the_order_of_rows_and_columns_is_no_matter_and_inputs_stay_as_they_are(
    run: Path, deeplode: Program, folder: Path, tmp_path: Path
) -> None:
    frame = pl.read_csv(folder / "watched.csv").sample(fraction=1, shuffle=True, seed=5)
    films = pl.read_csv(folder / "films.csv")[::-1].select("stock", "kind", "film", "title")
    frame.select("when", "film", "stars", "user").write_csv(tmp_path / "watched.csv")
    films.write_csv(tmp_path / "films.csv")
    before = [hashlib.sha256(one.read_bytes()).digest() for one in sorted(tmp_path.iterdir())]
    out = tmp_path / "run"
    done = deeplode(*asked(tmp_path), "--out", str(out))
    assert done.returncode == 0, done.stderr
    lists, wanted = (pl.read_parquet(one / "recommendations.parquet") for one in (out, run))
    assert lists.select(pl.exclude("score")).equals(wanted.select(pl.exclude("score")))
    assert facts_of(out)["metrics"] == facts_of(run)["metrics"]
    files = [tmp_path / "films.csv", tmp_path / "watched.csv"]
    assert [hashlib.sha256(one.read_bytes()).digest() for one in files] == before


def test_predicting_leaves_the_model_file_as_it_is(
    run: Path, deeplode: Program, folder: Path
) -> None:
    before = (run / "model.lode").read_bytes()
    predicted(deeplode, run, str(folder / "new.csv"))
    assert (run / "model.lode").read_bytes() == before


@pytest.mark.parametrize("done", ["item_knn", "item_knn.before"])  # first and when learned again
def test_the_same_seed_gives_the_same_bits_and_a_killed_run_is_resumed_to_them(
    run: Path, deeplode: Program, killed: Killed, folder: Path, tmp_path: Path, done: str
) -> None:
    out = tmp_path / "run"
    told = (*asked(folder), "--out", str(out))
    if os.name == "posix":
        killed(*told, once=(out / "checkpoint" / f"{done}.safetensors").exists)
        assert not (out / "model.lode").exists()
        told = (*told, "--resume")
    ended = deeplode(*told)
    assert ended.returncode == 0, ended.stderr
    assert learned(out) == learned(run)
    assert facts_of(out)["metrics"] == facts_of(run)["metrics"]
    lists, wanted = (pl.read_parquet(one / "recommendations.parquet") for one in (out, run))
    assert lists.equals(wanted)
    assert not (out / "checkpoint").exists()


def test_lists_that_there_is_no_time_for_are_told_of_and_those_written_are_whole(
    folder: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "CELLS", 60 * 50)  # 50 users at once
    monkeypatch.setattr(recommending, "PAGE", 1_000.0)  # more than there is
    told = {"user": "user", "item": "film", "out": str(tmp_path / "run"), "threads": 1,
            "time_limit": "100s"}  # fmt: skip
    options = RecommendOptions().with_values(told)
    made = recommending.run(str(folder / "watched.csv"), options, budget=Budget.begin(100.0))
    assert made.facts["recommended_users"] == 50
    assert "W-REC-010" in {one["code"] for one in made.facts["warnings"]}
    assert made.facts == facts_of(tmp_path / "run")
    lists = pl.read_parquet(tmp_path / "run" / "recommendations.parquet")
    assert lists.group_by("user").len()["len"].to_list() == [10] * 50


@pytest.mark.alone
def test_the_time_limit_holds_with_lists_and_saving_included(
    tastes: Tastes, tmp_path: Path
) -> None:
    path, out = tmp_path / "many.parquet", tmp_path / "run"
    frame = tastes(4_000, 3_000, 30)
    frame.write_parquet(path)
    told = {"user": "user", "item": "film", "timestamp": "when", "out": str(out),
            "time_limit": "8s", "threads": 1}  # fmt: skip
    began = time.monotonic()
    options = RecommendOptions().with_values(told)
    facts = recommending.run(str(path), options, budget=Budget.begin(8.0)).facts
    assert time.monotonic() - began < 10.0
    assert facts["limits"]["time_limit"] == 8.0
    assert (out / "model.lode").exists()
