"""Linked: where encoded rows stand among nodes that are linked to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from deeplode.data.graph import Graph

if TYPE_CHECKING:
    from deeplode.encode.batch import Batch, Places


@dataclass(frozen=True, eq=False)
class Linked:
    """places: (rows,) int64 node of each row. nodes: the encoded columns of all nodes of ``graph``
    that have any."""

    places: Tensor
    nodes: Batch
    graph: Graph

    def rows(self, index: Tensor | slice) -> Linked:
        """The rows at these positions, among the same nodes."""
        return replace(self, places=self.places[index])

    def shuffled(self, places: Places, order: Tensor) -> Linked:
        """The nodes with the cells of one source column of these rows mixed among them.

        order: (rows,) int64: whose cells each row gets.
        """
        other = torch.arange(len(self.nodes))
        other[self.places] = self.places[order]
        return replace(self, nodes=self.nodes.shuffled(places, other))
