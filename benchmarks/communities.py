"""Communities: deeplode beside networkx and leidenalg on small networks, Cora and Facebook pages.

    python benchmarks/communities.py
    python benchmarks/communities.py --only small --seeds 2

Modularity, agreement with the true groups where there are any (they choose nothing), the number of
communities and seconds, means over seeds. ``leidenalg`` is left out where it is not installed;
greedy modularity where it takes too long. Links count once, without weights.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
from machine import header
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from tables import markdown

from deeplode.communities.network import Network, modularity
from deeplode.runtime import Budget, configured
from deeplode.tasks.communities import BOTH, CONTENT, LINKS, communities

SMALL = ("karate", "dolphins", "polbooks", "football", "lesmis", "adjnoun")
BEST = {"karate": 0.4198, "dolphins": 0.5285, "polbooks": 0.5272, "football": 0.6046}
BEST |= {"lesmis": 0.5600, "adjnoun": 0.3134}
LARGE = 5_000  # nodes from which greedy modularity takes minutes and more
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Graph:
    """A network with what is known of its nodes. content: (nodes, columns) or None. truth: (nodes,)
    codes of the true groups or None."""

    name: str
    network: Network
    content: NDArray[np.float64] | None
    truth: Labels | None


def small(folder: Path, name: str) -> Graph:
    """One of Newman's small networks."""
    nodes = pl.read_csv(folder / "small" / f"{name}_nodes.csv")
    edges = pl.read_csv(folder / "small" / f"{name}_edges.csv")
    truth = _codes(nodes["group"]) if "group" in nodes.columns else None
    return Graph(name, _network(nodes["node"], edges), None, truth)


def large(folder: Path, name: str, truth: str) -> Graph:
    """Nodes with sparse features. truth: the column of the true groups."""
    nodes = pl.read_parquet(folder / f"{name}_nodes.parquet")
    edges = pl.read_parquet(folder / f"{name}_edges.parquet")
    content = _content(folder / f"{name}_features.npz", len(nodes))
    return Graph(name, _network(nodes["node"], edges), content, _codes(nodes[truth]))


def _network(ids: pl.Series, edges: pl.DataFrame) -> Network:
    place = {one: at for at, one in enumerate(ids)}
    ends = np.array([[place[one] for one in edges[end]] for end in ("source", "target")])
    pairs = np.unique(np.sort(ends[:, ends[0] != ends[1]], axis=0), axis=1)
    return Network.of(len(ids), pairs[0], pairs[1])


def _codes(series: pl.Series) -> Labels:
    return np.asarray(np.unique(series.cast(pl.String).to_numpy(), return_inverse=True)[1])


def _content(path: Path, rows: int) -> NDArray[np.float64]:
    """The features as ``deeplode cluster --features`` sees them."""
    from deeplode.clusters.vectors import fit_vectors
    from deeplode.data.features import beside
    from deeplode.data.schema import Roles, infer
    from deeplode.data.table import Table
    from deeplode.encode.encoder import Encoder
    from deeplode.tasks.cluster import units_of

    table = beside(Table.of(pl.DataFrame({"row": [""] * rows})), str(path), 1)
    encoder = Encoder.fit(table, infer(table, Roles()))
    batch = encoder.transform(table).batch
    made = fit_vectors(batch, encoder.sizes.media, units_of(encoder), 0)
    return np.asarray(made.of(batch).double().numpy())


def candidates(graph: Graph, seed: int) -> Iterator[tuple[str, Labels, float]]:
    """Name, labels and seconds of each method."""
    ids = pl.Series(np.arange(len(graph.network)))
    with configured(1, seed):
        made = communities(graph.network, ids, graph.content, None, seed, Budget.begin())
    for name in (LINKS, BOTH, CONTENT):
        if name in made.candidates:
            chosen = " (the answer)" if name == made.answer else ""
            yield f"deeplode, {name}{chosen}", made.candidates[name], made.seconds[name]
    for name, method in peers(graph, seed).items():
        begun = time.perf_counter()
        label = method()
        yield name, label, time.perf_counter() - begun


def peers(graph: Graph, seed: int) -> dict[str, Callable[[], Labels]]:
    """Methods of others on the links alone."""
    source, target, _ = graph.network.edges
    net = nx.Graph()
    net.add_nodes_from(range(len(graph.network)))
    net.add_edges_from(zip(source.tolist(), target.tolist(), strict=True))
    found: dict[str, Callable[[], Labels]] = {
        "networkx, Louvain": lambda: _of(nx.community.louvain_communities(net, seed=seed)),
        "networkx, label propagation": lambda: _of(
            nx.community.asyn_lpa_communities(net, seed=seed)
        ),
    }
    if len(graph.network) < LARGE:
        found["networkx, greedy modularity"] = lambda: _of(
            nx.community.greedy_modularity_communities(net)
        )
    try:
        import igraph
        import leidenalg
    except ImportError:
        return found
    pairs = list(zip(source.tolist(), target.tolist(), strict=True))
    other = igraph.Graph(len(graph.network), pairs)
    kind = leidenalg.ModularityVertexPartition
    found["leidenalg, Leiden"] = lambda: np.asarray(
        leidenalg.find_partition(other, kind, n_iterations=-1, seed=seed).membership
    )
    return found


def _of(groups: object) -> Labels:
    """Labels of sets of nodes."""
    sets = list(groups)  # type: ignore[call-overload] # an iterable of sets
    label = np.zeros(sum(map(len, sets)), np.int64)
    for at, group in enumerate(sets):
        label[list(group)] = at
    return label


def rows(graph: Graph, seeds: int) -> Iterator[list[str]]:
    """A line for each method: means over seeds."""
    found: dict[str, list[list[float]]] = {}
    for seed in range(seeds):
        for name, label, seconds in candidates(graph, seed):
            line = [modularity(graph.network, label), float(len(np.unique(label))), seconds]
            if graph.truth is not None:
                line += [normalized_mutual_info_score(graph.truth, label)]
                line += [adjusted_rand_score(graph.truth, label)]
            found.setdefault(name, []).append(line)
    for name, lines in found.items():
        mean, spread = np.mean(lines, axis=0), np.std(lines, axis=0)
        least = min(line[0] for line in lines)
        cells = [f"{mean[0]:.4f} ({least:.4f})", f"{mean[1]:.1f}", f"{mean[2]:.2f}"]
        cells += [f"{mean[at]:.3f} ± {spread[at]:.3f}" for at in range(3, len(mean))]
        yield [graph.name, name, *cells, *[""] * (5 - len(mean))]


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="small,cora,facebook")
    parser.add_argument("--seeds", type=int, default=5)
    told = parser.parse_args()
    folder = Path(os.environ["DEEPLODE_DATA"]) / "graphs"
    print(header())
    made: list[Callable[[], Graph]] = []
    if "small" in told.only:
        made += [lambda name=name: small(folder, name) for name in SMALL]  # type: ignore[misc]
    if "cora" in told.only:
        made.append(lambda: large(folder, "cora", "label"))
    if "facebook" in told.only:
        made.append(lambda: large(folder, "facebook_pages", "page_type"))
    lines = [line for one in made for line in rows(one(), told.seeds)]
    head = ["network", "method", "modularity (least)", "communities", "seconds", "NMI", "ARI"]
    print(markdown(head, lines))
    print("Best known modularity: " + ", ".join(f"{name} {own}" for name, own in BEST.items()))


if __name__ == "__main__":
    main()
