"""Denoiser: takes Gaussian noise of several levels off rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from deeplode.nets.activation import he
from deeplode.nets.group import even
from deeplode.nets.members import Members
from deeplode.nets.products import steady


class Denoiser(nn.Module):
    """A multi-layer perceptron that is told how much noise there is (DDAE, arXiv 2508.00758).

    The level enters as a bias of its own in the first layer, and rows as wide as without noise. The
    rows enter the answer on no other way: what has to pass through the layers comes out like what
    was learned from, also where the noise is too small to tell (with a way around the layers, as
    diffusion models have it, development data were ranked worse at every level).

    columns: of the rows. hidden: widths, at least one. levels: standard deviations of the noise.
    generator: draws the weights; None leaves them at zero, to be filled.
    """

    levels: Tensor

    def __init__(
        self,
        columns: int,
        hidden: Sequence[int],
        levels: Sequence[float],
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        widths = (columns, *hidden, columns)
        self.weights = nn.ParameterList(torch.zeros(a, b) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(b) for b in widths[1:])
        self.told = nn.Parameter(torch.zeros(len(levels), hidden[0]))
        if generator is not None:
            with torch.no_grad():
                self.told.normal_(0, 0.3, generator=generator)
                for weight in list(self.weights)[:-1]:
                    weight.normal_(0, he(*weight.shape), generator=generator)

    def forward(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The rows without noise, (rows, columns). level: (rows,) int64, which of the levels."""
        keep = 1 / (1 + self.levels[level].square()).unsqueeze(1)
        hidden = torch.addmm(self.biases[0], noisy * keep.sqrt(), self.weights[0])
        return self._rest(hidden + self.told[level])

    def every(self, x: Tensor) -> Tensor:
        """The rows less what is taken for noise, at every level: (levels, rows, columns)."""
        keep = 1 / (1 + self.levels.square()).view(-1, 1, 1)
        first = steady(x, self.weights[0])  # once for all levels
        hidden = keep.sqrt() * first + (self.biases[0] + self.told).unsqueeze(1)
        return self._rest(hidden.flatten(0, 1)).view(len(keep), *x.shape)

    def _rest(self, hidden: Tensor) -> Tensor:
        """From the first layer's pre-activations to what is added to the linear answer."""
        later = zip(list(self.weights)[1:], list(self.biases)[1:], strict=True)
        for weight, bias in later:
            hidden = steady(silu(hidden), weight, bias)
        return hidden


class Denoisers(Members):
    """Denoisers side by side, each with its own noise while it learns.

    chances: each member's source of random numbers. seed: of the noise at validation, which is the
    same at every epoch.
    """

    modules: tuple[Denoiser, ...]

    def __init__(
        self, modules: Sequence[Denoiser], chances: Sequence[torch.Generator], seed: int
    ) -> None:
        super().__init__(modules, chances)
        self.seed = seed

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """What each member makes of its own rows with noise, (members, rows, columns).

        inputs: the rows without noise, (members, rows, columns).
        """
        (rows,) = inputs
        found = []
        for member, module in enumerate(self.modules):
            chance = self.chances[member] if training else torch.Generator().manual_seed(self.seed)
            found.append(module(*noised(rows[member], module.levels, chance)))
        return torch.stack(found)

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread."""
        return even(len(self.modules), threads)


def noised(rows: Tensor, levels: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """The rows with noise, each of a random level, and which level that is, (rows,) int64."""
    level = torch.randint(len(levels), (len(rows),), generator=chance)
    noise = torch.randn(rows.shape, generator=chance)
    return torch.addcmul(rows, noise, levels[level].unsqueeze(1)), level
