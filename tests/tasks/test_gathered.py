"""Gathered: what is learned from, and that whatever is left out is counted and told."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from deeplode.data.interactions import InteractionColumns
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.tasks.gathered import Gathered, Wish, gather

NAMES = ["user", "item", "rating", "time"]
COLUMNS = InteractionColumns(*NAMES)


def gathered(rows: list[tuple[Any, ...]], **wish: Any) -> Gathered:
    frame = pl.DataFrame(rows, NAMES, orient="row")
    return gather(Table.of(frame, "bought.csv"), COLUMNS, Wish(**wish))


def codes(made: Gathered) -> set[str]:
    return {notice.code for notice in made.notices}


def had(made: Gathered, user: str) -> list[Any]:
    """Items that a user liked, the oldest first."""
    liked = made.liked
    mine = liked.users.to_list().index(user)
    return [liked.items[int(at)] for at in liked.item[liked.user == mine]]


REPEATED = [("a", 1, 4, 10), ("a", 2, 4, 20), ("a", 1, 1, 30), ("b", 1, 4, 40), ("b", 2, 4, 50)]


@pytest.mark.parametrize(
    ("how", "history", "told"),
    [("last", [2], {"W-REC-003"}), ("sum", [2, 1], {"W-REC-016"}), ("keep", [1, 2], set())],
)
def test_of_repeated_interactions_counts_what_was_asked_for_and_that_is_told(
    how: str, history: list[int], told: set[str]
) -> None:
    made = gathered(REPEATED, duplicates=how, min_rating=3)
    assert had(made, "a") == history
    assert made.counts["repeated"] == len(told)
    assert codes(made) & {"W-REC-003", "W-REC-016"} == told


def test_low_ratings_of_a_scale_are_disliked_and_amounts_of_nothing_too() -> None:
    scale = gathered([("a", 1, 5, 1), ("a", 2, 1, 2), ("b", 2, 4, 3), ("b", 1, 5, 4)])
    assert (scale.least, scale.counts["disliked"]) == (3, 1)
    assert "W-REC-004" in codes(scale)
    assert scale.disliked.item.tolist() == [1]
    many = [("a", at, 1, at) for at in range(20)]
    amounts = gathered([*many, ("b", 0, 400, 99), ("b", 1, 0, 98)])
    assert (amounts.least, amounts.counts["disliked"]) == (None, 1)
    assert "W-REC-005" in codes(amounts)


def test_rare_users_and_items_are_left_out_on_request_alone_and_counted() -> None:
    rows = [*REPEATED[1:], ("c", 9, 4, 60)]
    assert had(gathered(rows, min_rating=3), "c") == [9]
    made = gathered([*rows, ("a", 3, 4, 70)], min_rating=1, min_count=2)
    assert "c" not in made.liked.users
    assert 9 not in made.liked.items
    assert made.counts["rare"] == 2
    assert "W-REC-006" in codes(made)


@pytest.mark.parametrize("wish", [{"min_rating": 9}, {"min_count": 99}])
def test_where_nothing_is_left_the_error_says_what_was_asked_for(wish: dict[str, Any]) -> None:
    with pytest.raises(DataError) as error:
        gathered(REPEATED, **wish)
    assert error.value.code == "E-DATA-203"
    assert "bought.csv" in error.value.message()
    assert str(next(iter(wish.values()))) in error.value.message()


def test_counts_account_for_every_row() -> None:
    rows = [*REPEATED, (None, 1, 4, 60), ("c", 9, 1, 70)]
    made = gathered(rows, most_bad=0.5, min_rating=3)
    counts = made.counts
    left = ("lacking", "repeated", "disliked", "rare")
    assert counts["rows"] == len(rows) == len(made.liked) + sum(counts[one] for one in left)
