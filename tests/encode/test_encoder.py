"""The encoder: columns to tensors, learned on training rows only, the same for one row and many."""

import json
import math
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode.data.schema import Kind, Roles, infer
from deeplode.data.table import Table
from deeplode.encode.batch import MISSING, UNSEEN
from deeplode.encode.column import BOUND, flag_words
from deeplode.encode.encoder import Encoder
from deeplode.errors import DataError

ROWS = 400
RNG = np.random.default_rng(0)
START = datetime(2023, 1, 1)


def mixed() -> pl.DataFrame:
    """Training rows of every kind."""
    row = np.arange(ROWS)
    gaps = RNG.normal(size=ROWS)
    gaps[::9] = np.nan
    when = [START + timedelta(hours=7 * int(n)) for n in row]
    return pl.DataFrame(
        {
            "amount": np.exp(RNG.normal(size=ROWS)),
            "gaps": pl.Series(gaps, nan_to_null=True),
            "money": [f"${1.5 * n:,.2f}" for n in row],
            "shop_id": row % 4,
            "colour": np.array(["red", "green", "blue", "grey"])[row % 4],
            "rare": ["common" if n else "once" for n in row],
            "postcode": pl.Series([f"0{1000 + n % 30}" for n in row]),
            "member": np.array(["Yes", "no"])[row % 2],
            "flag": row % 2 == 0,
            "start": when,
            "end": [(day + timedelta(hours=n % 50)).isoformat(" ") for n, day in enumerate(when)],
            "code": row % 3 + 1,
        }
    )


FRAME = mixed()
SCHEMA = infer(Table.of(FRAME), Roles(), {"code": Kind.CATEGORY})
ENCODER = Encoder.fit(Table.of(FRAME), SCHEMA)
TYPICAL = FRAME.row(5, named=True)


def encode(**cells):
    """One row: the typical one but for these cells. {name: number}, {name: slot}, flags."""
    row = TYPICAL | cells
    numbers, slots, mask = ENCODER.transform_row(row)
    named = dict(zip(ENCODER.number_names, numbers.tolist(), strict=True))
    named |= dict(zip(ENCODER.category_names, slots.tolist(), strict=True))
    return named, mask


def flags(**cells) -> str:
    return flag_words(np.array([encode(**cells)[1]]))[0]


def same(one: torch.Tensor, two: torch.Tensor) -> bool:
    return torch.equal(torch.nan_to_num(one, nan=7e33), torch.nan_to_num(two, nan=7e33))


def test_training_rows_are_encoded_without_a_flag_but_for_their_gaps():
    encoded = ENCODER.transform(Table.of(FRAME))
    assert encoded.batch.numbers.dtype == torch.float32
    assert encoded.batch.categories.dtype == torch.int32
    assert encoded.batch.numbers.shape == (ROWS, ENCODER.sizes.numbers)
    assert encoded.batch.categories.shape == (ROWS, len(ENCODER.sizes.categories))
    assert encoded.flags == ["filled_in" if n % 9 == 0 else "" for n in range(ROWS)]


def test_slots_stay_below_the_sizes_told():
    batch = ENCODER.transform(Table.of(FRAME)).batch
    assert torch.all(batch.categories.amax(0) < torch.tensor(ENCODER.sizes.categories))


def test_numbers_are_scaled_by_median_and_quartiles():
    values = ENCODER.transform(Table.of(FRAME)).batch.numbers[:, 0].double()
    quartiles = torch.quantile(values, torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    assert quartiles[1].abs() < 1e-6
    assert (quartiles[2] - quartiles[0] - 1).abs() < 1e-6


def test_a_column_with_gaps_in_training_gives_a_mark_beside_its_number():
    encoded, _ = encode(gaps=None)
    assert math.isnan(encoded["gaps"])
    assert encoded["gaps is missing"] == 1.0
    assert encode(gaps=0.5)[0]["gaps is missing"] == 0.0
    assert "amount is missing" not in encoded


def test_numbers_called_codes_come_both_ways():
    one, two = encode(shop_id=1)[0], encode(shop_id=2)[0]
    assert one["shop_id"] < two["shop_id"]
    assert one["shop_id as category"] != two["shop_id as category"]
    assert min(one["shop_id as category"], two["shop_id as category"]) >= 2


def test_levels_too_rare_to_learn_from_share_the_slot_of_unseen_ones_without_a_flag():
    encoded, mask = encode(rare="once")
    assert encoded["rare"] == UNSEEN
    assert mask == 0
    assert encode(rare="common")[0]["rare"] == 2


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({}, ""),
        ({"colour": "purple"}, "unseen_category"),
        ({"shop_id": 17}, "unseen_category out_of_range"),
        ({"member": "perhaps"}, "unseen_category"),
        ({"code": 9}, "unseen_category"),
        ({"amount": 1e6}, "out_of_range"),
        ({"start": datetime(2099, 1, 1)}, "out_of_range"),
        ({"amount": None}, "filled_in"),
        ({"amount": float("nan")}, "filled_in"),
        ({"colour": None}, "filled_in"),
        ({"colour": "  "}, "filled_in"),
        ({"flag": None}, "filled_in"),
        ({"start": None}, "filled_in"),
        ({"money": "n/a"}, "filled_in"),
        ({"money": "much"}, "filled_in not_a_number"),
        ({"end": "2024-02-31"}, "filled_in not_a_number"),
        ({"amount": float("inf")}, "filled_in infinite"),
        ({"amount": 1e308, "colour": "purple"}, "unseen_category out_of_range"),
    ],
)
def test_each_oddity_has_its_flag(cells, words):
    assert flags(**cells) == words


