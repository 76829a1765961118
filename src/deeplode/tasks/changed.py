"""Changed: rows as a model of groups sees them with other cells in some columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.tasks.clustermodel import Assigned, ClusterModel

COLUMNS = 12  # that are changed, those that change rows most
LOOKED_AT = 50  # rows that say which these are

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Base:
    """Rows before a change. batch: without media, which stay as they are. x: (rows, dimensions)."""

    model: ClusterModel
    batch: Batch
    x: Tensor

    @classmethod
    def of(cls, model: ClusterModel, batch: Batch) -> Self:
        """The rows of a batch."""
        return cls(model, replace(batch, media=()), model.vectors.of(batch))

    def __len__(self) -> int:
        return len(self.batch)

    def rows(self, index: Ints) -> Base:
        """Some of them."""
        at = torch.from_numpy(index)
        return Base(self.model, self.batch.rows(at), self.x[at])

    def changed(self, cells: Mapping[str, pl.Series]) -> Tensor:
        """The vectors of the rows with other cells, (rows,) each, in these columns."""
        batch = self.batch
        for name, own in cells.items():
            batch = _with(batch, self.model.encoder, name, own)
        plain = replace(self.model.vectors, media=()).of(batch)
        return torch.cat([plain, self.x[:, plain.shape[1] :]], 1)

    def answered(self, x: Tensor) -> Assigned:
        """What the model says of such vectors."""
        return self.model.assigned(x, [""] * len(x))

    def typical(self, name: str, to: Ints) -> pl.Series:
        """What is typical in a column of the group that each row is to go to. to: (rows,)."""
        cells = self.model.typical[name]
        return pl.Series(name, [cells[at] for at in to])

    def differing(self, to: Ints) -> list[str]:
        """The columns whose typical cells change rows, those that change them most first."""
        few = np.linspace(0, len(self) - 1, min(LOOKED_AT, len(self))).astype(np.int64)
        part, to = self.rows(few), to[few]
        away = {}
        for name in self.model.typical:
            moved = part.changed({name: part.typical(name, to)}) - part.x
            away[name] = float(moved.norm(dim=1).mean())
        order = sorted((name for name in away if away[name] > 0), key=lambda name: -away[name])
        return order[:COLUMNS]


def _with(batch: Batch, encoder: Encoder, name: str, cells: pl.Series) -> Batch:
    """The batch with other cells in one column."""
    alone = Encoder(tuple(part for part in encoder.parts if name in part.columns))
    made, places = alone.transform(Table.of(cells.alias(name).to_frame())).batch, encoder.places
    numbers, categories = batch.numbers.clone(), batch.categories.clone()
    numbers[:, list(places[name].numbers)] = made.numbers
    categories[:, list(places[name].categories)] = made.categories
    return replace(batch, numbers=numbers, categories=categories)
