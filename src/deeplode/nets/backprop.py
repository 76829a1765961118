"""Backprop: the forward and the backward pass of an ensemble, written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from deeplode.nets.codes import EMBEDDING
from deeplode.nets.dropout import Masks
from deeplode.nets.products import multiply
from deeplode.nets.trainable import Hidden
from deeplode.nets.trunk import Trunk, gradient

if TYPE_CHECKING:
    from deeplode.nets.ensemble import Ensemble


class Backprop:
    """Passes over batches of one size; the gradients are left in ``grad`` of each parameter.

    net: the members. batch: rows of each member at a time.
    """

    def __init__(self, net: Ensemble, batch: int) -> None:
        self.net = net
        self.trunk = Trunk(net.layers, batch)
        self.weight = self.trunk.weights[0]
        self.scale = net.scale.detach()
        self.by_scale, self.by_embedding = gradient(net.scale), gradient(net.embedding)
        self.wide = net.codes.room(net.shape.members * batch)
        self.first = torch.empty_like(self.weight)  # scales times weights
        self.slope = torch.empty_like(self.weight[:, : net.dense])  # of the loss by ``first``
        self.looked_up = torch.empty(net.shape.members, batch, 0)
        self.positions = torch.empty(0)

    @torch.no_grad()
    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores, (members, batch, outputs).

        inputs: cells (members, batch, 3 * number columns), positions (members, batch, columns).
        """
        codes, dense, (cells, positions) = self.net.codes, self.net.dense, inputs
        self.x = codes.wide(cells, positions, self.wide)  # (members, batch, dense)
        torch.mul(self.scale, self.weight, out=self.first)
        center = codes.center.expand(len(cells), 1, -1)
        bias = torch.baddbmm(self.trunk.biases[0], center, self.first[:, :dense], alpha=-1)
        z = multiply(self.x, self.first[:, :dense], self.trunk.z[0], bias)
        if codes.many:
            self.positions = positions[..., len(codes.few) :]
            self.looked_up = self.net.look_up(self.positions)
            z.baddbmm_(self.looked_up, self.first[:, dense:])
        return self.trunk.forward(masks)

    @torch.no_grad()
    def backward(self, slopes: Tensor) -> None:
        """Fill the gradients. slopes: (members, batch, outputs), by the last scores."""
        dz, dense = self.trunk.backward(slopes), self.net.dense
        multiply(self.x.mT, dz, self.slope)
        center = self.net.codes.center.expand(len(dz), -1).unsqueeze(2)
        # Inputs enter less their mean.
        self.slope.baddbmm_(center, dz.sum(1, keepdim=True), alpha=-1)
        self._product(self.slope, slice(None, dense))
        if self.net.codes.many:
            self._product(torch.bmm(self.looked_up.mT, dz), slice(dense, None))
            found = torch.bmm(dz, self.first[:, dense:].mT).view(-1, EMBEDDING)
            self.net.scatter(self.positions, found, self.by_embedding)

    def hidden(self) -> list[Hidden]:
        """The hidden layers."""
        return self.trunk.hidden()

    def _product(self, slope: Tensor, part: slice) -> None:
        """Gradients of scales and weights from that of their product."""
        torch.mul(slope, self.scale[:, part], out=self.trunk.by_weight[0][:, part])
        slope.mul_(self.weight[:, part])
        torch.sum(slope, 2, keepdim=True, out=self.by_scale[:, part])
