"""The search of communities: what may change it and what may not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.communities.network import Network
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.runtime import Budget
from deeplode.tasks.communities import BOTH, CONTENT, LINKS, Communities, communities
from deeplode.tasks.networkfacts import homophilies, names_of

DATA = Path(os.environ.get("DEEPLODE_DATA", "/nowhere")) / "graphs"
TRUTH = np.repeat([0, 1, 2], (30, 25, 20))
IDS = pl.Series([f"n{at:02}" for at in range(75)])


def planted(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    low, high = np.triu_indices(75, 1)
    drawn = rng.random(len(low)) < np.where(TRUTH[low] == TRUTH[high], 0.35, 0.03)
    return Network.of(75, low[drawn], high[drawn])


def content(truth: np.ndarray, noise: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(3, 6))[truth] + noise * rng.normal(size=(len(truth), 6))


def found(network: Network, ids: pl.Series = IDS, about: np.ndarray | None = None) -> Communities:
    return communities(network, ids, about, None, 0, Budget.begin())


def test_links_alone_find_the_blocks_and_tell_them_from_chance() -> None:
    made = found(planted())
    assert made.answer == LINKS
    assert made.label.tolist() == TRUTH.tolist()
    assert made.chance["beyond"]
    assert made.likeness is None


def test_content_has_a_say_where_linked_nodes_are_alike() -> None:
    made = found(planted(), about=content(TRUTH))
    assert made.answer == BOTH
    assert made.label.tolist() == TRUTH.tolist()
    assert set(made.candidates) == {LINKS, BOTH, CONTENT}
    assert set(made.seconds) == set(made.candidates)


def test_content_that_does_not_go_with_the_links_has_none() -> None:
    noise = content(np.random.default_rng(5).permutation(TRUTH))
    made = found(planted(), about=noise)
    assert made.answer == LINKS
    assert set(made.candidates) == {LINKS, BOTH, CONTENT}


def test_content_of_a_single_value_changes_nothing() -> None:
    made = found(planted(), about=np.ones((75, 2)))
    assert made.label.tolist() == TRUTH.tolist()


@pytest.mark.parametrize("about", [None, content(TRUTH, 1.5)])
def test_the_order_of_rows_does_not_matter(about: np.ndarray | None) -> None:
    net, order = planted(), np.random.default_rng(3).permutation(75)
    one = found(net, about=about)
    ids = pl.Series([IDS[int(at)] for at in order])
    other = found(net.ordered(order), ids, None if about is None else about[order])
    assert other.label.tolist() == one.label[order].tolist()


def test_as_many_communities_as_asked_for() -> None:
    for clusters in (2, 5):
        made = communities(planted(), IDS, content(TRUTH), clusters, 0, Budget.begin())
        assert {own.max() + 1 for own in made.candidates.values()} == {clusters}


def test_time_that_is_over_leaves_the_links_alone() -> None:
    made = communities(planted(), IDS, content(TRUTH), None, 0, Budget.begin(0.0))
    assert made.answer == LINKS
    assert made.modularity[LINKS] > 0.3


@pytest.mark.skipif(not DATA.is_dir(), reason="no DEEPLODE_DATA")
def test_words_and_citations_of_papers_find_their_fields_better_than_either() -> None:
    from scipy import sparse
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.metrics import normalized_mutual_info_score as nmi

    nodes = pl.read_parquet(DATA / "cora_nodes.parquet")
    edges = pl.read_parquet(DATA / "cora_edges.parquet")
    parts = np.load(DATA / "cora_features.npz")
    words = sparse.csr_array((parts["data"], parts["indices"], parts["indptr"]), parts["shape"])
    rare = TfidfTransformer().fit_transform(sparse.csr_matrix(words.astype(float)))
    about = TruncatedSVD(50, random_state=0).fit_transform(rare)
    net = Network.of(len(nodes), edges["source"].to_numpy(), edges["target"].to_numpy())
    made = found(net, nodes["node"], about)
    score = {name: nmi(nodes["label"], own) for name, own in made.candidates.items()}
    assert made.answer == BOTH
    assert score[BOTH] > 0.55
    assert score[BOTH] > max(score[LINKS], score[CONTENT]) + 0.05


def test_people_call_nodes_by_a_column_of_different_short_texts_else_by_ids() -> None:
    frame = pl.DataFrame(
        {"node": range(60), "team": ["a", "b"] * 30, "label": [f"Club {at}" for at in range(60)]}
    )
    for columns, second in (("node", "team", "label"), "Club 1"), (("node", "team"), "1"):
        table = Table.of(frame.select(columns))
        assert names_of(table, infer(table, Roles()))[1] == second


def test_homophily_is_measured_of_columns_with_a_few_values() -> None:
    block = pl.Series(TRUTH).cast(pl.String)
    told = homophilies(planted(), {"block": block, "one": pl.Series(["x"] * 75), "id": IDS}, 0)
    assert [one["column"] for one in told] == ["block", "id"]
    assert told[0]["low"] > 0.5
    assert told[1]["value"] < 0.05
