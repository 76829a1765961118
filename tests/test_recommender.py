"""Recommender: an estimator of scikit-learn's manners, from any frame, kept whole by its file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from deeplode import Recommender, load
from deeplode.errors import DataError, DeeplodeError, OptionError
from deeplode.recommenders.blend import Blend
from deeplode.recommenders.histories import Histories

Tastes = Callable[..., pl.DataFrame]
TOLD: dict[str, Any] = {"user": "user", "item": "film", "rating": "stars", "timestamp": "when",
                        "seed": 0, "threads": 1}  # fmt: skip

pytestmark = pytest.mark.usefixtures("short_nets")


@pytest.fixture(scope="module")
def watched(tastes: Tastes) -> pl.DataFrame:
    return tastes()


@pytest.fixture(scope="module")
def films() -> pl.DataFrame:
    kind = ["abcd"[at % 4] for at in range(100, 160)]
    return pl.DataFrame(
        {"film": range(100, 160), "title": [f"Film {at}" for at in range(100, 160)], "kind": kind}
    )


@pytest.fixture(scope="module")
def fitted(watched: pl.DataFrame, films: pl.DataFrame) -> Recommender:
    return Recommender(**TOLD).fit(watched, items=films)


def test_parameters_come_back_and_a_clone_is_unfitted_with_the_same(fitted: Recommender) -> None:
    assert {name: fitted.get_params()[name] for name in TOLD} == TOLD
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert copy.set_params(top=3).top == 3
    for call in (copy.recommend, lambda: copy.similar_items(100), lambda: copy.explain("a", 1)):
        with pytest.raises(NotFittedError):
            call()


def test_frames_of_any_library_and_rows_as_dicts_give_the_same_lists_and_stay_as_they_are(
    fitted: Recommender, watched: pl.DataFrame, films: pl.DataFrame
) -> None:
    wanted = fitted.recommend()
    pandas = watched.to_pandas()
    before = pandas.copy()
    dicts = watched.to_dicts()
    for given in (pandas, watched.to_arrow(), dicts):
        assert clone(fitted).fit(given, items=films).recommend().equals(wanted)
    pd.testing.assert_frame_equal(pandas, before)
    assert dicts == watched.to_dicts()


def test_the_same_seed_gives_the_same_bits_in_any_order_of_rows(
    fitted: Recommender, watched: pl.DataFrame, films: pl.DataFrame
) -> None:
    again = clone(fitted).fit(watched.sample(fraction=1, shuffle=True, seed=1), items=films)
    one, two = fitted.model_.arrays(), again.model_.arrays()
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_file_keeps_the_answers(fitted: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "next.lode"
    fitted.save(path)
    read = load(path)
    assert isinstance(read, Recommender)
    assert read.recommend().equals(fitted.recommend())
    assert read.similar_items(100).equals(fitted.similar_items(100))
    assert read.get_params()["rating"] == "stars"
    read.save(tmp_path / "again.lode")
    assert (tmp_path / "again.lode").read_bytes() == path.read_bytes()
    with pytest.raises(OptionError):
        fitted.save(path)


def test_a_model_file_holds_neither_lists_of_single_users_nor_paths(
    fitted: Recommender, tmp_path: Path
) -> None:
    path = tmp_path / "next.lode"
    fitted.save(path)
    with zipfile.ZipFile(path) as archive:
        card = json.loads(archive.read("card.json"))
    assert fitted.facts_["samples"]
    assert not {"samples", "options", "files"} & card.keys()
    assert card["metrics"] == fitted.facts_["metrics"]
    assert not [one["user"] for one in fitted.facts_["samples"] if one["user"] in json.dumps(card)]


def test_lists_are_of_the_users_asked_for_each_once_in_their_order(fitted: Recommender) -> None:
    lists = fitted.recommend(["u007", "nobody", "u003", "u007", None, ""], k=2)
    assert lists["user"].to_list() == ["u007", "u007", "nobody", "nobody", "u003", "u003"]
    assert lists["flags"].to_list() == ["", "", "no_history", "no_history", "", ""]
    assert lists.columns == ["user", "rank", "item", "title", "score", "because", "flags"]
    assert fitted.recommend("u007", k=2).equals(lists[:2])
    assert fitted.recommend(pd.Series(["u007"]), k=2).equals(lists[:2])
    assert fitted.recommend(np.array(["u007"]), k=2).equals(lists[:2])
    assert fitted.recommend([]).is_empty()


def test_users_and_items_may_be_named_by_a_frame_with_their_column(fitted: Recommender) -> None:
    wanted = fitted.recommend(["u007", "u003"], k=2, exclude=[100])
    rows = {"user": ["u007", "u003"]}
    for users in (pl.DataFrame(rows), pd.DataFrame(rows), pl.DataFrame(rows).to_arrow()):
        for exclude in (pl.Series([100]), np.array([100]), {100}, pd.DataFrame({"film": [100]})):
            assert fitted.recommend(users, k=2, exclude=exclude).equals(wanted)
    near = fitted.similar_items(pd.DataFrame({"film": [100], "x": [1]}))
    assert near.equals(fitted.similar_items(100))
    with pytest.raises(DataError) as error:
        fitted.recommend(pd.DataFrame({"usr": ["u007"]}))
    assert error.value.code == "E-DATA-045"


@pytest.mark.parametrize("wrong", [[[1], [2]], np.array([[1], [2]]), [{1}, {2}]])
def test_what_is_no_id_is_refused(fitted: Recommender, wrong: Any) -> None:
    for call in (fitted.recommend, fitted.similar_items):
        with pytest.raises(DataError) as error:
            call(wrong)
        assert error.value.code == "E-DATA-208"


@pytest.mark.parametrize("k", [0, -1, "3", 2.5])
def test_a_list_has_a_whole_number_of_items(fitted: Recommender, k: Any) -> None:
    with pytest.raises(OptionError) as error:
        fitted.recommend(["u007"], k=k)
    assert error.value.code == "E-OPT-004"


def test_no_rows_at_all_are_said_to_be_none() -> None:
    with pytest.raises(DataError) as error:
        Recommender().fit(pd.DataFrame({"user": [], "item": []}))
    assert error.value.code == "E-DATA-006"


def test_whoever_else_is_asked_for_changes_nobodys_list(fitted: Recommender) -> None:
    one, all_ = fitted.recommend(["u007"]), fitted.recommend()
    same = all_.filter(pl.col("user") == "u007")
    assert one.equals(same)  # to the last bit


def test_somebody_new_is_known_by_a_history_and_a_known_users_grows(
    fitted: Recommender, watched: pl.DataFrame
) -> None:
    history = [{"user": "new", "film": film, "stars": 5} for film in (100, 104, 108)]
    history += [{"user": "u003", "film": "112", "stars": 4}]
    lists = fitted.recommend(["new"], k=60, history=history)
    assert set(lists["user"]) == {"new"}
    assert lists["item"].to_list()[0] % 4 == 0
    assert not {100, 104, 108} & set(lists["item"])
    of_history = fitted.recommend(history=pl.DataFrame(history, strict=False))
    assert of_history["user"].unique(maintain_order=True).to_list() == ["new", "u003"]
    had = watched.filter(pl.col("user") == "u003")["film"].to_list()
    mine = fitted.recommend(["u003"], k=60, history=history)["item"].to_list()
    assert sorted([*mine, *{112, *had}]) == list(range(100, 160))
    assert fitted.predict(pl.DataFrame({"user": ["u003"] * 3})).equals(fitted.recommend(["u003"]))


def test_rows_without_times_are_in_order_of_time(fitted: Recommender) -> None:
    rows = [{"user": "new", "film": film, "stars": 5} for film in (150, 101, 120, 108)]
    for told in (rows, rows[::-1]):
        dated = [{**row, "when": at} for at, row in enumerate(told)]
        assert fitted.predict(told).equals(fitted.predict(dated[::-1]))
    assert not fitted.predict(rows).equals(fitted.predict(rows[::-1]))


def test_what_a_new_user_disliked_is_no_taste_and_does_not_come_back(fitted: Recommender) -> None:
    history = [{"user": "new", "film": film, "stars": 1} for film in (100, 104)]
    lists = fitted.recommend(["new"], k=60, history=history)
    assert set(lists["flags"]) == {"no_history"}
    assert not {100, 104} & set(lists["item"])


@pytest.mark.parametrize(
    ("history", "column"),
    [([{"user": "new", "stars": 5}], "film"), ([{"film": 100, "stars": 5}], "user")],
)
def test_a_history_that_lacks_a_column_names_it(
    fitted: Recommender, history: list[dict[str, Any]], column: str
) -> None:
    with pytest.raises(DataError) as error:
        fitted.recommend(["new"], history=history)
    assert error.value.code == "E-DATA-045"
    assert error.value.as_json()["column"] == column
    assert fitted.recommend(["u007"], history=[]).equals(fitted.recommend(["u007"]))


def test_only_and_exclude_take_lists_or_frames(fitted: Recommender) -> None:
    assert set(fitted.recommend(["new"], only=[100, "101"])["item"]) == {100, 101}
    whole = fitted.recommend(["new", "other"], k=60)
    assert not {100, 101} & set(fitted.recommend(["new"], k=60, exclude=[100, 101])["item"])
    of_new = pl.DataFrame({"user": ["new"], "film": [100]})
    lists = fitted.recommend(["new", "other"], k=60, exclude=of_new)
    assert len(lists) == len(whole) - 1
    assert lists.filter(pl.col("user") == "new")["item"].to_list().count(100) == 0
    for wrong, code in (
        ({"only": [5]}, "E-DATA-204"),
        ({"exclude": range(100, 160)}, "E-DATA-207"),
    ):
        with pytest.raises(DataError) as error:
            fitted.recommend(["new"], **wrong)
        assert error.value.code == code


def test_similar_items_are_of_the_same_taste(fitted: Recommender) -> None:
    near = fitted.similar_items(100, k=5)
    assert near.columns == ["item", "rank", "similar", "title", "similarity"]
    assert sum(one % 4 == 0 for one in near["similar"]) >= 4
    assert near["similarity"].is_sorted(descending=True)
    assert 100 not in near["similar"]
    assert fitted.similar_items("100", k=5)["similar"].equals(near["similar"])
    assert fitted.similar_items([100, 101], k=5)["item"].to_list() == [100] * 5 + [101] * 5
    for wrong in (99, None, [100, 99]):
        with pytest.raises(OptionError) as error:
            fitted.similar_items(wrong)
        assert error.value.code == "E-OPT-245"
    with pytest.raises(OptionError):
        fitted.similar_items(100, k=0)


def test_explain_tells_by_how_much_the_score_falls_without_each_item(fitted: Recommender) -> None:
    best = fitted.recommend(["u007"])["item"][0]
    told = fitted.explain("u007", best)
    assert told.columns == ["item", "title", "effect"]
    assert told["effect"].is_sorted(descending=True)
    known = fitted.model_.catalogue
    had = known.known.rows(known.places_of(pl.Series(["u007"]), items=False))
    assert sorted(told["item"]) == sorted(known.items.gather(had.item))
    gone = known.places_of(told["item"][:1])[0]
    less = Histories(60, np.array([0, len(had.item) - 1]), had.item[had.item != gone])
    place = known.places_of(pl.Series([best]))[0]
    whole, without = (fitted.model_.blend.scores(one)[0, place] for one in (had, less))
    assert told["effect"][0] == pytest.approx(whole - without, abs=1e-6)
    for user, item, code in (("nobody", best, "E-OPT-246"), ("u007", 9, "E-OPT-245")):
        with pytest.raises(OptionError) as error:
            fitted.explain(user, item)
        assert error.value.code == code


def test_effects_add_up_to_the_score_where_the_model_is_linear(fitted: Recommender) -> None:
    model, known = fitted.model_, fitted.model_.catalogue
    scorer = model.blend.scorers["item_knn"]
    had = known.known.rows(np.array([7]))
    alone = [Histories(60, np.array([0, 1]), np.array([one])) for one in had.item]
    parts = sum(scorer.scores(one)[0] for one in alone)
    assert np.allclose(parts, scorer.scores(had)[0], atol=1e-5)
    assert isinstance(model.blend, Blend)


def test_score_is_the_quality_of_lists_by_what_came_after(fitted: Recommender) -> None:
    best = fitted.recommend().filter(pl.col("rank") == 1)
    took = best.select("user", film="item", stars=pl.lit(5), when=pl.lit(1_800_000_000))
    assert fitted.score(took) == 1
    low = took.with_columns(stars=pl.lit(1))  # disliked: nothing that was wanted
    with pytest.raises(DataError) as error:
        fitted.score(low)
    assert error.value.code == "E-DATA-206"


def test_amounts_of_nothing_are_not_taken_for_liking() -> None:
    chance = np.random.default_rng(0)
    plays = pl.DataFrame(
        {
            "user": np.repeat(np.arange(50), 10),
            "item": chance.integers(0, 30, 500),
            "plays": np.where(chance.random(500) < 0.02, 400, 1 + chance.poisson(2, 500)),
        }
    )
    model = Recommender(rating="plays", threads=1).fit(plays)
    assert model.model_.catalogue.least is None
    told = [{"user": "new", "item": 3, "plays": 0}]
    assert set(model.recommend(["new"], history=told)["flags"]) == {"no_history"}
    assert 3 not in model.recommend(["new"], k=30, history=told)["item"]


def test_the_page_and_the_notebook_say_what_was_learned(
    fitted: Recommender, tmp_path: Path
) -> None:
    html = fitted._repr_html_()
    assert "Recommender" in html
    assert "film" in html
    assert "Recommender" in Recommender()._repr_html_()
    fitted.report(tmp_path / "page.html", language="zh")
    assert "推荐" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"top": 0}, "E-OPT-004"),
        ({"duplicates": "first"}, "E-OPT-002"),
        ({"split": "time", "timestamp": None}, "E-OPT-241"),
        ({"item": "user"}, "E-OPT-242"),
        ({"memory_limit": "1MB"}, "E-LIMIT"),
        ({"rating": "star"}, "E-DATA-045"),
    ],
)
def test_choices_that_make_no_sense_are_said_at_fit(
    watched: pl.DataFrame, told: dict[str, Any], code: str
) -> None:
    with pytest.raises(DeeplodeError) as error:
        Recommender(**{**TOLD, **told}).fit(watched)
    assert error.value.code.startswith(code)


def test_new_items_are_recommended_by_their_columns_and_the_model_stays_as_it_was(
    fitted: Recommender, watched: pl.DataFrame
) -> None:
    before = fitted.recommend()
    new = [{"film": 500 + at, "title": f"New {at}", "kind": "abcd"[at % 4]} for at in range(4)]
    lists = fitted.recommend(["u000"], k=100, items=new)
    had = watched.filter(pl.col("user") == "u000")["film"].to_list()
    assert sorted(lists["item"]) == sorted({*range(100, 160), *range(500, 504)} - set(had))
    assert lists.filter(pl.col("item") == 500)["title"].item() == "New 0"
    assert set(fitted.recommend(["u000"], items=new, only=[500, 502])["item"]) == {500, 502}
    assert fitted.recommend().equals(before)
    for wrong, column in (([{"movie": 1, "kind": "a"}], "film"), ([{"film": 500}], "kind")):
        with pytest.raises(DataError) as error:
            fitted.recommend(["u000"], items=wrong)
        assert error.value.as_json()["column"] == column
    with pytest.raises(DataError) as error:
        fitted.recommend(["u000"], items=[*new, new[0]])
    assert error.value.code == "E-DATA-202"


def test_a_model_that_learned_nothing_of_columns_takes_no_new_items(watched: pl.DataFrame) -> None:
    plain = Recommender(**TOLD).fit(watched)
    with pytest.raises(OptionError) as error:
        plain.recommend(["u000"], items=[{"film": 500}])
    assert error.value.code == "E-OPT-248"


def test_users_columns_answer_where_there_is_no_history_in_any_form_of_ids(
    watched: pl.DataFrame, films: pl.DataFrame
) -> None:
    taste = {"user": [f"u{at:03}" for at in range(240)], "taste": [*"abcd"] * 60}
    made = Recommender(**TOLD).fit(watched, items=films, users=pl.DataFrame(taste))
    new = pl.DataFrame({"user": ["n1", "n2", "n1"], "taste": ["a", None, "b"]})
    lists = made.recommend(history=new.drop("taste"), k=3)
    assert lists["user"].to_list() == ["n1"] * 3 + ["n2"] * 3
    lists = made.predict(new)
    assert set(lists["flags"]) == {"no_history"}
    assert lists["user"].unique(maintain_order=True).to_list() == ["n1", "n2"]
    blanks = new.with_columns(user=pl.lit(" ") + pl.col("user"))
    assert made.predict(blanks).equals(lists)
