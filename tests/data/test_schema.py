"""Kinds of columns, found on training rows."""

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from deeplode.data.schema import Column, Kind, Roles, Schema, infer, row_weights
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError

ROWS = 200
DIGITS = np.random.default_rng(0)


def kind_of(values, name="column", **options):
    """The column that these cells make, beside a plain one."""
    series = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
    frame = pl.DataFrame({name: series, "beside": DIGITS.normal(size=len(series))})
    return infer(Table.of(frame), Roles(), **options)[name]


def repeat(*values):
    return (list(values) * ROWS)[:ROWS]


WHO = ("we", "the others", "my boss", "nobody")
SAYS = ("came late", "liked it", "is here", "was told so", "left", "will call", "paid")
FIRST = ("Ann", "Bo", "Cleo", "Dirk", "Eve", "Finn")
LAST = ("Abbott", "Braund", "Cumings", "Dooley", "Emir", "Futrelle", "Graham", "Heikkinen")

FOUND = {
    "floats": (DIGITS.normal(size=ROWS).tolist(), Kind.NUMBER),
    "integers": (DIGITS.integers(0, 10**6, ROWS).tolist(), Kind.NUMBER),
    "money": ([f"${n:,}.50" for n in range(1_000, 1_000 + ROWS)], Kind.NUMBER),
    "euros": ([f"{n},25 €" for n in range(ROWS)], Kind.NUMBER),
    "percent": ([f"{n % 97}%" for n in range(ROWS)], Kind.NUMBER),
    "yuan": ([f"{n % 97}元" for n in range(ROWS)], Kind.NUMBER),
    "accounting": ([f"({n})" if n % 2 else f"{n}" for n in range(ROWS)], Kind.NUMBER),
    "numbers with n/a": (repeat("1.5", "2.5", "n/a", "4.25", "?"), Kind.NUMBER),
    "a few words among numbers": ([*map(str, range(ROWS - 5)), *["broken"] * 5], Kind.NUMBER),
    "spans": ([timedelta(hours=n) for n in range(ROWS)], Kind.NUMBER),
    "words": (repeat("red", "green", "blue"), Kind.CATEGORY),
    "two words": (repeat("male", "female"), Kind.CATEGORY),
    "codes with zeros in front": (repeat("01234", "04321", "00999"), Kind.CATEGORY),
    "numbers and as many words": (repeat("1", "2", "three", "four"), Kind.CATEGORY),
    "truths": (repeat(True, False, None), Kind.BOOLEAN),
    "yes and no": (repeat("Yes", "no", "NO", None), Kind.BOOLEAN),
    "y and n": (repeat("y", "n"), Kind.BOOLEAN),
    "Chinese yes and no": (repeat("是", "否"), Kind.BOOLEAN),
    "0 and 1": (repeat(0, 1, 1), Kind.BOOLEAN),
    "0 and 1 with gaps": (repeat(0.0, 1.0, None), Kind.BOOLEAN),
    "1 and 2": (repeat(1, 2), Kind.NUMBER),
    "ISO dates": ([f"2024-03-{n % 28 + 1:02}" for n in range(ROWS)], Kind.DATETIME),
    "slashed dates": ([f"{n % 28 + 1}/3/2024" for n in range(ROWS)], Kind.DATETIME),
    "Chinese dates": ([f"2024年3月{n % 28 + 1}日" for n in range(ROWS)], Kind.DATETIME),
    "typed dates": ([date(2024, 1, 1) + timedelta(n) for n in range(ROWS)], Kind.DATETIME),
    "compact dates": ([20240101 + n % 28 for n in range(ROWS)], Kind.DATETIME),
    "image paths": ([f"images/{n}.JPG" for n in range(ROWS)], Kind.IMAGE),
    "audio paths": ([f"{n}.wav" for n in range(ROWS)], Kind.AUDIO),
    "sentences": ([f"this is what customer {n} told us" for n in range(ROWS)], Kind.TEXT),
    "Chinese sentences": ([f"房间很干净服务员态度也很好{n}" for n in range(ROWS)], Kind.TEXT),
    "short messages": (
        [f"{WHO[n % 4]} {SAYS[n % 7]} {SAYS[n % 5]}" for n in range(ROWS)],
        Kind.TEXT,
    ),
    "titles of reviews": (
        [f"Not {SAYS[n % 7]} {SAYS[n % 5]} {n % 3}" for n in range(ROWS)],
        Kind.TEXT,
    ),
    "capitals": ([f"THIS IS WHAT CUSTOMER {n} HAS TOLD US" for n in range(ROWS)], Kind.TEXT),
    "Arabic sentences": ([f"كانت الغرفة رقم {n} نظيفة جدا" for n in range(ROWS)], Kind.TEXT),
    "names": ([f"{LAST[n % 7]}, Mr. {FIRST[n % 6]} {LAST[n // 42]}" for n in range(ROWS)], Kind.ID),
    "addresses": (
        [
            f"{n} {LAST[n % 7]} Street, Apt {n % 9}, {FIRST[n % 6]} City, NY 10{n:03}"
            for n in range(ROWS)
        ],
        Kind.ID,
    ),
    "two words that differ": ([f"{SAYS[n % 7]} {n}" for n in range(ROWS)], Kind.ID),
    "names that repeat": (
        repeat(*(f"House of {LAST[n]} and sons in the old town" for n in range(7))),
        Kind.CATEGORY,
    ),
    "unique strings": ([f"C{n:05}" for n in range(ROWS)], Kind.ID),
    "a counter": (list(range(ROWS)), Kind.ID),
    "most of a counter, shuffled": (DIGITS.permutation(250)[:ROWS].tolist(), Kind.ID),
    "one value": (repeat("same"), Kind.CONSTANT),
    "nothing": ([None] * ROWS, Kind.CONSTANT),
    "blanks": (repeat("", "  "), Kind.CONSTANT),
    "lists": ([[n, n] for n in range(ROWS)], Kind.NESTED),
    "bytes": ([bytes([n % 7]) for n in range(ROWS)], Kind.NESTED),
}


