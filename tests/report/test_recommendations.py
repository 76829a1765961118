"""The page of recommendations: users with their lists, what goes together, whom lists reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from deeplode import Recommender
from deeplode.report.page import render

HOSTILE = "<script>alert('片')</script>"
SECTIONS = {
    "en": ["Recommendations", "Items that go together", "Reach", "Interactions", "Latest first"],
    "zh": ["推荐", "最近的在前"],
}

pytestmark = pytest.mark.usefixtures("short_nets")


@pytest.fixture(scope="module")
def facts(tastes: Callable[..., pl.DataFrame]) -> dict[str, Any]:
    """Of films and users whose names are code and without an end."""
    frame = tastes(120).with_columns(user=pl.lit(HOSTILE) + pl.col("user"))
    titles = [HOSTILE + "长" * 5_000 for _ in range(60)]
    films = pl.DataFrame({"film": range(100, 160), "title": titles, "kind": [*"abcd"] * 15})
    made = Recommender(item="film", rating="stars", timestamp="when", threads=1)
    return made.fit(frame, items=films).facts_


@pytest.mark.parametrize("language", SECTIONS)
def test_every_section_is_there_in_both_languages(facts: dict[str, Any], language: str) -> None:
    page = render(facts, language)
    for words in SECTIONS[language]:
        assert words in page, words
    for section in ("recommendations", "similar", "reach", "interactions"):
        assert f'id="{section}"' in page
    assert "R-REC" not in page
    assert "R-MODEL" not in page


def test_names_of_users_and_items_stay_text_and_the_page_stays_small(
    facts: dict[str, Any],
) -> None:
    page = render(facts, "en")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert len(page.encode()) < 3_000_000


def test_what_a_user_took_is_marked_and_the_leaderboard_has_every_way(
    facts: dict[str, Any],
) -> None:
    taken = [row for one in facts["samples"] for row in one["recommended"] if row["hit"]]
    page = render(facts, "en")
    assert page.count(">taken<") == len(taken) > 0
    assert len(facts["leaderboard"]) > 4
    for name in ("What is popular", "Item neighbours", "EASE", "Blend"):
        assert name in page


def test_without_users_nothing_is_said_of_single_ones(facts: dict[str, Any]) -> None:
    user = "&lt;/script&gt;u"
    assert user in render(facts, "en")
    page = render({**facts, "samples": []}, "en")
    assert "Items that go together" in page
    assert user not in page


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, [[]], [None], [{"item": None}]])
@pytest.mark.parametrize("where", ["samples", "similar", "popularity", "leaderboard", "weights"])
def test_facts_of_any_shape_make_a_page(facts: dict[str, Any], where: str, odd: object) -> None:
    assert "</html>" in render({**facts, where: odd}, "en")