def test_a_value_a_little_beyond_training_is_not_flagged():
    low, high = FRAME["amount"].min(), FRAME["amount"].max()
    assert flags(amount=high + 0.05 * (high - low)) == ""
    assert flags(amount=high + 0.15 * (high - low)) == "out_of_range"


@pytest.mark.parametrize("value", [1e308, -1e308, 1.7e308])
def test_huge_numbers_stay_finite(value):
    assert abs(encode(amount=value)[0]["amount"]) == pytest.approx(BOUND)


def test_missing_and_unseen_categories_have_their_slots():
    assert encode(colour=None)[0]["colour"] == MISSING
    assert encode(colour="purple")[0]["colour"] == UNSEEN
    assert encode(member=None)[0]["member"] == MISSING


@pytest.mark.parametrize("value", ["yes", "YES", " Yes ", True, 1, 1.0, "true", "1", "是"])
def test_yes_is_yes_in_any_words(value):
    assert encode(member=value)[0]["member"] == 3


@pytest.mark.parametrize("value", [3, 3.0, "3", " 3 ", np.int64(3), np.float32(3), Decimal(3)])
def test_a_code_is_the_same_as_number_and_as_text(value):
    assert encode(code=value)[0]["code as category"] == encode(code=3)[0]["code as category"] > 1


def test_codes_with_zeros_in_front_are_found_when_they_come_as_numbers():
    assert encode(postcode=1007)[0]["postcode"] == encode(postcode="01007")[0]["postcode"] > 1


def test_a_number_may_come_as_text_and_a_text_as_number():
    assert encode(amount="1.5")[0] == encode(amount=1.5)[0]
    assert encode(money=1500.0)[0] == encode(money="$1,500.00")[0]


def test_the_hours_between_two_dates_are_a_number_of_their_own():
    assert "start to end" in ENCODER.number_names
    short = encode(start=START, end=(START + timedelta(hours=1)).isoformat())[0]["start to end"]
    long = encode(start=START, end=(START + timedelta(hours=49)).isoformat())[0]["start to end"]
    assert long > short
    assert math.isnan(encode(start=None)[0]["start to end"])


def test_only_parts_of_dates_that_vary_in_training_are_given():
    days = [datetime(2024, 3, n % 28 + 1) for n in range(60)]
    frame = pl.DataFrame({"day": days})
    names = Encoder.fit(Table.of(frame), infer(Table.of(frame), Roles())).number_names
    assert "day weekday" in names
    assert not {"day year", "day month", "day hour", "day day_sine"} & set(names)


def test_midnight_is_near_the_last_minute_of_the_day():
    late = encode(start=datetime(2023, 1, 2, 23, 59))[0]
    early = encode(start=datetime(2023, 1, 2, 0, 0))[0]
    for cycle in ("start day_sine", "start day_cosine"):
        assert abs(late[cycle] - early[cycle]) < 0.01


