"""What would move rows between groups: confirmed by the model itself, counted on held rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode import Clusterer, load
from deeplode.clusters import embedding, number
from deeplode.errors import OptionError

ROWS = 600


def frame() -> pl.DataFrame:
    """Two groups that one number and one level tell apart; a third column says nothing."""
    chance = np.random.default_rng(0)
    group = np.arange(ROWS) % 2
    return pl.DataFrame(
        {
            "spent": np.where(group, 90, 10) + chance.normal(0, 6, ROWS).round(2),
            "visits": (np.where(group, 12, 4) + chance.integers(-2, 3, ROWS)).astype(np.int64),
            "plan": np.where(chance.random(ROWS) < 0.9, group, 1 - group).astype(str),
            "noise": chance.normal(size=ROWS),
        }
    ).with_columns(pl.col("plan").replace_strict({"0": "basic", "1": "gold"}))


@pytest.fixture(scope="module")
def fitted() -> Clusterer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "STEPS", 60)
        patch.setattr(number, "HALVES", 2)
        return Clusterer(clusters=2, threads=1).fit(frame())


def changed(row: pl.DataFrame, told: dict[str, object]) -> pl.DataFrame:
    """A row with what ``moves`` tells of it."""
    for at in (1, 2):
        if (name := told[f"column_{at}"]) is not None:
            cell = pl.lit(told[f"value_{at}"]).cast(row.schema[str(name)])
            row = row.with_columns(cell.alias(str(name)))
    return row


def test_every_change_that_is_told_moves_its_row(fitted: Clusterer) -> None:
    rows = frame()[:60]
    told = fitted.moves(rows)
    assert told["id"].to_list() == list(range(60))
    moving = told.filter(pl.col("column_1").is_not_null())
    assert len(moving) >= 50
    for one in moving.iter_rows(named=True):
        answer = fitted.predict_proba(changed(rows[one["id"]], one)).argmax() + 1
        assert answer == one["to"] != one["cluster"], one


def test_the_least_change_is_told_and_no_column_that_says_nothing(fitted: Clusterer) -> None:
    told = fitted.moves(frame()[:60])
    named = {*told["column_1"].drop_nulls(), *told["column_2"].drop_nulls()}
    assert named <= {"spent", "visits", "plan"}
    one = told.filter(pl.col("column_1").is_not_null() & pl.col("column_2").is_null())
    spent = one.filter(pl.col("column_1") == "spent")["value_1"].cast(pl.Float64)
    assert spent.is_between(10, 90).all()  # on the way, not beyond what is typical
    visits = pl.concat(
        [told.filter(pl.col(f"column_{at}") == "visits")[f"value_{at}"] for at in (1, 2)]
    )
    assert all(one.isdigit() for one in visits)  # whole numbers stay whole


def test_shares_are_those_of_held_rows_that_the_model_moves(fitted: Clusterer) -> None:
    moves = fitted.facts_["moves"]
    assert [(one["from"], one["to"]) for one in moves] == [(1, 2), (2, 1)]
    for one in moves:
        for change in one["changes"]:
            assert change["low"] <= change["share"] <= change["high"]
            assert 0 <= change["inside"] <= 1
        last = one["changes"][-1]
        held = np.random.default_rng(0).permutation(ROWS)[: ROWS // 4]
        rows = frame()[np.sort(held)]
        own = rows.filter(pl.Series(fitted.predict(rows) == one["from"] - 1))
        cells = zip(last["columns"], last["cells"], strict=True)
        other = own.with_columns(
            pl.lit(cell).cast(own.schema[name]).alias(name) for name, cell in cells
        )
        answers = fitted.predict_proba(other).argmax(1) + 1
        assert one["rows"] == len(own)
        assert last["share"] == pytest.approx((answers == one["to"]).mean())
    assert max(one["changes"][-1]["share"] for one in moves) > 0.9


def test_a_file_keeps_what_is_typical_and_odd_cells_are_refused(
    fitted: Clusterer, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "groups.lode")
    read = load(tmp_path / "groups.lode")
    assert read.moves(frame()[:20]).equals(fitted.moves(frame()[:20]))
    model = fitted.model_
    for name, cells in (("spent", [1.0]), ("nobody", [1.0, 2.0]), ("spent", [1.0, [2.0]])):
        facts = {**model.facts(), "typical": {name: cells}}
        with pytest.raises(ValueError, match="typical"):
            type(model).restore(facts, model.arrays())


def test_one_group_has_no_moves() -> None:
    rows = np.random.default_rng(0).random((60, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "STEPS", 20)
        patch.setattr(number, "HALVES", 2)
        alone = Clusterer(clusters=1, threads=1).fit(rows)
    assert alone.facts_["moves"] == []
    told = alone.moves(rows[:3])
    assert told["cluster"].to_list() == told["to"].to_list() == [1, 1, 1]
    assert told["column_1"].null_count() == 3


def test_communities_have_no_columns_that_move() -> None:
    ends = pl.DataFrame({"source": [0, 1, 2, 3, 4, 5], "target": [1, 2, 0, 4, 5, 3]})
    made = Clusterer(edges=ends, threads=1).fit(np.arange(6.0)[:, None])
    with pytest.raises(OptionError) as caught:
        made.moves(np.arange(6.0)[:, None])
    assert caught.value.code == "E-OPT-233"
