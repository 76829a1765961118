"""Suspects among the training rows."""

import numpy as np
import polars as pl
import pytest

from deeplode.data.audit import Audit, audit
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table

ROWS = 600
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=ROWS)
CLASSES = RNG.integers(0, 2, ROWS)
THREE = RNG.integers(0, 3, ROWS)
AMOUNTS = np.exp(RNG.normal(size=ROWS))


def look(target, keep=(), **columns) -> Audit:
    frame = pl.DataFrame({"noise": NOISE, **columns})
    table = Table.of(frame)
    return audit(table, infer(table, Roles()), np.asarray(target), keep)


def codes(found: Audit) -> list[str]:
    return [notice.code for notice in found.notices]


@pytest.mark.parametrize(
    ("target", "copy"),
    [
        (CLASSES, np.where(CLASSES == 1, "yes", "no")),
        (CLASSES, 7 * CLASSES + 3),
        (THREE, np.array(["c", "a", "b"])[THREE]),
        (AMOUNTS, 2.5 * AMOUNTS + 1),
        (AMOUNTS, -AMOUNTS),
        (AMOUNTS, np.log(AMOUNTS)),
    ],
    ids=["words", "numbers", "three classes", "linear", "upside down", "logarithm"],
)
def test_the_target_under_another_name_is_left_out_and_named(target, copy):
    found = look(target, copy=copy)
    assert found.leave_out == ("copy",)
    assert codes(found) == ["W-AUDIT-001"]
    assert "'copy'" in found.notices[0].message()


def test_a_copy_that_the_user_keeps_stays_with_a_warning():
    found = look(CLASSES, keep=["copy"], copy=CLASSES + 5)
    assert found.leave_out == ()
    assert codes(found) == ["W-AUDIT-002"]


def test_a_model_of_the_only_column_is_better_than_none():
    table = Table.of(pl.DataFrame({"copy": np.where(CLASSES == 1, "yes", "no")}))
    assert audit(table, infer(table, Roles()), CLASSES).leave_out == ()


@pytest.mark.parametrize(
    ("target", "leak"),
    [
        (CLASSES, CLASSES * 10 + NOISE),
        (THREE, THREE * 100 + NOISE),
        (CLASSES, np.array(list("abcdefgh"))[4 * CLASSES + RNG.integers(0, 4, ROWS)]),
        (AMOUNTS, AMOUNTS + 1e-4 * NOISE),
    ],
    ids=["apart", "three apart", "words", "rounded"],
)
def test_a_column_that_gives_the_target_away_is_suspected_but_stays(target, leak):
    found = look(target, leak=leak)
    assert found.leave_out == ()
    assert codes(found) == ["W-AUDIT-002"]
    assert found.notices[0].column == "leak"
    assert float(found.notices[0].values["score"]) > 0.999


def test_a_missing_value_beside_a_copy_of_the_target_is_no_way_out():
    copy = [None if row == 7 else int(value) for row, value in enumerate(CLASSES)]
    found = look(CLASSES, copy=pl.Series(copy).cast(pl.String) + "x")
    assert "copy" in [notice.column for notice in found.notices]


def test_parts_that_add_up_to_the_target_are_named():
    part, other = RNG.exponential(size=(2, ROWS))
    found = look(part + other, part=part, other=other)
    assert codes(found) == ["W-AUDIT-003"]
    assert "'part'" in found.notices[0].message()
    assert "'other'" in found.notices[0].message()


def test_gaps_that_are_one_class_are_suspected():
    late = [None if value else float(noise) for value, noise in zip(CLASSES, NOISE, strict=True)]
    found = look(CLASSES, late=late)
    assert "late" in [notice.column for notice in found.notices]
    assert found.leave_out == ()


def test_useless_and_useful_columns_raise_no_alarm():
    found = look(CLASSES, useful=CLASSES + NOISE, word=np.array(["a", "b", "c"])[THREE])
    assert found == Audit()


def test_a_rare_class_does_not_make_every_column_look_perfect():
    rare = np.zeros(ROWS, dtype=np.int64)
    rare[:2] = 1
    assert look(rare, word=np.array(["a", "b", "c"])[THREE]) == Audit()


def test_copies_of_rows_are_counted():
    twice = np.tile(np.arange(ROWS // 2), 2)
    table = Table.of(pl.DataFrame({"x": NOISE[twice], "y": AMOUNTS[twice]}))
    (notice,) = audit(table, infer(table, Roles()), CLASSES[twice]).notices
    assert notice.code == "W-AUDIT-005"
    assert notice.values == {"copies": ROWS // 2, "rows": ROWS}


def test_columns_that_say_the_same_in_other_units_are_paired():
    found = look(CLASSES, miles=AMOUNTS, kilometres=1.609 * AMOUNTS)
    assert codes(found) == ["W-AUDIT-006"]
    assert "'kilometres' = 'miles'" in found.notices[0].message()


def test_files_of_the_same_numbering_are_no_copies_but_the_same_files_are():
    photo, voice = ([f"{n:03}.{end}" for n in range(ROWS)] for end in ("png", "wav"))
    frame = pl.DataFrame({"photo": photo, "voice": voice, "again": photo})
    kinds = {"photo": "image", "voice": "audio", "again": "image"}
    table = Table.of(frame)
    schema = infer(table, Roles(), kinds)
    assert audit(table, schema.without(["again"]), CLASSES) == Audit()
    found = audit(table, schema, CLASSES)
    assert codes(found) == ["W-AUDIT-006"]
    assert "'again' = 'photo'" in found.notices[0].message()


def test_categories_that_hardly_repeat_are_named():
    lonely = [f"T{n * 2 // 3}" for n in range(ROWS)]
    found = look(CLASSES, ticket=lonely)
    assert codes(found) == ["W-AUDIT-007"]


def test_few_rows_prove_nothing():
    table = Table.of(pl.DataFrame({"x": NOISE[:40], "copy": CLASSES[:40] + 1}))
    assert audit(table, infer(table, Roles()), CLASSES[:40]) == Audit()


def test_thousands_of_columns_are_audited_without_looking_at_all_pairs():
    table = Table.of(pl.DataFrame(np.random.default_rng(0).normal(size=(100, 3_000))))
    found = audit(table, infer(table, Roles()), CLASSES[:100])
    assert found == Audit()


@pytest.mark.parametrize(
    ("name", "target", "drop", "expected"),
    [
        ("adult", "income", ["split"], []),
        ("california_housing", "median_house_value", [], []),
        ("diamonds", "price", [], []),
        ("nyc_taxis", "fare", [], ["total"]),
        ("nyc_taxis", "fare", ["total", "tip", "tolls"], []),
        ("bike_sharing_hour", "cnt", [], ["registered"]),
    ],
)
def test_real_tables_raise_the_alarms_they_should_and_no_others(
    shared_tables, name, target, drop, expected
):
    table = Table.of(shared_tables(name).drop(drop))
    answer = table.frame[target]
    classes = answer.dtype == pl.String
    goal = answer.rank("dense").cast(pl.Int64) if classes else answer.cast(pl.Float64)
    found = audit(table, infer(table, Roles(target=target)), goal.to_numpy())
    assert [notice.column for notice in found.notices] == expected
    assert found.leave_out == ()