@pytest.mark.parametrize("what", FOUND)
def test_a_column_is_taken_for_what_it_holds(what):
    values, kind = FOUND[what]
    assert kind_of(values).kind == kind


@pytest.mark.parametrize("what", ["image", "audio", "id", "constant", "nested"])
def test_kinds_that_nothing_is_learned_from_are_left_out_with_a_warning_that_names_them(what):
    values = next(values for values, kind in FOUND.values() if kind == what)
    frame = pl.DataFrame({"odd one": pl.Series(values), "beside": DIGITS.normal(size=ROWS)})
    schema = infer(Table.of(frame), Roles())
    assert [column.name for column in schema.features] == ["beside"]
    assert schema.notices[0].code.startswith("W-KIND-")
    assert "'odd one'" in schema.notices[0].message()


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["a", "b"])])
def test_categorical_columns_are_categories(kind):
    assert kind_of(pl.Series(repeat("a", "b"), dtype=kind)).kind == Kind.CATEGORY


def test_decimals_are_numbers():
    series = pl.Series(np.arange(ROWS) / 4).cast(pl.Decimal(12, 2))
    assert kind_of(series).kind == Kind.NUMBER


def test_seconds_since_1970_are_dates_only_where_the_name_speaks_of_time():
    seconds = (1_700_000_000 + 3_617 * np.arange(ROWS)).tolist()
    assert kind_of(seconds, "created_at").kind == Kind.DATETIME
    assert kind_of(seconds, "created_at").format.numbers == "seconds"
    assert kind_of(seconds, "balance").kind == Kind.NUMBER
    milliseconds = [1_000 * second for second in seconds]
    assert kind_of(milliseconds, "timestamp").format.numbers == "milliseconds"