MIXED_ROW = st.fixed_dictionaries(
    {
        "amount": st.one_of(st.none(), st.floats(), st.floats(0, 5)),
        "gaps": st.one_of(st.none(), st.floats(allow_nan=True)),
        "money": st.one_of(st.none(), st.text("0123456789$,.-() n/a", max_size=8)),
        "shop_id": st.one_of(st.none(), st.integers(-5, 9), st.integers(-(2**62), 2**62)),
        "colour": st.one_of(
            st.none(), st.sampled_from(["red", " red ", "BLUE", ""]), st.text(max_size=4)
        ),
        "rare": st.one_of(st.none(), st.sampled_from(["common", "once", "never"])),
        "postcode": st.one_of(st.none(), st.sampled_from(["01007", "1007", "x"])),
        "member": st.one_of(st.none(), st.sampled_from(["Yes", " NO", "?", "1", ""])),
        "flag": st.one_of(st.none(), st.booleans()),
        "start": st.one_of(st.none(), st.datetimes()),
        "end": st.one_of(st.none(), st.datetimes().map(str), st.text("0123456789-: ", max_size=19)),
        "code": st.one_of(st.none(), st.integers(0, 4)),
    }
)


@settings(max_examples=150)
@given(st.lists(MIXED_ROW, min_size=1, max_size=5))
def test_one_row_alone_is_encoded_to_the_same_bits_as_among_others(rows):
    batch = ENCODER.transform(Table.of(pl.DataFrame(rows, schema=FRAME.schema)))
    for place, row in enumerate(rows):
        numbers, slots, mask = ENCODER.transform_row(row)
        np.testing.assert_array_equal(numbers, batch.batch.numbers[place].numpy())
        np.testing.assert_array_equal(slots, batch.batch.categories[place].numpy())
        assert mask == batch.masks[place]


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(20, 2), pl.String, pl.Categorical]
)
def test_columns_of_other_types_are_encoded_as_their_values_are_alone(dtype):
    frame = FRAME.with_columns(
        pl.col("shop_id", "code").cast(pl.String).cast(dtype),
        pl.col("amount").round(0).cast(pl.Int64).cast(pl.String).cast(dtype),
    )
    encoded = ENCODER.transform(Table.of(frame))
    for place in range(0, ROWS, 50):
        numbers, slots, mask = ENCODER.transform_row(frame.row(place, named=True))
        np.testing.assert_array_equal(numbers, encoded.batch.numbers[place].numpy())
        np.testing.assert_array_equal(slots, encoded.batch.categories[place].numpy())
        assert mask == encoded.masks[place]


def test_order_of_rows_and_columns_and_extra_columns_do_not_matter():
    straight = ENCODER.transform(Table.of(FRAME))
    order = RNG.permutation(ROWS)
    shuffled = FRAME[order].select(list(reversed(FRAME.columns)), extra=pl.lit("x"))
    turned = ENCODER.transform(Table.of(shuffled))
    at = torch.from_numpy(order)
    assert same(turned.batch.numbers, straight.batch.numbers[at])
    assert torch.equal(turned.batch.categories, straight.batch.categories[at])


def test_rows_are_encoded_alike_however_many_come_at_once():
    whole = ENCODER.transform(Table.of(FRAME)).batch.numbers
    parts = [ENCODER.transform(Table.of(FRAME[n : n + 7])).batch.numbers for n in range(0, ROWS, 7)]
    assert same(torch.cat(parts), whole)


def test_test_rows_never_change_the_encoder():
    before = json.dumps(ENCODER.to_json())
    ENCODER.transform(Table.of(FRAME.with_columns(amount=1e9, colour=pl.lit("new"))))
    ENCODER.transform_row(TYPICAL | {"colour": "new"})
    assert json.dumps(ENCODER.to_json()) == before


def test_encoding_leaves_the_table_as_it_was():
    before = FRAME.clone()
    ENCODER.transform(Table.of(FRAME))
    assert FRAME.equals(before)


def test_an_encoder_survives_json_to_the_last_bit():
    again = Encoder.from_json(json.loads(json.dumps(ENCODER.to_json())))
    one, two = (encoder.transform(Table.of(FRAME)) for encoder in (ENCODER, again))
    assert same(one.batch.numbers, two.batch.numbers)
    assert torch.equal(one.batch.categories, two.batch.categories)
    assert again == ENCODER


def test_an_encoder_of_unknown_make_is_refused():
    facts = ENCODER.to_json()
    with pytest.raises(KeyError):
        Encoder.from_json({"parts": [{"encoder": "os.system", "state": {}}]})
    for part in facts["parts"]:
        with pytest.raises((KeyError, TypeError, ValueError)):
            Encoder.from_json({"parts": [{"encoder": part["encoder"], "state": {}}]})


def test_no_rows_give_no_rows():
    encoded = ENCODER.transform(Table.of(FRAME.clear()))
    assert encoded.batch.numbers.shape == (0, ENCODER.sizes.numbers)
    assert encoded.flags == []


