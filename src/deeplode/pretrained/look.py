"""Look: what a pretrained encoder of images wants an image to be made into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

# How pixels between pixels are found: timm's words; Hugging Face has numbers for them.
WAYS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation where none is told
MOST = 1_024  # pixels of a side


@dataclass(frozen=True)
class Look:
    """How an image is made ready.

    side: pixels of each side of what is read. shorter: pixels that the image's shorter side gets
    before the middle is cut out; 0 = the whole image is squeezed into the square. way: one of WAYS.
    mean, deviation: of each channel, of values 0 … 1.
    """

    side: int
    shorter: int
    way: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        if type(self.side) is not int or not 8 <= self.side <= MOST:
            raise ValueError(f"images of {self.side} pixels")
        enough = self.shorter == 0 or self.side <= self.shorter <= 2 * MOST
        if type(self.shorter) is not int or not enough:
            raise ValueError(f"images of {self.shorter} pixels, of which {self.side} are read")
        if self.way not in WAYS or len(self.mean) != 3 or len(self.deviation) != 3:
            raise ValueError(f"images made ready by {self}")
        if not all(-10 < one < 10 for one in self.mean):
            raise ValueError(f"a mean of {self.mean}")
        if not all(1e-4 < one < 1e4 for one in self.deviation):
            raise ValueError(f"a deviation of {self.deviation}")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Look:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        three = {name: _three(facts[name]) for name in ("mean", "deviation")}
        return cls(**{**facts, **three})


def look_of_timm(told: Mapping[str, Any]) -> Look:
    """As timm tests a model. told: its pretrained_cfg. Raises as ``from_json``."""
    channels, height, width = told["input_size"]
    if channels != 3 or height != width:
        raise ValueError(f"input_size {told['input_size']}")
    squeezed = told.get("crop_mode") == "squash"
    return Look(
        side=height,
        shorter=0 if squeezed else floor(height / float(told.get("crop_pct") or 0.875)),
        way=str(told.get("interpolation") or "bilinear"),
        mean=_three(told.get("mean", IMAGENET[0])),
        deviation=_three(told.get("std", IMAGENET[1])),
    )


def look_of_huggingface(told: Mapping[str, Any], side: int) -> Look:
    """As preprocessor_config.json says; side: what config.json says, where that does not.

    Raises as ``from_json``.
    """
    ways = {number: way for way, number in WAYS.items()}
    size = told.get("size", side)
    cut = told.get("crop_size") if told.get("do_center_crop") else None
    shorter = _number(size, "shortest_edge")
    squeezed = shorter is None or (isinstance(size, int) and cut is None)
    whole = shorter or _number(size, "height") or side
    if cut is not None:
        side, shorter = _number(cut, "height") or whole, whole
    elif squeezed:
        side, shorter = whole, 0
    else:  # a share is cut out of more where it is told
        side, shorter = whole, floor(whole / float(told.get("crop_pct") or 1))
    return Look(
        side=side,
        shorter=shorter,
        way=ways[int(told.get("resample", WAYS["bilinear"]))],
        mean=_three(told.get("image_mean", IMAGENET[0])),
        deviation=_three(told.get("image_std", IMAGENET[1])),
    )


def _number(size: Any, name: str) -> int | None:
    """A size that is a number, or an object that holds it."""
    if isinstance(size, int):
        return size
    return size.get(name) if isinstance(size, dict) else None


def _three(values: Any) -> tuple[float, ...]:
    """Values of the channels. Raises TypeError or ValueError where they are none."""
    if not isinstance(values, list | tuple):
        raise TypeError("values of three channels")
    return tuple(float(one) for one in values)
