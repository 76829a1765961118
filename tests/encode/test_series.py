"""Series of every form, with gaps and of unequal lengths, through the encoder."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.column import Kind
from deeplode.data.facts import measure
from deeplode.data.plain import plain_columns
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.encode.column import FILLED_IN, INFINITE, OUT_OF_RANGE
from deeplode.encode.convolved import KERNELS, TRIPLES, Convolutions
from deeplode.encode.series import SeriesEncoder
from deeplode.encode.seriescells import moments

RNG = np.random.default_rng(0)


def fitted(cells: pl.Series) -> SeriesEncoder:
    frame = pl.DataFrame({cells.name: cells, "y": range(len(cells))})
    (column,) = infer(Table.of(frame), Roles("y")).features
    assert column.kind is Kind.SERIES
    return SeriesEncoder.fit(cells, column)


def again(encoder: SeriesEncoder) -> SeriesEncoder:
    return SeriesEncoder.from_json(json.loads(json.dumps(encoder.to_json())))


def test_lists_records_arrays_and_bytes_of_one_series_give_the_same_cells() -> None:
    cells = RNG.normal(size=(6, 2, 9)).astype(np.float32)
    record = pl.DataFrame({"a": cells[:, 0], "b": cells[:, 1]}).to_struct("s")
    encoder = fitted(record)
    names = ("a", "b")
    forms = {
        "array": pl.Series("s", cells.transpose(0, 2, 1).copy()),
        "list": pl.Series("s", cells.transpose(0, 2, 1).tolist()),
        "bytes": again(encoder).probe_cells(record),
    }
    for form, column in forms.items():
        np.testing.assert_allclose(moments(column, names, 9), cells, rtol=1e-6, err_msg=form)
    one, two = (again(encoder).encode(column) for column in (record, forms["bytes"]))
    assert one.media is not None
    assert two.media is not None
    assert one.media.equal(two.media)
    assert np.array_equal(one.wide, two.wide)  # type: ignore[arg-type]


def test_shorter_series_end_together_and_gaps_are_filled_and_marked() -> None:
    nan = float("nan")
    column = pl.Series(
        "s", [[1.0 * n for n in range(10)], [5.0, nan, 7.0, nan], None, [nan] * 12, [], [1.0] * 10]
    )
    encoder = fitted(pl.Series("s", [*column[:2].to_list(), [1.0] * 10, [2.0] * 12]))
    piece = encoder.encode(column)
    assert piece.media is not None
    assert encoder.short
    assert piece.media.shape == (6, 2, 12)  # values, and whether there was one
    values, exists = piece.media.numpy().transpose(1, 0, 2)
    assert exists.sum(1).tolist() == [10, 2, 0, 0, 0, 10]
    assert exists[1].tolist() == [0] * 9 + [1, 0, 1]  # no moment after the last value
    assert values[1, -2] == values[1, -3] == values[1, 0]  # the value before, or the first
    assert not values[2:5].any()
    assert piece.flags is not None
    assert (piece.flags & FILLED_IN > 0).tolist() == [False, True, True, True, True, False]
    assert np.isfinite(piece.media.numpy()).all()
    figures = dict(zip(encoder.number_names, piece.numbers, strict=True))
    assert np.isnan(figures["s last"][2:5]).all()
    assert figures["s moments"].tolist() == [10, 2, 0, 0, 0, 10]


def test_infinite_and_far_values_are_cut_off_and_flagged() -> None:
    column = pl.Series("s", RNG.normal(size=(20, 8)))
    encoder = fitted(column)
    odd = pl.Series("s", [[float("inf"), *[0.0] * 7], [1e30, *[0.0] * 7], [0.0] * 8])
    piece = encoder.encode(odd)
    assert piece.flags is not None
    assert piece.media is not None
    assert (piece.flags & INFINITE).tolist() == [INFINITE, 0, 0]
    assert piece.flags[1] & OUT_OF_RANGE
    assert piece.flags[2] == 0
    assert float(piece.media.abs().max()) <= 10


def test_other_cells_than_series_are_missing_not_an_error() -> None:
    encoder = fitted(pl.Series("s", RNG.normal(size=(20, 8))))
    for column in (pl.Series("s", ["x", None]), pl.Series("s", [b"", b"\1" * 20])):
        piece = encoder.encode(column)
        assert piece.media is not None
        assert not piece.media.any()


def test_long_series_are_averaged_to_what_a_net_can_see() -> None:
    encoder = fitted(pl.Series("s", RNG.normal(size=(3, 3_000))))
    assert (encoder.pooled, encoder.length) == (3, 1_000)


def test_short_lists_stay_texts_and_long_ones_become_series() -> None:
    frame = pl.DataFrame({"few": [[1, 2], [3]], "many": [[*range(9)], [*range(12)]]})
    plain, notices = plain_columns(frame)
    assert plain["few"].to_list() == ["[1,2]", "[3]"]
    assert plain["many"].dtype == pl.List(pl.Int64)
    assert [notice.column for notice in notices] == ["few"]
    assert len(measure(plain)) == 2


def test_a_feature_is_the_share_of_a_kernels_values_above_a_threshold() -> None:
    cells = RNG.normal(size=(4, 1, 40)).astype(np.float32)
    made = Convolutions.fit(cells, 2 * KERNELS)
    assert made.dilations == (1, 4)
    found = made(cells)
    kernel = 7  # with its dilation an even sum: with the edges
    weights = np.where(np.isin(np.arange(9), TRIPLES[kernel]), 2.0, -1.0)
    wide = np.pad(cells[:, 0], ((0, 0), (16, 16)))
    values = sum(w * wide[:, 4 * tap : 4 * tap + 40] for tap, w in enumerate(weights))
    place = KERNELS * made.counts[0] + kernel
    expected = (np.asarray(values) > made.thresholds[place]).mean(1)
    np.testing.assert_allclose(found[:, place], expected, atol=1e-6)
    assert np.array_equal(Convolutions.from_json(made.to_json())(cells[1:2]), found[1:2])


@pytest.mark.parametrize(
    "change",
    [
        {"length": 0},
        {"pooled": 1 << 40},
        {"channels": []},
        {"convolved": {}},
        {
            "channels": [
                {"name": "a", "center": 0, "spread": 0, "low": 0, "high": 1, "marked": True}
            ]
        },
    ],
)
def test_a_state_that_no_fit_has_written_is_refused(change: dict[str, Any]) -> None:
    facts = fitted(pl.Series("s", RNG.normal(size=(20, 12)))).to_json()
    with pytest.raises((ValueError, KeyError, TypeError)):
        SeriesEncoder.from_json({**facts, **change})


def test_the_last_quarter_of_a_series_is_described_apart_and_of_windows_the_last_tenth() -> None:
    column = pl.Series("s", [[0.0] * 34 + [1.0] * 6, list(np.sin(np.arange(40.0)))])
    encoder = fitted(column)
    at = encoder.number_names.index("s mean at the end")
    center, spread = encoder.channels[0].center, encoder.channels[0].spread
    for one, mean in ((encoder, 0.6), (encoder.looking_back(), 1.0)):  # of the last 10, the last 4
        assert one.encode(column).numbers[at][0] * spread + center == pytest.approx(mean, abs=1e-6)
        again = SeriesEncoder.from_json(one.to_json())
        assert again.encode(column).numbers[at][0] == one.encode(column).numbers[at][0]
