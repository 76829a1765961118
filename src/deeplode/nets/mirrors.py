"""Whether pictures may be mirrored: asked of the validation rows, by a small net.

A net that never saw a mirror image is shown the validation rows as they are and mirrored. Where
left and right do not matter, it answers both equally well; where they do (digits, letters, shoes
that all point one way) it loses much of what it knew. Training once with and once without mirrors
would cost more and say less: in a short training mirrors slow down even where they help in a long
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from deeplode.nets.imagebranch import ImageShape

ROWS, EPOCHS = 2_000, 10  # of the small net's training, at most
BASE = 16  # its channels
LOST = 0.05  # share of what the net knows that mirrors may cost
LEARNED = 0.05  # share of the trivial loss that it must have taken away to be believed


@dataclass(frozen=True)
class Pilot:
    """Losses of a small net on validation rows, which it did not learn from.

    plain: as they are. mirrored: left and right exchanged. trivial: of the answer without a net.
    """

    plain: float
    mirrored: float
    trivial: float

    @property
    def lost(self) -> float:
        """Share of what the net knows that is lost on mirror images; below 0 if they are easier."""
        return (self.mirrored - self.plain) / max(self.trivial - self.plain, 1e-12)

    @property
    def alike(self) -> bool:
        """Whether left and right do not matter; never where the net learned next to nothing."""
        return self.trivial - self.plain > LEARNED * self.trivial and self.lost <= LOST


def with_mirrors(shape: ImageShape, try_out: Callable[[ImageShape], Pilot]) -> ImageShape:
    """The shape, with mirrors where left and right do not matter.

    try_out: trains a net of the shape that it is given on up to ROWS training rows for EPOCHS.
    """
    pilot = try_out(replace(shape, base=min(shape.base, BASE), blocks=1, flip=False))
    return replace(shape, flip=pilot.alike)
