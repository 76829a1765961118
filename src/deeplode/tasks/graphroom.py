"""Graph room: the memory that links take while a target is learned among them."""

from __future__ import annotations

from deeplode.data.graph import Graph
from deeplode.encode.batch import Sizes
from deeplode.evaluate.problem import Problem
from deeplode.nets.graphnet import CHUNK
from deeplode.tasks.graphchoices import EPOCH_ROWS, FANOUT, HOPS, SAMPLED, recipe_for

FLOAT = 4
# Bytes, as measured on Cora, Facebook pages and made graphs of 200 000 and a million nodes:
LINK = 300  # a link: the list of them, both directions by node, the matrix, and what is told of it
HEARD = 64  # a node and class while answers are propagated
HIDDEN = 4  # copies of a hidden layer that a step holds, and for each of the answers drawn as many
SCORES = 14  # copies of the scores
ENTRY = 24  # an entry of a text or sparse vector in the net's matrix and in the transposed one


def graph_parts(graph: Graph, sizes: Sizes, problem: Problem, rows: int) -> dict[str, int]:
    """Bytes by what holds them, on top of what a table of the training rows alone takes.

    rows: that train.
    """
    nodes, links = len(graph.nodes), len(graph.edges)
    media = sum(one.nbytes for one in sizes.media)
    columns = sizes.simple + len(sizes.categories)
    outputs = problem.n_classes if problem.classifies else 2
    return {
        "links": LINK * links,
        "nodes": int(graph.nodes.frame.estimated_size()) + nodes * (2 * columns * FLOAT + media),
        "label_propagation": HEARD * nodes * outputs,
        "graph_net": _net(nodes, links, sizes, outputs, rows),
    }


def _net(nodes: int, links: int, sizes: Sizes, outputs: int, rows: int) -> int:
    """A step of training, and a look at all nodes."""
    recipe = recipe_for(rows, nodes, links)
    wide = recipe.members * recipe.hidden
    sampled = recipe is SAMPLED
    reached = EPOCH_ROWS * sum(FANOUT**hop for hop in range(HOPS + 1))
    stepped = min(nodes, reached) if sampled else nodes
    hidden = HIDDEN * (1 + recipe.drawn) * wide * max(stepped, min(nodes, CHUNK) if sampled else 0)
    scores = SCORES * recipe.drawn * recipe.members * outputs * nodes
    texts = sum(one.shape[0] for one in sizes.media if one.kind == "text")
    weights = 6 * wide * (sizes.wide + sum(one.features for one in sizes.media))
    return FLOAT * (hidden + scores + weights + 2 * nodes * sizes.wide) + ENTRY * nodes * texts
