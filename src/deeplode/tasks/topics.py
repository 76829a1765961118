"""Topics: the words of texts, and the places of sparse vectors, that set communities apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplode.communities.network import Ints
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.encode.sparse import SparseEncoder
from deeplode.encode.text import TextEncoder
from deeplode.evaluate.words import Spelled, words_of_classes

MOST = 30  # communities that words are looked for of; the others are one
TOP = 8  # words of a community


@dataclass(frozen=True)
class PlaceNames:
    """The features of a sparse vector as words are spelled. signed: whether entries below 0 are
    features of their own, after the others."""

    name: str
    width: int
    signed: bool

    @property
    def first_piece(self) -> int:
        """One beyond the highest number: every feature is a word."""
        return 1 + self.width * (1 + self.signed)

    def spelling(self, feature: int) -> str:
        """The place of an entry, from 0, with a sign where it is below 0."""
        negative, place = divmod(feature - 1, self.width)
        return f"{self.name} {'−' if negative else ''}{place}"


def topics(encoder: Encoder, batch: Batch, label: Ints) -> list[list[dict[str, Any]]]:
    """Of each of the first communities, what is in its texts more often than in the others'.

    batch: the encoded nodes. label: (nodes,) from 0, the largest community first. Returns
    ``column``, ``text``, ``weight`` (log odds ratio), ``low``, ``high`` and ``rows`` by falling
    certainty, as ``words_of_classes`` has them.
    """
    classes = min(int(label.max(initial=-1)) + 1, MOST + 1)
    shared = np.minimum(label, MOST)
    found: list[list[dict[str, Any]]] = [[] for _ in range(min(classes, MOST))]
    for part, media in zip(encoder.media, batch.media, strict=True):
        if isinstance(part, TextEncoder):
            names: Spelled = part.vocabulary
        elif isinstance(part, SparseEncoder):
            names = PlaceNames(part.name, part.width, part.signed)
        else:
            continue
        for one in words_of_classes(media.cells, names, shared, classes, TOP):
            if (at := int(one.pop("class"))) < len(found):
                found[at].append({"column": part.columns[0], "text": one.pop("word"), **one})
    return found
