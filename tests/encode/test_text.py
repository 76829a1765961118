"""Texts: any Unicode to weighted features, the same for one row and many, and back from JSON."""

import base64
import json

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deeplode.data.column import Column, Kind
from deeplode.encode.bag import FINEST, MOST_ID, flat, pack, unpack
from deeplode.encode.column import FILLED_IN, OUT_OF_RANGE
from deeplode.encode.text import LONGEST, TextEncoder
from deeplode.encode.tokens import MOST_CHARACTERS, tokens
from deeplode.messages import Notice

COLUMN = Column("said", Kind.TEXT, Notice("KIND-TEXT", "said"), 0.0, 10)
NOUNS, VERBS = ("delivery", "refund", "parcel", "invoice"), ("was late", "came quickly", "is wrong")
TRAIN = pl.Series(
    "said",
    [f"The {NOUNS[n % 4]} {VERBS[n % 3]}, number {n}!" for n in range(60)]
    + ["房间很干净，服务员态度也很好。", "房间很干净，早餐不好！"] * 5
    + [None, "  "],
)
ENCODER = TextEncoder.fit(TRAIN, COLUMN)


def spell(text: str) -> list[str]:
    return tokens(pl.Series([text]))[1].to_list()


def cells(*texts: str | None) -> torch.Tensor:
    media = ENCODER.encode(pl.Series("said", texts, dtype=pl.String)).media
    assert media is not None
    return media


