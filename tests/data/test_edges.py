"""Links between rows, however odd the file is that names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.edges import Edges, links
from deeplode.data.table import Table
from deeplode.errors import DataError


def edges(
    source: list[Any],
    target: list[Any],
    ids: list[Any] | None = None,
    bad: float = 0.0,
    **more: Any,
) -> Edges:
    named = pl.Series(ids if ids is not None else list(range(5)))
    return links(Table.of(pl.DataFrame({"source": source, "target": target, **more})), named, bad)


def codes(found: Edges) -> list[str]:
    return [notice.code for notice in found.notices]


def pairs(found: Edges) -> list[tuple[int, int]]:
    return list(zip(found.source.tolist(), found.target.tolist(), strict=True))


def test_a_link_counts_once_whatever_its_direction_and_however_often_it_is_named():
    found = edges([0, 1, 1, 3, 4, 2], [1, 0, 2, 4, 0, 1])
    assert pairs(found) == [(0, 1), (0, 4), (1, 2), (3, 4)]
    assert found.weight.tolist() == [1, 1, 1, 1]
    assert codes(found) == ["W-GRAPH-005"]  # some pairs have both directions, some have one
    again = edges([0, 0, 0, 1, 2], [1, 1, 1, 2, 3])
    assert pairs(again) == [(0, 1), (1, 2), (2, 3)]
    assert codes(again) == ["W-GRAPH-003", "W-GRAPH-004"]
    assert again.notices[0].values["count"] == 2


def test_weights_of_repeated_links_add_up_and_of_two_directions_are_their_mean():
    found = edges([0, 0, 1, 2], [1, 1, 2, 1], weight=[1.0, 2.0, 5.0, 3.0])
    assert pairs(found) == [(0, 1), (1, 2)]
    assert found.weight.tolist() == [3.0, 4.0]


def test_a_link_of_weight_0_is_none():
    assert pairs(edges([0, 1], [1, 2], weight=[1, 0])) == [(0, 1)]


def test_links_of_a_node_with_itself_are_left_out_and_told():
    found = edges([0, 1, 2], [0, 2, 2])
    assert pairs(found) == [(1, 2)]
    assert found.notices[0].code == "W-GRAPH-002"
    assert found.notices[0].values == {"count": 2}


def test_nodes_without_links_are_counted():
    found = edges([0], [1])
    assert found.degree.tolist() == [1, 1, 0, 0, 0]
    assert found.notices[-1].values == {"count": 3, "nodes": 5}


def test_links_to_unknown_nodes_are_refused_beyond_the_share_allowed_and_named():
    with pytest.raises(DataError) as error:
        edges([0, 1, 9], [1, 2, 3], bad=0.3)
    assert error.value.code == "E-DATA-133"
    assert error.value.values["row"] == 2
    assert "9" in error.value.message()
    found = edges([0, 1, 9, None], [1, 2, 3, 2], bad=0.5)
    assert pairs(found) == [(0, 1), (1, 2)]
    assert found.notices[0].code == "W-GRAPH-001"
    assert found.notices[0].values["count"] == 2


@pytest.mark.parametrize(
    ("ids", "ends"),
    [
        (["3", "5", "8"], [3, 5, 8]),
        ([3, 5, 8], ["3", " 5", "8"]),
        ([3, 5, 8], [3.0, 5.0, 8.0]),
        (["a", "b", "c"], ["a", "b", "c"]),
    ],
)
def test_ids_match_where_a_number_is_written_as_a_text(ids, ends):
    found = edges([ends[0], ends[1]], [ends[1], ends[2]], ids)
    assert pairs(found) == [(0, 1), (1, 2)]
    assert ("W-GRAPH-007" in codes(found)) == (isinstance(ids[0], str) != isinstance(ends[0], str))


def test_a_text_that_only_looks_like_the_number_is_another_node():
    with pytest.raises(DataError, match="007"):
        edges(["007"], ["8"], [7, 8])


def test_ids_that_name_two_nodes_are_refused():
    with pytest.raises(DataError) as error:
        edges(["a"], ["b"], ["a", "b", "a", None, None])
    assert error.value.code == "E-DATA-131"
    assert error.value.values["row"] == 0


@pytest.mark.parametrize("lacking", ["source", "target"])
def test_an_absent_column_is_named_with_what_comes_near(lacking):
    frame = pl.DataFrame({"source": [0], "target": [1]}).rename({lacking: f"{lacking}s"})
    with pytest.raises(DataError) as error:
        links(Table.of(frame), pl.Series([0, 1]))
    assert error.value.code == "E-DATA-130"
    assert f"{lacking}s" in error.value.hint()


@pytest.mark.parametrize(
    "weight", [[1.0, -1.0], [1.0, None], [1.0, float("inf")], [1.0, 1e200], ["1", "much"]]
)
def test_weights_that_are_none_are_refused_with_their_row(weight):
    with pytest.raises(DataError) as error:
        edges([0, 1], [1, 2], weight=weight)
    assert error.value.code == "E-DATA-134"
    assert error.value.values["row"] == 1


def test_a_graph_without_a_link_is_refused():
    with pytest.raises(DataError) as error:
        edges([1, 2], [1, 2])
    assert error.value.code == "E-DATA-132"


def test_columns_that_are_not_used_are_told():
    found = edges([0, 1], [1, 2], type=["a", "b"], note=["x", "y"])
    assert found.notices[-1].code == "W-GRAPH-006"
    assert "'note'" in found.notices[-1].message()
    assert "'type'" not in found.notices[-1].message()


def test_types_and_times_are_kept_of_the_rows_that_count():
    found = edges([0, 1, 2, 9], [1, 1, 3, 1], bad=0.5, type=["a", "b", "c", "d"], time=[1, 2, 3, 4])
    assert found.said is not None
    assert found.said.frame.rows() == [("a", 1, 0, 1), ("c", 3, 2, 3)]
    assert found.said.ids.to_list() == [0, 2]
    assert edges([0], [1]).said is None


def test_the_order_of_rows_changes_no_bit_of_weights_that_are_added_up():
    chance = np.random.default_rng(0)
    ends = np.sort(chance.integers(0, 5, (2, 400)), axis=0)
    weight = 10.0 ** chance.uniform(-9, 9, 400)
    one = edges(*ends.tolist(), weight=weight)
    for _ in range(5):
        order = chance.permutation(400)
        other = edges(*ends[:, order].tolist(), weight=weight[order])
        assert (one.weight == other.weight).all()


def test_by_node_has_every_link_from_both_ends_in_order():
    begins, other, weight = edges([2, 0, 1], [1, 1, 4], weight=[2, 3, 4]).by_node
    assert begins.tolist() == [0, 1, 4, 5, 5, 6]
    assert other.tolist() == [1, 0, 2, 4, 1, 1]
    assert weight.tolist() == [3, 3, 2, 4, 2, 4]


def test_the_order_of_the_file_changes_nothing():
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 50, (2, 300))
    weight = rng.integers(1, 5, 300).astype(float)
    ids = list(range(50))
    one = edges(*ends.tolist(), ids, weight=weight)
    order = rng.permutation(300)
    other = edges(*ends[:, order].tolist(), ids, weight=weight[order])
    np.testing.assert_array_equal(one.source, other.source)
    np.testing.assert_array_equal(one.target, other.target)
    np.testing.assert_allclose(one.weight, other.weight)
