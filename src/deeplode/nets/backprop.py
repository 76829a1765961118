"""Backprop: the forward and the backward pass of an ensemble, written out.

torch's autograd would do the same; by hand nothing is allocated, element-wise work happens in
place, and what nobody needs (the inputs' gradients) is not computed. One thread does one pass:
products as small as these do not split well, so members are shared out among threads instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from deeplode.nets.codes import EMBEDDING
from deeplode.nets.dropout import Masks
from deeplode.nets.kernels import kernel, sloped

if TYPE_CHECKING:
    from deeplode.nets.ensemble import Ensemble


class Backprop:
    """Passes over batches of one size; the gradients are left in ``grad`` of each parameter.

    net: the members. batch: rows of each member at a time.
    """

    def __init__(self, net: Ensemble, batch: int) -> None:
        self.net = net
        members, widths = net.shape.members, net.shape.hidden
        self.weights = [weight.detach() for weight in net.weights]
        self.biases = [bias.detach() for bias in net.biases]
        self.scale, self.embedding = net.scale.detach(), net.embedding.detach()
        for parameter in net.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.wide = net.codes.room(members * batch)
        self.first = torch.empty_like(self.weights[0])  # scales times weights
        self.slope = torch.empty_like(self.weights[0][:, : net.dense])  # of the loss by ``first``
        # Pre-activations; the last are the scores.
        self.z = [torch.empty(members, batch, len(bias[0, 0])) for bias in self.biases]
        self.h = [torch.empty(members, batch, width) for width in widths]  # activations
        self.dz = [torch.empty(members, batch, width) for width in widths]  # slopes by ``z``
        slopes = [slope.detach() for slope in net.slopes]
        one = kernel(net.shape.activation) if not slopes else None
        self.kernels = [one or sloped(slopes[layer]) for layer in range(len(widths))]
        self.looked_up = torch.empty(members, batch, 0)
        self.positions = torch.empty(0)
        self.masks: Masks | None = None

    @torch.no_grad()
    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores, (members, batch, outputs).

        inputs: cells (members, batch, 3 * number columns), positions (members, batch, columns).
        """
        self.masks = masks
        scores = self._first(*inputs)
        for layer, h in enumerate(self.h):
            self.kernels[layer].forward(self.z[layer], h)
            if masks is not None:
                h.mul_(masks.layer(layer, h.shape))
            weight, bias = self.weights[layer + 1], self.biases[layer + 1]
            scores = torch.baddbmm(bias, h, weight, out=self.z[layer + 1])
        return scores

    def _first(self, cells: Tensor, positions: Tensor) -> Tensor:
        """The first layer's output."""
        codes, dense = self.net.codes, self.net.dense
        self.x = codes.wide(cells, positions, self.wide)  # (members, batch, dense)
        torch.mul(self.scale, self.weights[0], out=self.first)
        center = codes.center.expand(len(cells), 1, -1)
        bias = torch.baddbmm(self.biases[0], center, self.first[:, :dense], alpha=-1)
        z = torch.baddbmm(bias, self.x, self.first[:, :dense], out=self.z[0])
        if codes.many:
            self.positions = positions[..., len(codes.few) :]
            self.looked_up = self.net.look_up(self.positions)
            z.baddbmm_(self.looked_up, self.first[:, dense:])
        return z

    @torch.no_grad()
    def backward(self, slopes: Tensor) -> None:
        """Fill the gradients. slopes: (members, batch, outputs), by the last scores."""
        dz = slopes
        for layer in range(len(self.h), 0, -1):
            weight, bias = self.net.weights[layer], self.net.biases[layer]
            below = layer - 1
            torch.bmm(self.h[below].mT, dz, out=weight.grad)
            torch.sum(dz, 1, keepdim=True, out=bias.grad)
            dh = torch.bmm(dz, self.weights[layer].mT, out=self.dz[below])
            if self.masks is not None:
                dh.mul_(self.masks.layer(below, dh.shape))
            if self.net.slopes:
                by_slope = (dh * self.z[below].clamp_max(0)).sum(1, keepdim=True)
                self.net.slopes[below].grad = by_slope
            dz = self.kernels[below].backward(dh, self.z[below], self.h[below])
        self._back_through_first(dz)

    def _back_through_first(self, dz: Tensor) -> None:
        """Gradients of the first layer, of the inputs' scales and of the embedding."""
        net, dense = self.net, self.net.dense
        weight, scale = net.weights[0].grad, net.scale.grad
        assert weight is not None
        assert scale is not None
        torch.sum(dz, 1, keepdim=True, out=net.biases[0].grad)
        torch.bmm(self.x.mT, dz, out=self.slope)
        center = net.codes.center.expand(len(dz), -1).unsqueeze(2)
        self.slope.baddbmm_(center, net.biases[0].grad, alpha=-1)  # inputs enter less their mean
        self._product(self.slope, slice(None, dense), weight, scale)
        if net.codes.many:
            self._product(torch.bmm(self.looked_up.mT, dz), slice(dense, None), weight, scale)
            slopes = torch.bmm(dz, self.first[:, dense:].mT).view(-1, EMBEDDING)
            net.scatter(self.positions, slopes)

    def _product(self, slope: Tensor, part: slice, weight: Tensor, scale: Tensor) -> None:
        """Gradients of scales and weights from that of their product."""
        torch.mul(slope, self.scale[:, part], out=weight[:, part])
        torch.sum(slope.mul_(self.weights[0][:, part]), 2, keepdim=True, out=scale[:, part])
