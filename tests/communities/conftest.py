"""Networks: the small ones that partitions are measured by, and planted ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.communities.network import Network

FOLDER = Path(os.environ.get("DEEPLODE_DATA", "/nowhere")) / "graphs"


@pytest.fixture(scope="session")
def small() -> Callable[[str], tuple[Network, pl.DataFrame]]:
    """A network by its name, without weights, and its nodes."""
    return _small


@pytest.fixture(scope="session")
def blocks() -> Callable[..., Network]:
    """A planted partition by the sizes of its blocks and the chances of links."""
    return _blocks


def _small(name: str) -> tuple[Network, pl.DataFrame]:
    if not FOLDER.is_dir():
        pytest.skip("no DEEPLODE_DATA")
    nodes = pl.read_csv(FOLDER / "small" / f"{name}_nodes.csv")
    edges = pl.read_csv(FOLDER / "small" / f"{name}_edges.csv").select("source", "target").unique()
    place = {node: at for at, node in enumerate(nodes["node"])}
    ends = [np.array([place[node] for node in edges[one]]) for one in ("source", "target")]
    return Network.of(len(nodes), *ends), nodes


def _blocks(sizes: tuple[int, ...], inside: float, across: float, seed: int = 0) -> Network:
    """A planted partition: nodes of a block are linked with one chance, others with another."""
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(len(sizes)), sizes)
    low, high = np.triu_indices(len(block), 1)
    chance = np.where(block[low] == block[high], inside, across)
    drawn = rng.random(len(low)) < chance
    return Network.of(len(block), low[drawn], high[drawn])
