"""Read: the pretrained encoders that the options name, or that a model file holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.errors import OptionError
from deeplode.parts import below
from deeplode.pretrained.image import ImageModel, read_image
from deeplode.pretrained.text import TextModel, read_text

Pretrained = TextModel | ImageModel
READ: dict[str, Callable[[str], Pretrained]] = {"text": read_text, "image": read_image}
RESTORE: dict[str, type[TextModel] | type[ImageModel]] = {"text": TextModel, "image": ImageModel}
SAVED = 5  # times that weights are in memory while a model file is made and read, as measured
TOKENIZER = 50  # bytes of two tokenizers, for each sign of their JSON, as measured
MOST_BYTES = 1_900_000_000  # of weights: they shall fit into a model file beside all others


def read(text: str | None, image: str | None, tuned: bool = False) -> dict[str, Pretrained]:
    """The encoders in these folders, by what they read. tuned: they shall be trained further.

    Raises OptionError where one is none, or where there is none to train further.
    """
    if tuned and text is None and image is None:
        raise OptionError("E-OPT-220")
    found: dict[str, Pretrained] = {}
    for medium, path in (("text", text), ("image", image)):
        if path is None:
            continue
        model = found[medium] = replace(READ[medium](path), tuned=tuned)
        size = weight_bytes(model)
        if size > MOST_BYTES:
            told = {"path": path, "bytes": size, "most": MOST_BYTES}
            raise OptionError("E-OPT-156", option=f"{medium}_encoder", **told)
    return found


def weight_bytes(model: Pretrained) -> int:
    """Bytes of its weights."""
    return sum(one.nbytes for one in model.arrays().values())


def held_bytes(model: Pretrained) -> int:
    """Bytes that it holds until its model file is written and read back, at the peak."""
    tokens = len(model.tokenizer) if isinstance(model, TextModel) else 0
    return SAVED * weight_bytes(model) + TOKENIZER * tokens


def digest(model: Pretrained) -> str:
    """Changes when the encoder does; where its folder lies does not matter."""
    found = hashlib.blake2b(json.dumps(model.to_json(), sort_keys=True).encode(), digest_size=16)
    for name, one in sorted(model.arrays().items()):
        found.update(name.encode())
        found.update(np.ascontiguousarray(one).data)
    return found.hexdigest()


def restore(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Pretrained]:
    """The encoders of a model file. arrays: ``MEDIUM.NAME``.

    Raises KeyError, TypeError or ValueError for what no training can have written.
    """
    found: dict[str, Pretrained] = {}
    for medium, own in facts.items():
        found[medium] = RESTORE[medium].restore(own, below(arrays, medium))
    return found
