"""Numbers and foreign text as the reader sees them."""

from __future__ import annotations

import math

import pytest

from deeplode.report.words import Words, clip, distinct, plain

EN, ZH = Words("en"), Words("zh")


@pytest.mark.parametrize(
    ("value", "metric", "shown"),
    [
        (0.930112, "roc_auc", "0.930"),
        (0.99812, "roc_auc", "0.9981"),
        (1.0, "accuracy", "1.000"),
        (0.0883971, "brier", "0.0884"),
        (0.278712, "log_loss", "0.2787"),
        (43213.44, "rmse", "43,213"),
        (0.02134567, "rmse", "0.02135"),
        (12.3456, "mae", "12.35"),
        (-0.00001, "r2", "0.000"),
        (-1.25, "r2", "−1.250"),
        (1.23456e15, "rmse", "1.23e+15"),
        (7.5e-9, "mae", "7.5e-09"),
        (None, "rmse", "–"),
        (math.nan, "rmse", "–"),
        (math.inf, "rmse", "–"),
        ("0.5", "rmse", "–"),
        (True, "rmse", "–"),
        (10**400, "rmse", "–"),
    ],
)
def test_a_score_shows_the_digits_that_mean_something(value, metric, shown):
    assert EN.score(value, metric) == shown


def test_the_ends_of_an_interval_show_as_many_decimals_as_the_value():
    facts = {"value": 0.9897, "low": 0.98, "high": 0.99554}
    assert EN.interval(facts, "roc_auc") == "0.980 to 0.996"
    assert ZH.interval(facts, "roc_auc") == "0.980 至 0.996"


@pytest.mark.parametrize("facts", [{"value": 0.5, "low": 0.5, "high": 0.5}, {"value": 1}, None])
def test_an_interval_without_width_or_ends_says_nothing(facts):
    assert EN.interval(facts, "roc_auc") == ""


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.0002, "<1 ms", "<1 毫秒"),
        (0.0514, "51 ms", "51 毫秒"),
        (0.99999, "1.0 s", "1.0 秒"),
        (59.96, "1 min 0 s", "1 分 0 秒"),
        (3725, "1 h 2 min", "1 小时 2 分"),
        (None, "–", "–"),
    ],
)
def test_a_time_is_written_in_the_unit_that_fits(seconds, english, chinese):
    assert EN.seconds(seconds) == english
    assert ZH.seconds(seconds) == chinese


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999_700, "1 MB"), (1_123_000_000, "1.12 GB"), (5e15, "5,000 TB"), ("1", "–")],
)
def test_a_size_is_written_in_decimal_units(size, shown):
    assert EN.size(size) == shown


@pytest.mark.parametrize(
    ("share", "times"),
    [(0.93, "93"), (0.9987, "99.9"), (0.99999, "99.9"), (1.0, "100"), (0.004, "0.4"), (0, "0")],
)
def test_times_in_a_hundred_never_claim_certainty_that_is_not_there(share, times):
    assert EN.hundred(share) == times


def test_direction_marks_and_control_characters_become_visible():
    assert plain("a\u202eb\x00c\u200b") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩"
    assert plain("two\nlines\tand tab") == "two lines and tab"


def test_half_of_a_surrogate_pair_can_be_written_as_utf8():
    assert plain("x\ud800y").encode("utf-8")


def test_a_very_long_text_is_cut_with_a_mark():
    assert plain("x" * 9999, 50) == "x" * 49 + "…"


def test_clipping_counts_chinese_characters_double():
    assert clip("国" * 11, 22) == "国" * 11
    assert clip("国" * 12, 22) == "国" * 10 + "…"
    assert clip("short") == "short"


def test_names_that_became_equal_are_told_apart():
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]


def test_a_message_is_said_anew_in_the_language_of_the_page_where_its_values_are_known():
    entry = {"code": "R-ROWS", "values": {"rows": "5"}, "message": "stored text"}
    assert ZH.sentence(entry) == "5 行"
    assert ZH.sentence(entry | {"values": {}}) == "stored text"
    assert ZH.sentence(entry | {"code": "X-1"}) == "stored text"
    assert ZH.sentence("only text") == "only text"
    assert ZH.sentence(None) == ""


def test_large_gains_are_written_out_in_sentences():
    values = {"metric": "RMSE", "gain": 2416.6, "low": -1208.3, "high": 4833.2}
    values |= {"net_seconds": 34.2, "trees_seconds": 3.4}
    told = EN.sentence({"code": "V-011", "values": values})
    assert "by 2,417 in RMSE (-1,208 to 4,833)" in told
