"""Joint: one net over a table's numbers and categories and its texts, images and sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding

from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.codes import EMBEDDING, Codes
from deeplode.nets.group import Group, even
from deeplode.nets.members import Members, grouped, switched
from deeplode.nets.pieces import pieces
from deeplode.nets.tunedbranch import TunedBranch

CHUNK = 128  # rows that are answered at once: activations of images stay small


class Shape(Protocol):
    """The plain numbers that fix a branch: the part of a net that reads one column of media."""

    @property
    def features(self) -> int:
        """Features that it makes of each cell."""

    @property
    def row_bytes(self) -> int:
        """Bytes that a row's way through it leaves in memory until the way back."""

    def build(self, generator: torch.Generator | None) -> nn.Module:
        """A branch: cells (rows, …) to (rows, features) float32; ``augment`` changes cells before
        they are learned from. generator: draws its weights; None where they will be filled."""


class Tower(nn.Module):
    """Numbers and categories, as ``Codes`` makes them ready, through hidden layers.

    hidden: widths, at least one. share: of hidden units left out in a step of training.
    """

    def __init__(
        self,
        codes: Codes,
        hidden: Sequence[int],
        activation: str,
        share: float,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.codes, self.activation, self.share = codes, ACTIVATIONS[activation], share
        slots = sum(codes.slots[column] for column in codes.many)
        widths = (sum(codes.inputs) + EMBEDDING * len(codes.many), *hidden)
        self.scale = nn.Parameter(torch.ones(widths[0]))
        self.embedding = nn.Parameter(torch.zeros(slots, EMBEDDING))
        self.weights = nn.ParameterList(torch.zeros(a, b) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(b) for b in hidden)
        slope = self.activation.slope
        learned = () if slope is None else hidden
        self.slopes = nn.ParameterList(torch.full((b,), slope or 0.0) for b in learned)
        if generator is not None:
            with torch.no_grad():
                self.embedding.normal_(0, 0.3, generator=generator)
                for weight in self.weights:
                    spread = self.activation.spread(*weight.shape)
                    weight.normal_(0, spread, generator=generator)

    @property
    def features(self) -> int:
        """Width of the last hidden layer."""
        return int(self.biases[-1].shape[0])

    def forward(self, cells: Tensor, positions: Tensor) -> Tensor:
        """(rows, 3 * number columns) and (rows, category columns) -> (rows, features)."""
        codes = self.codes
        found = codes.wide(cells, positions) - codes.center
        if codes.many:
            looked_up = embedding(positions[:, len(codes.few) :].long(), self.embedding)
            found = torch.cat([found, looked_up.flatten(1)], 1)
        hidden = found * self.scale
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            own = self.slopes[layer : layer + 1]
            hidden = self.activation(torch.addmm(bias, hidden, weight), *own)
            hidden = dropout(hidden, self.share, self.training)
        return hidden


class Joint(nn.Module):
    """A member: towers side by side, and one linear layer over all their features.

    tower: of numbers and categories; None where the table has none. branches: of each column of
    media, and how many features each gives. The last layer begins at zero with ``prior`` as its
    bias: before its first step a member gives the trivial answer.
    """

    def __init__(
        self, tower: Tower | None, branches: Sequence[tuple[nn.Module, int]], prior: Tensor
    ) -> None:
        super().__init__()
        self.tower = tower
        self.branches = nn.ModuleList(branch for branch, _ in branches)
        widths = [tower.features if tower else 0, *(width for _, width in branches)]
        self.starts = (0, *accumulate(widths))  # of each part's features: tower, branches, end
        features = self.starts[-1]
        self.last = nn.Parameter(torch.zeros(features, len(prior)))
        self.bias = nn.Parameter(prior.clone())

    def part(self, branch: int) -> Tensor:
        """What the last layer makes of a branch's features: (features, outputs)."""
        return self.last[self.starts[branch + 1] : self.starts[branch + 2]]

    def drawn(
        self, cells: Tensor, positions: Tensor, *media: Tensor
    ) -> tuple[Tensor | None, list[Tensor]]:
        """The part of a pass of training that chance has a say in: features of the tower, None
        where there is none, and the changed cells of each column of media."""
        tower = None if self.tower is None else self.tower(cells, positions)
        changed = [
            branch.augment(own)  # type: ignore[operator] # every branch has it
            for branch, own in zip(self.branches, media, strict=True)
        ]
        return tower, changed

    def joined(self, tower: Tensor | None, media: Sequence[Tensor]) -> Tensor:
        """The rest of a pass: scores, (rows, outputs)."""
        parts = [branch(own) for branch, own in zip(self.branches, media, strict=True)]
        found = torch.cat(parts if tower is None else [tower, *parts], 1)
        return torch.addmm(self.bias, found, self.last)

    def forward(self, cells: Tensor, positions: Tensor, *media: Tensor) -> Tensor:
        """Encoded rows to scores after training, (rows, outputs)."""
        tower = None if self.tower is None else self.tower(cells, positions)
        return self.joined(tower, media)


class JointNets(Members):
    """Members of ``Joint``, shared out among threads.

    chances: each member's own source of random numbers; none where nobody trains.
    """

    modules: tuple[Joint, ...]

    def __init__(self, modules: Sequence[Joint], chances: Sequence[torch.Generator] = ()) -> None:
        super().__init__(modules, chances)

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """Every member's scores for its own rows, (members, rows, outputs).

        inputs: cells and positions as ``Codes.ready`` gives them, then each column of media,
        (members, rows, …) each.
        """
        found = []
        for member, module in enumerate(self.modules):
            own = [one[member] for one in inputs]
            if training:
                switched(module, True)
                with _drawing(self.chances[member]):
                    drawn = module.drawn(*own)
                found.append(module.joined(*drawn))
            else:
                found.append(_answered(module, own))
        return torch.stack(found)

    def groups(self) -> tuple[Group, ...]:
        """As all members have them; branches that were trained before take smaller steps."""
        branches = enumerate(self.modules[0].branches)
        slow = {f"branches.{at}.": own.rate for at, own in branches if isinstance(own, TunedBranch)}
        rates = [
            next((rate for stem, rate in slow.items() if piece.label.startswith(stem)), 1.0)
            for piece in pieces(self.modules[0]).trained
        ]
        chosen: dict[float, list[nn.Parameter]] = {one: [] for one in (1.0, *slow.values())}
        for rate, weight in zip(rates, self.weights, strict=True):
            chosen[rate].append(weight)
        return tuple(group for rate, own in chosen.items() for group in grouped(own, rate))

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread."""
        return even(len(self.modules), threads)


_TURN = Lock()  # torch has one source of random numbers for all threads


@contextmanager
def _drawing(chance: torch.Generator) -> Iterator[None]:
    """Inside, torch's own random numbers are those of ``chance``, for one thread at a time."""
    with _TURN:
        torch.set_rng_state(chance.get_state())
        yield
        chance.set_state(torch.get_rng_state())


def _answered(module: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    """Scores without learning, (rows, outputs), some rows at a time.

    The last rows are made up to as many: a product's bits can depend on how many rows it has.
    """
    switched(module, False)
    rows, parts = len(inputs[0]), []
    for start in range(0, rows, CHUNK):
        own = [one[start : start + CHUNK] for one in inputs]
        lack = CHUNK - len(own[0])
        if lack:
            own = [torch.cat([one, one[-1:].expand(lack, *one.shape[1:])]) for one in own]
        scores = module(*own)
        parts.append(scores[: CHUNK - lack])
    return torch.cat(parts) if parts else module(*inputs)