def test_absent_columns_are_all_named_with_what_comes_nearest():
    frame = FRAME.drop("colour", "money").with_columns(color=pl.lit("red"))
    with pytest.raises(DataError) as caught:
        ENCODER.transform(Table.of(frame, "new.csv"))
    assert caught.value.code == "E-DATA-060"
    for part in ("new.csv", "'colour'", "'money'"):
        assert part in caught.value.message()
    row = {name: value for name, value in TYPICAL.items() if name != "colour"}
    with pytest.raises(DataError) as caught:
        ENCODER.transform_row(row | {"color": "red"})
    assert "'color'" in caught.value.hint()


def test_an_absent_column_without_any_other_in_its_place_is_named():
    with pytest.raises(DataError) as caught:
        ENCODER.transform(Table.of(FRAME.drop("shop_id")))
    assert caught.value.code == "E-DATA-061"


def test_a_column_that_cannot_be_read_any_more_is_named_with_its_first_bad_cell():
    broken = pl.Series(["1.5"] + ["green"] * (ROWS - 1))
    with pytest.raises(DataError) as caught:
        ENCODER.transform(Table.of(FRAME.with_columns(amount=broken), "new.csv"))
    assert caught.value.code == "E-DATA-062"
    assert caught.value.as_json()["column"] == "amount"
    assert caught.value.as_json()["row"] == 1
    assert "'green'" in caught.value.message()


def test_some_unreadable_cells_are_flagged_instead():
    some = pl.Series(["1.5"] * (ROWS - 100) + ["green"] * 100)
    encoded = ENCODER.transform(Table.of(FRAME.with_columns(amount=some)))
    assert "not_a_number" in encoded.flags[-1]
    assert "not_a_number" not in encoded.flags[1]


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308, 0.0, 5.0] * 5,
        [0.0] * 19 + [1e-300],
        [1.0] * 19 + [float("inf")],
        [5e-324] * 19 + [0.0],
    ],
    ids=["huge", "tiny", "infinite", "denormal"],
)
def test_extreme_training_values_are_scaled_to_finite_numbers(values):
    table = Table.of(pl.DataFrame({"x": values}))
    encoder = Encoder.fit(table, infer(table, Roles(), {"x": "number"}))
    numbers = encoder.transform(table).batch.numbers[:, 0]
    assert torch.isfinite(numbers[torch.isfinite(torch.tensor(values, dtype=torch.float64))]).all()


def test_a_column_that_is_all_missing_in_new_rows_gets_an_answer():
    encoded = ENCODER.transform(Table.of(FRAME.with_columns(amount=None, colour=None, start=None)))
    assert all("filled_in" in words for words in encoded.flags)


def test_dates_asked_to_be_categories_are_the_same_alone_and_among_others():
    days = [START + timedelta(days=n % 3) for n in range(30)]
    for dates in (pl.Series(days), pl.Series(days).dt.date(), pl.Series(days).dt.time()):
        table = Table.of(pl.DataFrame({"day": dates, "x": RNG.normal(size=30)}))
        encoder = Encoder.fit(table, infer(table, Roles(), {"day": "category"}))
        slots = encoder.transform(table).batch.categories
        assert slots.min() >= 2
        for place in range(3):
            _, alone, mask = encoder.transform_row(table.frame.row(place, named=True))
            np.testing.assert_array_equal(alone, slots[place].numpy())
            assert mask == 0


def test_real_rows_are_encoded_alike_alone_and_together(shared_tables):
    for name, target in (
        ("nyc_taxis", "fare"),
        ("titanic", "survived"),
        ("ames_housing", "SalePrice"),
    ):
        table = Table.of(shared_tables(name))
        encoder = Encoder.fit(table, infer(table, Roles(target=target)))
        encoded = encoder.transform(table)
        for place in range(0, len(table), 97):
            numbers, slots, mask = encoder.transform_row(table.frame.row(place, named=True))
            np.testing.assert_array_equal(numbers, encoded.batch.numbers[place].numpy())
            np.testing.assert_array_equal(slots, encoded.batch.categories[place].numpy())
            assert mask == encoded.masks[place]


def test_thousands_of_columns_are_encoded():
    frame = pl.DataFrame(RNG.normal(size=(20, 2_000)))
    table = Table.of(frame)
    encoder = Encoder.fit(table, infer(table, Roles()))
    assert encoder.transform(table).batch.numbers.shape == (20, 2_000)