def features(text: str) -> set[str]:
    ids = unpack(cells(text)[0])[0]
    return {ENCODER.vocabulary.spelling(int(one)) for one in ids if one}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don’t STOP, won't", ["don't", "stop", ",", "won't"]),
        ("see https://Bit.ly/a?b=1.", ["see", "https://bit.ly", "/", "a", "?", "b", "=", "1", "."]),
        ("www.example.org!", ["www.example.org", "!"]),
        ("mail a.b+c@d-e.co.uk now", ["mail", "a.b+c@d-e.co.uk", "now"]),
        ("@bob_1 #GoodDay #话题#好", ["@bob_1", "#goodday", "#话题#", "好"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ ﬁne Ⅳ", ["full", "width", "fine", "iv"]),
        ("cafe\u0301 = café", ["café", "=", "café"]),
        ("mixed中文abc１", ["mixed", "中", "文", "abc1"]),
        ("カタカナとひらがな", list("カタカナとひらがな")),
        ("안녕하세요 여러분", ["안녕하세요", "여러분"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("👍🏽 ❤️ 🇩🇪🇫🇷", ["👍", "🏽", "❤", "🇩🇪", "🇫🇷"]),
        ("call 08000839402 or 1234", ["call", "00000", "or", "1234"]),
        ("fr\u200bee \u202eright\u202c so\u00adft\ufeff", ["free", "right", "soft"]),
        ("a\x00b\x1bc\u0085d", ["a", "b", "c", "d"]),
        ("", []),
    ],
)
def test_a_text_comes_apart_into_these_tokens(text: str, found: list[str]) -> None:
    assert spell(text) == found


def test_words_sequences_and_pieces_are_features() -> None:
    found = features("The parcel was lost.")
    assert {"the", "parcel", "was", "the parcel", "parcel was", "par…", "…cel", "…arce…"} <= found
    assert "lost" not in found
    assert {"房", "间", "房间", "很干净", "净 ,"} <= features("房间很干净,")
    assert {"…arce…"} <= features("parcels"), "a word never met has pieces that were"


def test_weights_are_tf_idf_of_length_one_for_words_and_for_pieces() -> None:
    ids, weights = unpack(cells("refund refund refund was quickly invoice")[0])
    pieces = ids >= ENCODER.vocabulary.first_piece
    for part in (pieces, (ids > 0) & ~pieces):
        assert torch.linalg.norm(weights[part]).item() == pytest.approx(1, abs=3e-3)
    names = [ENCODER.vocabulary.spelling(int(one)) if one else "" for one in ids]
    weight = dict(zip(names, weights.tolist(), strict=True))
    known = ENCODER.vocabulary.words
    rows = {word: ENCODER.rows_with[known.index(word) + 1] for word in ("refund", "was")}
    assert rows["refund"] == 15
    expected = (1 + np.log(3)) * (np.log(73 / 16) + 1) / (np.log(73 / (1 + rows["was"])) + 1)
    assert weight["refund"] / weight["was"] == pytest.approx(expected, rel=1e-2)


def test_a_text_alone_and_among_others_is_encoded_to_the_same_bits() -> None:
    together = cells(*TRAIN.to_list())
    for row, text in enumerate(TRAIN.to_list()):
        assert torch.equal(cells(text)[0], together[row])


def test_features_are_each_once_in_rising_order_and_padding_comes_last() -> None:
    for row in unpack(cells(*TRAIN.to_list()))[0]:
        there = int((row > 0).sum())
        assert (row[there:] == 0).all()
        assert (row[:there].diff() > 0).all()


def test_empty_texts_are_zeros_and_flagged_and_their_counts_are_missing() -> None:
    piece = ENCODER.encode(pl.Series("said", [None, " \t", "", "The parcel", "\u202e"]))
    assert piece.flags is not None
    assert piece.described is not None
    assert piece.flags.tolist() == [FILLED_IN, FILLED_IN, FILLED_IN, 0, 0]
    assert (cells(None, "", "\u202e\x07") == 0).all()
    assert np.isnan(piece.described[:3]).all()
    assert np.isfinite(piece.described[3:]).all()
    assert ENCODER.encode(pl.Series("said", ["The parcel"])).flags is None


def test_counts_describe_a_text() -> None:
    found = ENCODER.encode(pl.Series("said", ["HELP! Call 0800 now?!", "好！"])).described
    assert found is not None
    assert found.dtype == np.float32
    names = ENCODER.described_names
    assert dict(zip(names, found[0].tolist(), strict=True)) == {
        "characters": 21, "words": 4, "capitals": 5, "digits": 4,
        "exclamation marks": 2, "question marks": 1,
    }  # fmt: skip
    assert found[1].tolist() == [2, 1, 0, 0, 1, 0]


def test_frequent_hashtags_and_mentions_are_told_apart() -> None:
    posts = ["Love it #Sale @shop", "#sale again", "nothing", "@shop why?", "#rare one"] * 20
    posts[4] = "not so often"
    encoder = TextEncoder.fit(pl.Series("said", posts), COLUMN)
    assert encoder.described_names[6:] == ("#sale", "@shop")
    found = encoder.encode(pl.Series("said", ["#SALE @shop", "sale @nobody", None, "@shop"]))
    assert found.described is not None
    tagged = found.described[:, 6:]
    assert np.isnan(tagged[2]).all()
    assert tagged[[0, 1, 3]].tolist() == [[1, 1], [0, 0], [0, 1]]


def test_a_text_of_ten_megabytes_is_cut_with_a_flag() -> None:
    long = "parcel " * 1_500_000
    piece = ENCODER.encode(pl.Series("said", [long, "The parcel"]))
    assert piece.flags is not None
    assert piece.flags.tolist() == [OUT_OF_RANGE, 0]
    assert torch.equal(cells(long)[0], cells(long[:MOST_CHARACTERS])[0])
    longest = "".join(chr(0x4E00 + n) for n in range(20_000)) * 2
    assert TextEncoder.fit(pl.Series([longest] * 3), COLUMN).length == LONGEST


def test_columns_without_any_text_can_be_encoded() -> None:
    for empty in (pl.Series([None, None]), pl.Series([], dtype=pl.String), pl.Series(["", "!x"])):
        encoder = TextEncoder.fit(empty, COLUMN)
        assert encoder.features == 0
        media = encoder.encode(pl.Series(["anything", None])).media
        assert media is not None
        assert media.tolist() == [[0], [0]]
        assert TextEncoder.from_json(encoder.to_json()).to_json() == encoder.to_json()


def test_numbers_and_truths_are_read_as_texts() -> None:
    encoder = TextEncoder.fit(pl.Series([12, 12, 7]), COLUMN)
    assert encoder.vocabulary.words == ("12",)


@given(st.text())
def test_no_text_does_harm(text: str) -> None:
    first, again = cells(text), cells(text, text)
    assert torch.equal(first[0], again[1])
    assert torch.isfinite(unpack(first)[1]).all()


def test_the_state_goes_through_json_and_gives_the_same_bits() -> None:
    state = json.loads(json.dumps(ENCODER.to_json()))
    again = TextEncoder.from_json(state)
    assert again.to_json() == ENCODER.to_json()
    media = again.encode(TRAIN).media
    assert media is not None
    assert torch.equal(media, cells(*TRAIN.to_list()))


def numbers(*values: int) -> str:
    return base64.b64encode(np.array(values, "<i8").tobytes()).decode()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", 3),
        ("words", None),
        ("words", [1, 2]),
        ("words", ["the", "the"]),
        ("words", ["the"]),
        ("sequences", "no base64!"),
        ("sequences", "AAAA"),
        ("sequences", [1]),
        ("sequences", numbers(1)),
        ("sequences", numbers(-5)),
        ("sequences", numbers(1 << 62)),
        ("alphabet", "ba"),
        ("alphabet", 7),
        ("pieces", numbers(0)),
        ("pieces", numbers(1 << 61)),
        ("rows_with", numbers(1, 2)),
        ("rows_with", numbers(*[9] * 4)),
        ("length", 0),
        ("length", LONGEST + 1),
        ("length", True),
        ("length", 2.0),
        ("length", None),
    ],
)
def test_an_odd_state_is_refused(part: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        TextEncoder.from_json(ENCODER.to_json() | {part: value})


def test_a_state_without_a_part_is_refused() -> None:
    for part in ENCODER.to_json():
        state = ENCODER.to_json()
        del state[part]
        with pytest.raises(KeyError):
            TextEncoder.from_json(state)


def test_counts_of_features_that_no_table_has_are_refused() -> None:
    size = ENCODER.features
    for counts in ([-1] * (size + 1), [3, *[4] * size], [1 << 60] * (size + 1)):
        with pytest.raises(ValueError, match="rows"):
            TextEncoder.from_json(ENCODER.to_json() | {"rows_with": numbers(*counts)})


def test_packed_numbers_keep_ids_exactly_and_weights_closely() -> None:
    ids = np.array([1, 2, MOST_ID, MOST_ID], np.int64)
    weights = np.array([1.0, 0.01, 1e-9, 0.5])
    found, close = unpack(torch.from_numpy(pack(ids, weights)))
    assert found.tolist() == ids.tolist()
    assert close[0] == 1
    assert close[1].item() == pytest.approx(0.01, rel=0.005)
    assert close[2].item() == pytest.approx(1 / FINEST**2)


def test_flat_leaves_padding_out_and_keeps_rows_apart() -> None:
    ids, offsets, weights = flat(cells("", "the parcel", None, "refund"))
    assert offsets.tolist()[:2] == [0, 0]
    assert offsets[2] == offsets[3]
    assert len(ids) == len(weights) == int((cells("the parcel", "refund") > 0).sum())
    assert [len(one) for one in flat(torch.zeros(0, 5, dtype=torch.int32))] == [0, 0, 0]


def test_a_large_column_chooses_its_features_from_evenly_spread_rows(monkeypatch) -> None:
    monkeypatch.setattr("deeplode.encode.vocabulary.MOST_BYTES", 200)
    encoder = TextEncoder.fit(TRAIN, COLUMN)
    assert 0 < encoder.features < ENCODER.features
    assert encoder.rows_with[0] == len(TRAIN)


def test_long_texts_have_no_pieces(monkeypatch) -> None:
    monkeypatch.setattr("deeplode.encode.vocabulary.LONG", 5)
    assert len(TextEncoder.fit(TRAIN, COLUMN).vocabulary.pieces) == 0
    assert len(ENCODER.vocabulary.pieces) > 0
