"""Branches: which part of a joint net reads each column of text, images, sounds or series, and how
such nets are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from deeplode.encode.batch import MediaSize, Sizes
from deeplode.fit.loop import VALIDATE
from deeplode.nets import bfloat16
from deeplode.nets.audiobranch import AudioShape
from deeplode.nets.imagebranch import ImageShape
from deeplode.nets.joint import Shape
from deeplode.nets.seriesbranch import SeriesShape
from deeplode.nets.textbranch import TextShape
from deeplode.nets.tunedbranch import TunedShape


@dataclass(frozen=True)
class Rule:
    """How nets over one kind of media are trained on up to so many rows."""

    rows: float
    batch_size: int
    epochs: int
    members: int
    learning_rate: float
    weight_decay: float
    dropout: float = 0.1
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Medium:
    """What a joint net must know of one kind of media.

    choose: a branch's shape for the column's size and so many training rows. restore: the shape
    of its JSON. rules: the first whose ``rows`` is not exceeded counts.
    """

    choose: Callable[[MediaSize, int], Shape]
    restore: Callable[[Mapping[str, Any]], Shape]
    rules: tuple[Rule, ...]


def _text(size: MediaSize, rows: int) -> TextShape:
    (length,) = size.shape
    return TextShape(size.features, 16, length)


def _image(size: MediaSize, rows: int) -> ImageShape:
    """Training computes in bfloat16 where the processor is made for it: a third faster, and no
    worse on held-out rows."""
    return replace(ImageShape.fitting(*size.shape), half=bfloat16.is_fast())


def _audio(size: MediaSize, rows: int) -> AudioShape:
    bands, frames = size.shape
    return AudioShape(bands, frames)


def _series(size: MediaSize, rows: int) -> SeriesShape:
    channels, length = size.shape
    return SeriesShape.fitting(channels, length)


def _tuned(size: MediaSize, rows: int) -> TunedShape:
    assert size.pretrained is not None
    return TunedShape.of(size.pretrained, size.shape[0] if size.kind == "tokens" else 0)


# A pretrained encoder takes many times longer for a row than all others do.
TUNED = Medium(_tuned, TunedShape.from_json, (Rule(inf, 16, 4, 1, 0.003, 0.1),))

# A kind of media is one entry here. Where a table holds several, the first decides on training.
# Rules: rows, batch size, epochs, members, learning rate, decay, dropout, label smoothing; chosen
# on rows held out of training rows.
MEDIA: dict[str, Medium] = {
    "tokens": TUNED,
    "pixels": TUNED,
    "image": Medium(
        _image,
        ImageShape.from_json,
        (
            Rule(2_000, 64, 40, 4, 0.01, 0.05, 0.1, 0.1),
            Rule(6_000, 64, 25, 4, 0.01, 0.05, 0.1, 0.1),
            Rule(20_000, 64, 50, 2, 0.01, 0.05, 0.1, 0.1),
            Rule(100_000, 128, 18, 2, 0.015, 0.05, 0.1, 0.1),
            Rule(inf, 128, 8, 1, 0.015, 0.05, 0.1, 0.1),
        ),
    ),
    "audio": Medium(
        _audio,
        AudioShape.from_json,
        (
            Rule(6_000, 64, 30, 2, 0.004, 0.3, 0.1, 0.1),
            Rule(inf, 64, 15, 1, 0.004, 0.3, 0.1, 0.1),
        ),
    ),
    "series": Medium(
        _series,
        SeriesShape.from_json,
        (
            Rule(300, 16, 40, 8, 0.004, 0.1),
            Rule(3_000, 32, 30, 4, 0.004, 0.1),
            Rule(100_000, 128, 3, 4, 0.004, 1.0),
            Rule(inf, 256, 2, 2, 0.004, 1.0),
        ),
    ),
    "text": Medium(
        _text,
        TextShape.from_json,
        (
            Rule(2_000, 32, 12, 4, 0.01, 0.1),
            Rule(20_000, 64, 4, 4, 0.01, 0.1),
            Rule(inf, 128, 3, 2, 0.01, 0.1),
        ),
    ),
}


@dataclass(frozen=True)
class Branch:
    """The part of a net that reads one column. kind: of the media."""

    kind: str
    shape: Any

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "shape": self.shape.to_json()}


def branch_of(facts: Mapping[str, Any]) -> Branch:
    """The inverse of ``Branch.to_json``. Raises KeyError, TypeError or ValueError if odd."""
    return Branch(facts["kind"], MEDIA[facts["kind"]].restore(facts["shape"]))


def choose_branches(sizes: Sizes, rows: int) -> tuple[Branch, ...]:
    """A branch for each column of media, fit for so many training rows."""
    return tuple(Branch(one.kind, MEDIA[one.kind].choose(one, rows)) for one in sizes.media)


def training_rule(sizes: Sizes, rows: int) -> Rule:
    """How a net over these media is trained."""
    kinds = {one.kind for one in sizes.media}
    medium = next(medium for kind, medium in MEDIA.items() if kind in kinds)
    return next(rule for rule in medium.rules if rows <= rule.rows)


def branch_memory(sizes: Sizes, rows: int, members: int, batch: int) -> int:
    """Bytes that the branches take in training: parameters with gradients, two moments and best
    copies, and what a step leaves until its way back."""
    branches = choose_branches(sizes, rows)
    built = [branch.shape.build(None) for branch in branches]
    weights = sum(4 * one.numel() for branch in built for one in branch.parameters())
    held = sum(branch.shape.row_bytes for branch in branches)
    validated = min(rows, VALIDATE) * sum(one.nbytes for one in sizes.media if one.pretrained)
    return int(members * (7 * weights + batch * held + validated))
