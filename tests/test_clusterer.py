"""Clusterer keeps scikit-learn's contract, says when there are no groups, and a file keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from deeplode import Clusterer, load
from deeplode.clusters import embedding, number
from deeplode.errors import DataError, OptionError


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "STEPS", 60)  # how it behaves is asked, not how well
    monkeypatch.setattr(number, "HALVES", 3)
    monkeypatch.setattr(number, "WAIT", 2)


@parametrize_with_checks([Clusterer(threads=1)])
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def customers(rows: int = 600) -> pl.DataFrame:
    """Three groups that differ in a number, a level and words."""
    chance = np.random.default_rng(0)
    group = np.arange(rows) % 3
    says = np.array(["cheap delivery late", "lovely quality gift", "wholesale invoice order"])
    return pl.DataFrame(
        {
            "age": chance.normal(np.array([25, 45, 65])[group], 3).round(1),
            "spent": chance.normal(np.array([10, 200, 60])[group], 8).round(2),
            "plan": np.array(["basic", "gold", "trade"])[group],
            "note": [f"{says[one]} {chance.integers(99)} {chance.integers(99)}" for one in group],
            "noise": chance.normal(size=rows),
            "segment": np.array(["young", "rich", "firm"])[group],
        }
    )


@pytest.fixture(scope="module")
def fitted() -> Clusterer:
    patch = pytest.MonkeyPatch()
    patch.setattr(embedding, "STEPS", 60)
    patch.setattr(number, "HALVES", 3)
    made = Clusterer(seed=0, threads=1).fit(customers().drop("segment"))
    patch.undo()
    return made


def test_groups_are_found_and_named_by_what_sets_them_apart(fitted: Clusterer) -> None:
    assert sorted(np.unique(fitted.labels_[fitted.labels_ >= 0])) == [0, 1, 2]
    truth = customers()["segment"].to_numpy()
    for label in range(3):
        assert len(set(truth[fitted.labels_ == label])) == 1
    names = " ".join(group["name"] for group in fitted.facts_["groups"])
    assert "plan" in names or "spent" in names
    columns = {one["rule"]["column"] for one in fitted.facts_["findings"]}
    assert {"age", "spent", "plan", "note"} <= columns
    assert "noise" not in columns
    assert fitted.facts_["clusters"]["value"] == 3
    verdict = fitted.facts_["verdict"]
    assert verdict["signal"] is True
    told = {True: "V-057", False: "V-058", "unclear": "V-059"}[verdict["deep_pays"]]
    assert verdict["sentences"][-1]["code"] == told


def test_a_file_keeps_the_answers_and_the_same_seed_gives_the_same(
    fitted: Clusterer, tmp_path: Path
) -> None:
    frame = customers().drop("segment")
    fitted.save(tmp_path / "groups.lode")
    read = load(tmp_path / "groups.lode")
    assert isinstance(read, Clusterer)
    assert np.array_equal(read.predict_proba(frame), fitted.predict_proba(frame))
    assert "map" in fitted.facts_
    assert "map" not in read.facts_  # no single rows in a file
    again = clone(fitted).fit(frame)
    assert np.array_equal(again.labels_, fitted.labels_)
    with pytest.raises(OptionError):
        fitted.save(tmp_path / "groups.lode")


def test_training_rows_get_their_own_group_in_any_order_and_beside_any_others(
    fitted: Clusterer,
) -> None:
    frame = customers().drop("segment")
    assert np.array_equal(fitted.predict(frame).to_numpy(), fitted.labels_)
    some = np.array([7, 3, 500])
    assert np.allclose(fitted.predict_proba(frame[some]), fitted.predict_proba(frame)[some])
    assert fitted.transform(frame).shape[0] == len(frame)
    table = fitted.predict_frame(frame)
    assert table.columns == ["id", "cluster", "probability", "flags"]
    assert (table["cluster"].to_numpy() == fitted.labels_ + 1).all()


def test_a_row_far_from_all_belongs_nowhere(fitted: Clusterer) -> None:
    odd = (
        customers()
        .drop("segment")[:2]
        .with_columns(pl.Series("age", [900.0, 25.0]), pl.Series("spent", [-9e5, 10.0]))
    )
    assert fitted.predict(odd).to_list()[0] == -1


def test_frames_keep_their_library_and_index(fitted: Clusterer) -> None:
    frame = customers().drop("segment").to_pandas()
    frame.index = np.arange(len(frame)) * 2
    told = fitted.predict(frame)
    assert isinstance(told, pd.Series)
    assert told.index.equals(frame.index)
    assert "Clusterer" in fitted._repr_html_()


def test_noise_is_one_group_and_the_number_asked_for_is_a_division() -> None:
    x = np.random.default_rng(5).normal(size=(500, 4))
    made = Clusterer(threads=1).fit(x)
    assert made.facts_["clusters"]["value"] == 1
    assert made.facts_["verdict"]["signal"] is False
    assert set(made.labels_) <= {0, -1}
    cut = Clusterer(clusters=4, threads=1).fit(x)
    assert len(set(cut.labels_) - {-1}) == 4
    assert cut.facts_["verdict"]["signal"] is False


def test_categories_that_have_nothing_to_do_with_each_other_form_no_groups() -> None:
    chance = np.random.default_rng(0)
    levels = {"plan": list("abc"), "paid": list("xy"), "region": list("klmn")}
    frame = pl.DataFrame({name: chance.choice(own, 500) for name, own in levels.items()})
    assert Clusterer(threads=1).fit(frame).facts_["clusters"]["value"] == 1


def test_numbers_at_the_end_of_what_can_be_written_are_no_obstacle() -> None:
    chance = np.random.default_rng(0)
    frame = {"huge": chance.normal(size=300) * 1e300, "plain": chance.normal(size=300)}
    assert len(Clusterer(clusters=3, threads=1).fit(pl.DataFrame(frame)).labels_) == 300


def test_more_clusters_than_rows_and_odd_numbers_are_refused() -> None:
    x = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(DataError) as error:
        Clusterer(clusters=11).fit(x)
    assert error.value.code == "E-DATA-160"
    for odd, code in ((0, "E-OPT-005"), ("many", "E-OPT-005"), (2.5, "E-OPT-008")):
        with pytest.raises(OptionError) as refused:
            Clusterer(clusters=odd).fit(x)
        assert refused.value.code == code
    with pytest.raises(DataError) as error:
        Clusterer().fit(pl.DataFrame({"same": [1] * 30}))
    assert error.value.code == "E-DATA-040"
