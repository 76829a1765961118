"""Words that speak for a class, and tokens that speak for an answer."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplode.data.column import Column, Kind
from deeplode.encode.bag import unpack
from deeplode.encode.text import TextEncoder
from deeplode.encode.tokens import MOST_CHARACTERS, spans, tokens
from deeplode.evaluate.words import highlight, words_of_classes, words_of_values
from deeplode.messages import Notice

RNG = np.random.default_rng(0)
LABEL = np.arange(600) % 3
FILLER = [f"word{n}" for n in range(40)]
OWN = ("refund", "lovely", "delayed")
TEXTS = pl.Series(
    "said",
    [
        " ".join(RNG.permutation(FILLER)[:8])
        + (f" {OWN[label]} thing" if RNG.random() < 0.4 else "")
        + (" once" if n == 3 else "")
        for n, label in enumerate(LABEL)
    ],
)
COLUMN = Column("said", Kind.TEXT, Notice("KIND-TEXT", "said"), 0.0, 600)
ENCODER = TextEncoder.fit(TEXTS, COLUMN)
CELLS = ENCODER.encode(TEXTS).media
assert CELLS is not None


def test_each_class_has_the_words_that_are_its_own_and_no_others() -> None:
    found = words_of_classes(CELLS, ENCODER.vocabulary, LABEL, 3)
    for label, word in enumerate(OWN):
        mine = [one for one in found if one["class"] == label]
        assert {one["word"] for one in mine} == {word, f"{word} thing"}
        assert all(0 < one["low"] < one["weight"] < one["high"] for one in mine)
        with_word = TEXTS.filter(pl.Series(label == LABEL)).str.contains(word).sum()
        assert {one["rows"] for one in mine} == {with_word}


def test_the_most_words_are_kept_by_falling_certainty() -> None:
    found = words_of_classes(CELLS, ENCODER.vocabulary, LABEL, 3, top=1)
    assert [one["class"] for one in found] == [0, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_by_chance_alone_no_word_speaks_for_anything(seed: int) -> None:
    chance = np.random.default_rng(seed)
    assert not words_of_classes(CELLS, ENCODER.vocabulary, chance.permutation(LABEL), 3)
    assert not words_of_values(CELLS, ENCODER.vocabulary, chance.normal(size=600))


def test_words_of_higher_and_of_lower_values_have_differences_in_the_targets_unit() -> None:
    value = np.select([LABEL == 0, LABEL == 1], [100.0, -100.0], 0.0) + RNG.normal(size=600)
    found = words_of_values(CELLS, ENCODER.vocabulary, value)
    top = {kind: next(one for one in found if one["class"] == kind) for kind in ("higher", "lower")}
    assert OWN[0] in top["higher"]["word"]
    assert OWN[1] in top["lower"]["word"]
    has = TEXTS.str.contains(OWN[0]).to_numpy()
    assert top["higher"]["weight"] == pytest.approx(value[has].mean() - value[~has].mean())
    assert top["lower"]["high"] < 0 < top["higher"]["low"]
    assert not words_of_values(CELLS, ENCODER.vocabulary, np.zeros(600))


def test_tokens_add_up_to_the_texts_part_of_the_score() -> None:
    coefficients = RNG.normal(size=ENCODER.features + 1)
    for text in (TEXTS[0], "Refund REFUND thing, wordy refund thing!", "nothing known", ""):
        media = ENCODER.encode(pl.Series([text])).media
        assert media is not None
        ids, weights = unpack(media)
        score = float((coefficients[ids[0].numpy()] * weights[0].numpy()).sum())
        parts = highlight(ENCODER, text, coefficients)
        assert sum(one["adds"] for one in parts) == pytest.approx(score, abs=1e-9)
        assert [one["text"].lower() for one in parts] == tokens(pl.Series([text]))[1].to_list()


def test_a_word_that_decides_is_the_one_that_is_highlighted() -> None:
    coefficients = np.zeros(ENCODER.features + 1)
    coefficients[ENCODER.vocabulary.words.index("lovely") + 1] = 2.0
    parts = highlight(ENCODER, "A Lovely thing", coefficients)
    assert [one["adds"] > 0 for one in parts] == [False, True, False]
    assert (parts[1]["begin"], parts[1]["end"], parts[1]["text"]) == (2, 8, "Lovely")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ｆｕｌｌ ﬁne e\u0301te\u0301", ["Ｆｕｌｌ", "ﬁne", "e\u0301te\u0301"]),
        ("call 08001234567 now", ["call", "08001234567", "now"]),
        ("1234567 1234567", ["1234567", "1234567"]),
        ("fr\u200bee ½ İstanbul", ["fr\u200bee", "½", "½", "½", "İstanbul"]),
        ("한국 \u1112\u1161\u11ab ﾊﾞ", ["한국", "\u1112\u1161\u11ab", "ﾊﾞ"]),
        ("很好!https://X.org/a", ["很", "好", "!", "https://X.org", "/", "a"]),
        ("", []),
    ],
)
def test_tokens_are_found_again_in_the_text_as_it_was_written(text: str, parts: list[str]) -> None:
    assert [text[begin:end] for begin, end in spans(text)] == parts


@given(st.text())
def test_every_token_of_any_text_has_a_place_in_it(text: str) -> None:
    found = spans(text)
    assert len(found) == len(tokens(pl.Series([text], dtype=pl.String))[1])
    assert all(0 <= begin < end <= len(text) for begin, end in found)
    assert found == sorted(found)


def test_what_was_cut_off_has_no_tokens() -> None:
    assert spans("a " * MOST_CHARACTERS)[-1][1] <= MOST_CHARACTERS
