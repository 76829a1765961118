"""The graph net of the leaderboard: encoded nodes and their links in, answers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.graph import Graph
from deeplode.encode.batch import Batch
from deeplode.evaluate.design import Design
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.sparse import features_of, texts_of
from deeplode.nets.graphnet import GraphNet, GraphShape
from deeplode.nets.pagerank import Fixed, Matrix
from deeplode.tasks.net import Scale

CHUNK = 1 << 18  # nodes whose columns are held as a matrix at once
WEIGHTS = ("first", "first_bias", "last", "last_bias", "trust")


@dataclass(frozen=True, eq=False)
class Columns:
    """How nodes become a matrix: numbers and levels as the linear model has them, then the features
    of each column of text. widths: of these, number 0 too."""

    design: Design
    widths: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """Columns of the matrix."""
        return self.design.width + sum(self.widths)

    def matrix(self, nodes: Batch) -> Matrix:
        """(nodes, inputs) float32; sparse where there are texts."""
        from scipy import sparse

        plain = self.design.matrix(nodes).numpy()
        if not self.widths:
            return plain
        texts = [
            torch.where((cells & ((1 << 20) - 1)) < width, cells, 0)
            for cells, width in zip(texts_of(nodes), self.widths, strict=True)
        ]
        return sparse.hstack([sparse.csr_array(plain), features_of(texts, self.widths)], "csr")


@dataclass(frozen=True, eq=False)
class GraphModel:
    """A trained graph net: the candidate called ``graph_net``.

    truth: (nodes of training,) class or standardised value of rows that members trained on, NaN of
    others. state: (nodes of training, members * outputs) float16, the scores of each after they
    spread: what new nodes hear that link to it. training: how it came to be.
    """

    problem: Problem
    net: GraphNet
    columns: Columns
    scale: Scale
    truth: NDArray[np.float32]
    state: NDArray[np.float16]
    training: Mapping[str, Any]

    name = "graph_net"

    def __post_init__(self) -> None:
        shape = self.net.shape
        width = shape.members * shape.outputs
        if (
            self.state.ndim != 2
            or self.state.shape[1] != width
            or not np.isfinite(self.state).all()
        ):
            raise ValueError(f"states of nodes must be finite and {width} wide")
        if self.truth.shape != (len(self.state),):
            raise ValueError("as many truths as states are wanted")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities (rows, n_classes), or values (rows,) in the target's unit. Rows without
        links are answered by their own columns."""
        with torch.inference_mode():
            if batch.linked is None:
                scores = self._own(batch)
            else:
                spread = self.spread(batch.linked.nodes, batch.linked.graph)
                scores = spread[:, batch.linked.places]
        return np.asarray(self.answer(scores).mean(0))

    def spread(self, nodes: Batch, graph: Graph) -> Tensor:
        """Scores of all nodes of a graph, (members, nodes, outputs)."""
        scores, count = self._own(nodes), len(nodes)
        known = graph.known[:count]
        truth = np.where(known >= 0, self.truth[known], np.float32(np.nan))
        scores = scores + self.net.trust * said(truth, self.problem)
        fixed = None
        if graph.edges.nodes > count:
            beyond = np.arange(count, graph.edges.nodes)
            fixed = Fixed(beyond, self.state[graph.known[beyond]].astype(np.float32))
            empty = scores.new_zeros(len(scores), len(beyond), scores.shape[2])
            scores = torch.cat([scores, empty], 1)
        return self.net.spread(graph.matrix, scores, fixed)

    def _own(self, nodes: Batch) -> Tensor:
        """Scores of nodes before they spread, (members, nodes, outputs)."""
        parts = [
            self.net.unspread(self.columns.matrix(nodes.rows(slice(first, first + CHUNK))))
            for first in range(0, max(1, len(nodes)), CHUNK)
        ]
        return torch.cat(parts, 1)

    def answer(self, scores: Tensor) -> NDArray[np.float64]:
        """(members, rows, outputs) -> (members, rows, n_classes) or (members, rows)."""
        wide = scores.double()
        if self.problem.classifies:
            return np.asarray(wide.softmax(2).numpy())
        values = wide.squeeze(2) * self.scale.spread + self.scale.mean
        return np.asarray(values.clamp(self.scale.low, self.scale.high).numpy())

    def facts(self) -> dict[str, Any]:
        """What the net is and how it was trained, as plain JSON values."""
        return {
            "name": self.name,
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "shape": self.net.shape.to_json(),
            "widths": list(self.columns.widths),
            "scale": asdict(self.scale),
            "training": dict(self.training),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights, the design of the inputs, and the states of nodes."""
        design = self.columns.design
        return {
            **{name: getattr(self.net, name).detach().numpy() for name in WEIGHTS},
            "mean": design.mean,
            "deviation": design.deviation,
            "gaps": design.gaps,
            "places": design.places,
            "state": self.state,
            "truth": np.nan_to_num(self.truth),
            "there": np.isfinite(self.truth),
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> GraphModel:
        """The inverse of ``facts`` and ``arrays``.

        Raises ValueError, KeyError or TypeError when the two do not describe a net.
        """
        problem = Problem(facts["task"], facts["n_classes"])
        shape = GraphShape(**facts["shape"])
        design = Design(*(arrays[name] for name in ("mean", "deviation", "gaps", "places")))
        widths = tuple(facts["widths"])
        if any(type(width) is not int or width < 1 for width in widths):
            raise ValueError(f"columns of texts cannot be {widths} wide")
        columns = Columns(design, widths)
        outputs = problem.n_classes if problem.classifies else 1
        if (shape.inputs, shape.outputs) != (columns.inputs, outputs):
            raise ValueError("a graph net over other columns")
        net = GraphNet(shape, torch.zeros(shape.outputs), None)
        with torch.no_grad():
            for name in WEIGHTS:
                found, own = arrays[name], getattr(net, name)
                if found.dtype != np.float32 or found.shape != own.shape:
                    raise ValueError(f"{name} must be float32 {tuple(own.shape)}")
                if not np.isfinite(found).all():
                    raise ValueError(f"{name} must be finite")
                own.copy_(torch.from_numpy(np.array(found)))
        scale = Scale(**{name: float(value) for name, value in facts["scale"].items()})
        state = np.asarray(arrays["state"], np.float16)
        truth = np.where(arrays["there"].astype(bool), arrays["truth"], np.nan).astype(np.float32)
        if problem.classifies and not np.isin(truth[arrays["there"]], range(outputs)).all():
            raise ValueError("classes that are not there")
        return cls(problem, net, columns, scale, truth, state, facts["training"])


def said(truth: NDArray[np.float32], problem: Problem) -> Tensor:
    """(nodes, outputs) what known nodes add to their scores: 1 for the class, less the mean of all
    classes, or the value; 0 of others. truth: (nodes,) NaN where it is not known."""
    there = np.isfinite(truth)
    if not problem.classifies:
        return torch.from_numpy(np.where(there, truth, 0).astype(np.float32)[:, None])
    found = np.zeros((len(truth), problem.n_classes), np.float32)
    found[there, truth[there].astype(np.int64)] = 1
    found[there] -= 1 / problem.n_classes
    return torch.from_numpy(found)
