"""From a table of nodes and their links to communities and back for new nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.runtime import Budget
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.partition import Partitioned, partition

SIZE = 75
TRUTH = np.repeat([0, 1, 2], (30, 25, 20))


def nodes(noise: float = 0.4) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    about = rng.normal(size=(3, 4))[TRUTH] + noise * rng.normal(size=(SIZE, 4))
    columns = {f"x{at}": own for at, own in enumerate(about.T)}
    return pl.DataFrame({"who": [f"n{at:02}" for at in range(SIZE)], **columns})


def ends(seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    low, high = np.triu_indices(SIZE, 1)
    drawn = rng.random(len(low)) < np.where(TRUTH[low] == TRUTH[high], 0.35, 0.03)
    names = nodes()["who"].to_numpy()
    return pl.DataFrame({"source": names[low[drawn]], "target": names[high[drawn]]})


def made(frame: pl.DataFrame, links: pl.DataFrame, clusters: int | None = None) -> Partitioned:
    table = Table.of(frame).with_ids("who")
    schema = infer(table, Roles(id="who"), None, True)
    return partition(table, Table.of(links), schema, clusters, 0.0, 0, Budget.begin())


@pytest.fixture(scope="module")
def whole() -> Partitioned:
    return made(nodes(), ends())


def test_communities_are_found_and_every_row_is_answered_by_its_own(whole: Partitioned) -> None:
    assert whole.placed.cluster.tolist() == TRUTH.tolist()
    assert whole.placed.probability.tolist() == [1.0] * SIZE
    assert whole.model.communities == 3


def test_the_order_of_rows_and_links_does_not_change_a_bit(whole: Partitioned) -> None:
    rng = np.random.default_rng(3)
    rows, lines = rng.permutation(SIZE), rng.permutation(len(ends()))
    turned = ends()[lines].select(source="target", target="source")
    other = made(nodes()[rows], turned)
    assert other.placed.cluster.tolist() == whole.placed.cluster[rows].tolist()
    for name, array in whole.model.assigner.arrays().items():
        assert (other.model.assigner.arrays()[name] == array).all(), name


def test_the_order_of_columns_does_not_change_the_partition(whole: Partitioned) -> None:
    other = made(nodes().select("x2", "who", "x0", "x3", "x1"), ends())
    assert other.placed.cluster.tolist() == whole.placed.cluster.tolist()


def test_a_model_written_and_read_answers_to_the_same_bits(whole: Partitioned) -> None:
    read = CommunityModel.restore(whole.model.facts(), whole.model.arrays())
    table = Table.of(nodes())
    assert (read.predict(table).outputs == whole.model.predict(table).outputs).all()


def new(whole: Partitioned, frame: pl.DataFrame, links: pl.DataFrame) -> list[int]:
    table = Table.of(frame).with_ids("who")
    among = whole.model.nodes.within(table, Table.of(links), "who", 0.0)
    return (whole.model.answered(among)["cluster"] - 1).to_list()


def test_new_nodes_go_with_their_links_and_their_content(whole: Partitioned) -> None:
    some = nodes(0.0)[[0, 30, 55]].with_columns(who=pl.Series(["new a", "new b", "new c"]))
    none = pl.DataFrame({"source": ["new a"], "target": ["n31"]})
    several = pl.DataFrame({"source": ["new a"] * 4, "target": ["n31", "n32", "n33", "n34"]})
    assert new(whole, some, none)[1:] == [1, 2]  # without links by content
    middle = some.with_columns(pl.col(pl.Float64).mean())
    assert new(whole, middle, several)[0] == 1


def test_known_nodes_keep_their_community_whatever_their_columns_say(whole: Partitioned) -> None:
    strange = nodes()[[0]].with_columns(pl.col(pl.Float64) * -100)
    assert new(whole, strange, pl.DataFrame({"source": ["n00"], "target": ["n74"]})) == [0]


def test_known_nodes_are_known_without_links_too(whole: Partitioned) -> None:
    answers = whole.model.answered(Table.of(nodes()[::-1]))
    assert (answers["cluster"] - 1).to_list() == TRUTH[::-1].tolist()


def test_rows_without_anything_to_learn_from_are_parted_by_links_alone() -> None:
    found = made(nodes().select("who"), ends())
    assert found.placed.cluster.tolist() == TRUTH.tolist()
    assert found.model.vectors is None


def test_links_that_name_unknown_nodes_are_refused() -> None:
    with pytest.raises(DataError, match="nobody"):
        made(nodes(), ends().vstack(pl.DataFrame({"source": ["n00"], "target": ["nobody"]})))


def test_self_loops_and_repeated_links_are_told_and_change_nothing(whole: Partitioned) -> None:
    more = ends().vstack(pl.DataFrame({"source": ["n00"], "target": ["n00"]})).vstack(ends()[:5])
    found = made(nodes(), more)
    assert found.placed.cluster.tolist() == whole.placed.cluster.tolist()
    assert {"W-GRAPH-002", "W-GRAPH-003"} <= {one.code for one in found.edges.notices}


def test_a_star_has_one_community() -> None:
    names = nodes()["who"]
    star = pl.DataFrame({"source": [names[0]] * (SIZE - 1), "target": names[1:]})
    assert set(made(nodes().select("who"), star).placed.cluster.tolist()) == {0}


@pytest.mark.parametrize("bad", ["label", "share", "long"])
def test_arrays_that_no_search_can_have_made_are_refused(whole: Partitioned, bad: str) -> None:
    arrays = whole.model.arrays()
    if bad == "label":
        arrays["communities.label"] = np.full(SIZE, 3, np.int32)
    elif bad == "share":
        arrays["assigner.share"] = np.ones(5)
    else:
        arrays["communities.label"] = np.zeros(SIZE + 1, np.int32)
    with pytest.raises((ValueError, KeyError, TypeError)):
        CommunityModel.restore(whole.model.facts(), arrays)


def test_a_model_does_not_hold_the_ids_of_its_nodes(whole: Partitioned) -> None:
    kept = b"".join(array.tobytes() for array in whole.model.arrays().values())
    assert b"n07" not in kept
    assert "n07" not in str(whole.model.facts())
    assert replace(whole.model).communities == 3