def test_years_that_rise_by_one_are_not_a_counter():
    assert kind_of(list(range(1900, 1900 + ROWS))).kind == Kind.NUMBER


def test_a_counter_under_twenty_rows_is_still_a_number():
    assert kind_of(list(range(20))).kind == Kind.NUMBER


def test_unique_whole_numbers_called_an_id_are_one():
    numbers = (10**9 + 7 * np.arange(ROWS) ** 2).tolist()
    assert kind_of(numbers, "PID").kind == Kind.ID
    assert kind_of(numbers, "customerId").kind == Kind.ID
    assert kind_of(numbers, "paid").kind == Kind.NUMBER


@pytest.mark.parametrize(
    ("values", "name", "codes"),
    [
        (repeat(1, 2, 3, 4), "season", False),
        (repeat(1, 2, 3, 4), "colour_code", True),
        (repeat(1, 2, 3, 4), "encoder", False),
        (repeat(*range(10_001, 10_041)), "postal code", True),
        (repeat(*range(10_001, 10_041)), "ZipCode", True),
        (repeat(*range(10_001, 10_041)), "store_id", True),
        (repeat(*range(10_001, 10_041)), "邮编", True),
        (repeat(*range(10_001, 10_101)), "postal code", False),  # two rows each
        (repeat(*range(10_001, 10_041)), "price", False),
        (repeat(0.5, 1.5, 2.5), "half", False),
    ],
)
def test_whole_numbers_called_codes_are_learned_as_categories_too(values, name, codes):
    column = kind_of(values, name)
    assert column.kind == Kind.NUMBER
    assert column.codes is codes
    assert (column.reason.code == "KIND-NUMBER-CODES") is codes


def test_ambiguous_dates_are_said_to_be_a_guess():
    frame = pl.DataFrame({"day": [f"0{n % 9 + 1}/0{n % 7 + 1}/2024" for n in range(ROWS)]})
    schema = infer(Table.of(frame), Roles())
    assert [notice.code for notice in schema.notices] == ["W-KIND-006"]


def test_words_among_numbers_are_counted_in_a_warning():
    frame = pl.DataFrame({"amount": [*map(str, range(ROWS - 5)), *["broken"] * 5]})
    (notice,) = infer(Table.of(frame), Roles()).notices
    assert notice.code == "W-KIND-007"
    assert "5 cell" in notice.message()


def test_what_the_user_says_a_column_is_goes_over_what_it_looks_like():
    assert kind_of(list(range(ROWS)), kinds={"column": "category"}).kind == Kind.CATEGORY
    assert kind_of(repeat("1", "x", "y", "z"), kinds={"column": "number"}).kind == Kind.NUMBER
    assert kind_of(repeat("5", "6"), kinds={"column": "datetime"}).kind == Kind.DATETIME
    assert kind_of(repeat("on", "off"), kinds={"column": "category"}).kind == Kind.CATEGORY
    assert kind_of(repeat("man", "woman"), kinds={"column": "boolean"}).kind == Kind.CATEGORY
    assert kind_of(DIGITS.normal(size=ROWS), kinds={"column": "id"}).used is False
    assert kind_of(DIGITS.normal(size=ROWS), kinds={"column": "constant"}).used is False


def test_a_kind_for_an_absent_column_asks_what_was_meant():
    with pytest.raises(OptionError) as caught:
        kind_of([1.5, 2.5], "income", kinds={"incom": "number"})
    assert caught.value.code == "E-DATA-043"
    assert "'income'" in caught.value.hint()


def test_an_unknown_kind_asks_what_was_meant():
    with pytest.raises(OptionError) as caught:
        kind_of([1.5, 2.5], kinds={"column": "categry"})
    assert caught.value.code == "E-DATA-044"
    assert "'category'" in caught.value.hint()


