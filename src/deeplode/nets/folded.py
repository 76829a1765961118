"""Folded: a trained ensemble made ready to answer quickly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from deeplode.nets.codes import EMBEDDING
from deeplode.nets.ensemble import Ensemble

MOST_FOLDED = 2**25  # numbers in the table, beyond which embeddings stay outside it


class Folded:
    """The same scores as the ensemble's, for rows that all members share.

    Between two knots the first layer is linear in a number, and constant for a category: so its
    output is a sum of rows of one table, two for a number and one for a category, whatever the
    number of knots. All members' first layers lie side by side in that table.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        codes, shape = ensemble.codes, ensemble.shape
        self.codes, self.ensemble = codes, ensemble
        self.weights = [weight.detach() for weight in list(ensemble.weights)[1:]]
        self.biases = [bias.detach() for bias in list(ensemble.biases)[1:]]
        self.kernels = ensemble.layers.kernels()
        with torch.no_grad():
            first, bias = ensemble.first_layer()  # (members, inputs, width), (members, 1, width)
            self.width = first.shape[2]
            size = sum(codes.slots[column] for column in codes.many) * shape.members * self.width
            self.whole = size <= MOST_FOLDED
            self.embedded = first[:, ensemble.dense :].contiguous()
            rows = [*self._numbers(first), *self._categories(first)]
            table = torch.cat([first[:, :0], *rows], 1)  # (members, entries, width)
            self.table = table.transpose(0, 1).reshape(-1, shape.members * self.width).contiguous()
            self.bias = bias.reshape(1, -1)
        self.first_slot = codes.first_slot + len(codes.knots.values)

    def _numbers(self, first: Tensor) -> list[Tensor]:
        """For each number column: (members, knots, width) first layer's output at its knots."""
        knots, rows = self.codes.knots, []
        segments, columns, start = self.codes.inputs[0], knots.columns, 0
        for column, count in enumerate(knots.segments):
            codes = first[:, start : start + count].cumsum(1)
            at = slice(knots.starts[column], knots.starts[column + 1])
            here = segments + column
            part = torch.cat([torch.zeros_like(codes[:, :1]), codes], 1)
            part += knots.normal[at].view(1, -1, 1) * first[:, here : here + 1]
            here += columns
            rows.append(part + knots.smooth[at].view(1, -1, 1) * first[:, here : here + 1])
            start += count
        return rows

    def _categories(self, first: Tensor) -> list[Tensor]:
        """For each category column: (members, slots, width) first layer's output at its slots."""
        codes = self.codes
        rows = [first.new_zeros(len(first), slots, self.width) for slots in codes.slots]
        start = sum(codes.inputs[:2])
        for column, places in zip(codes.few, codes.places_of_few, strict=True):
            count = int(places.max()) + 1
            part, center = first[:, start : start + count], codes.center[start : start + count]
            rows[column] += (center.unsqueeze(1) * part).sum(1, keepdim=True)  # the mean level
            slot = int(codes.first_slot[column])
            seen = codes.shares[slot : slot + len(places)] > 0
            rows[column][:, seen] = 0
            rows[column][:, places >= 0] = part[:, places[places >= 0]]
            start += count
        row = 0
        for i, column in enumerate(codes.many if self.whole else ()):
            table = self.ensemble.embedding[:, row : row + codes.slots[column]]
            weight = self.embedded[:, EMBEDDING * i : EMBEDDING * (i + 1)]
            rows[column] = torch.bmm(table, weight)
            row += codes.slots[column]
        return rows

    def scores(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """All members' scores.

        numbers: (rows, columns) float32, NaN = missing; categories: (rows, columns) int32 slots.
        Returns (members, rows, outputs).
        """
        knots, members = self.codes.knots, self.ensemble.shape.members
        segment, part = knots.places(numbers.T.contiguous())
        left = segment + knots.first
        slots = self.codes.known(categories) + self.first_slot
        entries = torch.cat([left, left + 1, slots.T]).T.contiguous()
        weights = torch.cat([1 - part, part, torch.ones(slots.T.shape)]).T.contiguous()
        summed = embedding_bag(entries, self.table, mode="sum", per_sample_weights=weights)
        summed += self.bias
        hidden = summed.view(-1, members, self.width).transpose(0, 1)
        if not self.whole:
            positions = self.codes.positions(categories)[:, len(self.codes.few) :]
            looked_up = self.ensemble.look_up(positions.expand(members, -1, -1))
            hidden = torch.baddbmm(hidden, looked_up, self.embedded)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            self.kernels[layer].forward(hidden, hidden)
            hidden = torch.bmm(hidden, weight).add_(bias)
        return hidden
