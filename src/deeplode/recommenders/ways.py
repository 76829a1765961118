"""Ways: the ways of recommending that stand beside each other on the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping

from deeplode.recommenders.autoencoder import Autoencoder, fit_autoencoder
from deeplode.recommenders.ease import MOST as EASE_MOST
from deeplode.recommenders.ease import Ease, fit_ease
from deeplode.recommenders.itemknn import ItemNeighbours, fit_item_neighbours
from deeplode.recommenders.popularity import Popularity, fit_popularity
from deeplode.recommenders.propagation import GraphFilter, fit_graph_filter
from deeplode.recommenders.scorer import Setting, Way
from deeplode.recommenders.sequential import Sequential, fit_sequential
from deeplode.recommenders.slim import MOST as SLIM_MOST
from deeplode.recommenders.slim import Slim, fit_slim
from deeplode.recommenders.towers import TwoTowers, fit_two_towers
from deeplode.recommenders.transitions import Transitions, fit_transitions

NEIGHBOURS: tuple[Setting, ...] = (
    {"k": 200, "shrink": 0.0},
    {"k": 100, "shrink": 10.0},
    {"k": 50, "shrink": 10.0},
)
EASES: tuple[Setting, ...] = (
    {"l2": 1.0, "dropout": 2.0},
    {"l2": 2.0, "dropout": 1.0},
    {"l2": 8.0, "dropout": 0.0},
    {"l2": 4.0, "dropout": 0.5},
    {"l2": 16.0, "dropout": 0.0},
)
SLIMS: tuple[Setting, ...] = (
    {"l1": 0.05, "l2": 1.0, "alpha": 1.0},
    {"l1": 0.02, "l2": 3.0, "alpha": 0.5},
)
FILTERS: tuple[Setting, ...] = (
    {"users": 0.6, "given": 0.6, "wanted": 0.3, "low": 2.0, "sharp": 0.8},
    {"users": 0.6, "given": 0.75, "wanted": 0.3, "low": 3.0, "sharp": 0.5},
    {"users": 0.6, "given": 0.6, "wanted": 0.3, "low": 8.0, "sharp": 0.5},
)
TRANSITIONS: tuple[Setting, ...] = (
    {"window": 10, "decay": 0.8},
    {"window": 5, "decay": 0.9},
)

NET = 25_000  # bytes of an item: weights, their moments and copies, and a step's scores

# In the order of the leaderboard, which is that of fitting: quick ones first.
WAYS: Mapping[str, Way] = {
    "popularity": Way(fit_popularity, ({},), Popularity.restore),
    "item_knn": Way(fit_item_neighbours, NEIGHBOURS, ItemNeighbours.restore),
    "graph_filter": Way(fit_graph_filter, FILTERS, GraphFilter.restore),
    "transitions": Way(fit_transitions, TRANSITIONS, Transitions.restore, needs="order"),
    "ease": Way(fit_ease, EASES, Ease.restore, most=2 * EASE_MOST),
    "admm_slim": Way(fit_slim, SLIMS, Slim.restore, most=2 * SLIM_MOST),
    "two_towers": Way(
        fit_two_towers, ({"epochs": 60},), TwoTowers.restore, deep=True, needs="items", each=NET
    ),
    "gru": Way(
        fit_sequential, ({"epochs": 30},), Sequential.restore, deep=True, needs="order", each=NET
    ),
    "recvae": Way(fit_autoencoder, ({"epochs": 150},), Autoencoder.restore, deep=True, each=NET),
}
