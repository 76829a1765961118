"""How graph nets are trained: one table of rules, from the training rows and the graph's size."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from deeplode.nets.graphnet import Shares

STEPS = 6  # of scores along links
RATE = 0.02
SHARPER = 0.5  # temperature of the mean that answers are to agree with
TOLD = 0.15  # share of nodes with a truth from which on it is worth hearing, and not only learning
MOST_NODES, MOST_LINKS = 150_000, 1_500_000  # that a step looks at all of
FANOUT, HOPS = 5, 2  # of a step that looks at a part


@dataclass(frozen=True)
class Recipe:
    """For up to ``rows`` training rows.

    epochs: most of them, patience: of them without a better validation loss. drawn: answers of a
    step; agree: what their differences on all nodes weigh, for classes.
    """

    rows: float
    members: int
    hidden: int
    epochs: int
    patience: int
    decay: float
    shares: Shares
    drawn: int
    agree: float


# Chosen on validation rows of Cora (few training rows) and of Facebook pages (many).
RECIPES = (
    Recipe(2_000, 4, 32, 400, 80, 0.005, Shares(0.7, 0.7, 0.5), drawn=2, agree=1.0),
    Recipe(inf, 2, 32, 150, 30, 0.00003, Shares(0.3, 0.3, 0.2), drawn=1, agree=0.0),
)
# Of a graph that is looked at in parts, an epoch is so many steps of so many training rows.
SAMPLED = Recipe(inf, 2, 32, 10, 3, 0.00003, Shares(0.1, 0.2, 0.1), drawn=1, agree=0.0)
EPOCH_STEPS, EPOCH_ROWS = 40, 1_024


def recipe_for(rows: int, nodes: int, links: int) -> Recipe:
    """The recipe for so many training rows among so many nodes and links."""
    if nodes > MOST_NODES or links > MOST_LINKS:
        return SAMPLED
    return next(one for one in RECIPES if rows <= one.rows)