def test_columns_with_a_role_are_no_features():
    names = ("target", "id", "weight", "group", "timestamp")
    frame = pl.DataFrame({name: DIGITS.normal(size=9) for name in ("x", *names)})
    schema = infer(Table.of(frame), Roles(**{name: name for name in names}))
    assert [column.name for column in schema.features] == ["x"]
    assert schema["weight"].reason.message() == "It serves as weight."


def test_an_absent_target_asks_what_was_meant():
    frame = pl.DataFrame({"Income": [1.5, 2.5], "age": [3.5, 4.5]})
    with pytest.raises(DataError) as caught:
        infer(Table.of(frame, "adult.csv"), Roles(target="incone"))
    assert caught.value.code == "E-DATA-030"
    assert "adult.csv" in caught.value.message()
    assert "'Income'" in caught.value.hint()


def test_an_absent_column_with_a_role_is_named():
    with pytest.raises(DataError, match="'grp'"):
        infer(Table.of(pl.DataFrame({"x": [1.5, 2.5]})), Roles(group="grp"))


def test_the_target_cannot_serve_as_weight_too():
    with pytest.raises(OptionError) as caught:
        infer(Table.of(pl.DataFrame({"x": [1.5], "y": [2.5]})), Roles(target="y", weight="y"))
    assert caught.value.code == "E-DATA-046"


def test_a_table_without_anything_to_learn_from_is_refused():
    frame = pl.DataFrame({"id": [f"C{n}" for n in range(30)], "y": repeat(0, 1)[:30]})
    with pytest.raises(DataError) as caught:
        infer(Table.of(frame), Roles(target="y"))
    assert caught.value.code == "E-DATA-040"
    assert "'id'" in caught.value.message()


@pytest.mark.parametrize(
    ("cells", "row"),
    [([1.0, -1.0], 1), ([None, 1.0], 0), ([1.0, float("inf")], 1), (["1", "x"], 1)],
)
def test_weights_that_are_none_are_named_by_row(cells, row):
    with pytest.raises(DataError) as caught:
        row_weights(Table.of(pl.DataFrame({"w": cells})), "w")
    assert caught.value.code == "E-DATA-041"
    assert caught.value.as_json()["row"] == row


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(DataError) as caught:
        row_weights(Table.of(pl.DataFrame({"w": [0, 0]})), "w")
    assert caught.value.code == "E-DATA-042"


def test_weights_are_read_from_texts_too():
    weights = row_weights(Table.of(pl.DataFrame({"w": ["1", "2.5"]})), "w")
    assert weights.tolist() == [1.0, 2.5]


def test_a_schema_survives_json():
    frame = pl.DataFrame({what: pl.Series(values) for what, (values, _) in FOUND.items()})
    schema = infer(Table.of(frame), Roles(target="floats", group="words"))
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert (again.columns, again.roles) == (schema.columns, schema.roles)


def test_a_column_of_unknown_make_is_refused():
    facts = kind_of([1.5, 2.5]).to_json()
    with pytest.raises(ValueError, match="gold"):
        Column.from_json(facts | {"kind": "gold"})
    with pytest.raises(ValueError, match="cell format"):
        Column.from_json(facts | {"format": {"decimal": "x"}})


def test_ten_thousand_columns_are_no_obstacle():
    frame = pl.DataFrame(np.random.default_rng(0).normal(size=(100, 10_000)))
    schema = infer(Table.of(frame), Roles(target="column_0"))
    assert len(schema.features) == 9_999


def test_the_kinds_are_those_of_the_training_rows_given(shared_tables):
    table = Table.of(shared_tables("telco_churn"))
    schema = infer(table, Roles(target="Churn"))
    assert schema["TotalCharges"].kind == Kind.NUMBER
    assert schema["customerID"].kind == Kind.ID
    assert schema["SeniorCitizen"].kind == Kind.BOOLEAN


def test_years_and_times_keep_their_sense():
    when = [datetime(2020, 1, 1) + timedelta(hours=n) for n in range(ROWS)]
    assert kind_of(when).kind == Kind.DATETIME
