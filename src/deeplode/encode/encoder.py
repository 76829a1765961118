"""Encoder: a schema's features to a Batch, frozen after it was fitted on the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import torch
from polars.datatypes.group import INTEGER_DTYPES

from deeplode.data.column import Kind
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.batch import Batch, Media, MediaSize, Places, Sizes
from deeplode.encode.checks import (
    check_columns,
    check_columns_of_row,
    check_media,
    check_readable,
)
from deeplode.encode.column import ColumnEncoder, Piece, flag_words
from deeplode.encode.datetime import SpanEncoder
from deeplode.encode.embedding import EmbeddingEncoder
from deeplode.encode.kinds import encoders_of, part_of, written
from deeplode.encode.linked import Linked
from deeplode.encode.tuned import PixelsEncoder, TokensEncoder, Tuned
from deeplode.messages import Notice
from deeplode.pretrained.read import Pretrained, restore
from deeplode.runtime import Budget

MOST_DATETIMES = 4  # columns of dates up to which every two of them give a span
FEW_ROWS = 4  # up to here, cell by cell is quicker than column by column; below FEWEST_CELLS
# What Polars hands out cell by cell as it is: the same value, to the last bit.
EXACT = {pl.String, pl.Boolean, *INTEGER_DTYPES, pl.Float32, pl.Float64}


@dataclass(frozen=True)
class Encoded:
    """Encoded rows and what is odd about each.

    masks: (rows,) uint8, bits of deeplode.encode.column. notices: of cells that cannot be read.
    """

    batch: Batch
    masks: np.ndarray
    notices: tuple[Notice, ...] = ()

    @property
    def flags(self) -> list[str]:
        """Words separated by spaces, one text a row; '' where nothing is odd."""
        return flag_words(self.masks)


@dataclass(frozen=True)
class Encoder:
    """The encoders of all features, in the order of the input's columns."""

    parts: tuple[ColumnEncoder, ...]

    @classmethod
    def fit(
        cls, train: Table, schema: Schema, models: Mapping[str, Pretrained] | None = None
    ) -> Encoder:
        """Learn scales, levels and spans from the training rows.

        models: pretrained encoders of ``text`` and ``image``; their numbers stand beside what our
        own encoder makes of such a column.
        """
        parts = [
            encoder
            for column in schema.features
            for encoder in encoders_of(
                train.frame[column.name], column, models or {}, schema.windows
            )
        ]
        dates = [column for column in schema.features if column.kind == Kind.DATETIME]
        if len(dates) <= MOST_DATETIMES:
            parts += [
                SpanEncoder.fit((train.frame[a.name], train.frame[b.name]), (a, b))
                for a, b in combinations(dates, 2)
            ]
        return cls(tuple(parts))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The input columns that rows must have."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.columns))

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        """A name for each column of Batch.numbers."""
        return tuple(name for part in self.parts for name in part.number_names)

    @cached_property
    def category_names(self) -> tuple[str, ...]:
        """A name for each column of Batch.categories."""
        return tuple(name for part in self.parts for name in part.category_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of Batch.simple, then of the categories."""
        described = tuple(name for part in self.parts for name in part.described_names)
        return self.number_names + described + self.category_names

    @cached_property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The input columns behind each of ``feature_names``."""
        numbers = [part.columns for part in self.parts for _ in part.number_names]
        described = [part.columns for part in self.parts for _ in part.described_names]
        categories = [part.columns for part in self.parts for _ in part.category_names]
        return tuple(numbers + described + categories)

    @cached_property
    def media(self) -> tuple[ColumnEncoder, ...]:
        """The encoders of text, images and sounds, in the order of Batch.media."""
        return tuple(part for part in self.parts if part.media)

    @cached_property
    def places(self) -> dict[str, Places]:
        """Where each input column went. What was made of several belongs to each of them."""
        found: dict[str, tuple[list[int], list[int], list[int]]] = {
            name: ([], [], []) for name in self.columns
        }
        counts = [0, 0, 0]
        for part in self.parts:
            given = (len(part.number_names), len(part.category_names), int(bool(part.media)))
            for form, more in enumerate(given):
                for name in part.columns:
                    found[name][form].extend(range(counts[form], counts[form] + more))
                counts[form] += more
        return {name: Places(*own) for name, own in found.items()}

    @cached_property
    def sizes(self) -> Sizes:
        """What a net must know of the input."""
        slots = tuple(slot for part in self.parts for slot in part.slots)
        media = tuple(
            MediaSize(
                part.media,
                part.sizes_of_media(),
                len(part.described_names),
                part.features,
                part.wide,
                part.model if isinstance(part, TokensEncoder | PixelsEncoder) else None,
            )
            for part in self.media
        )
        return Sizes(len(self.number_names), slots, media)

    def transform(
        self, table: Table, most_bad: float = 1.0, budget: Budget | None = None
    ) -> Encoded:
        """Encode rows. Columns may come in any order, with others beside them.

        most_bad: share of the filled cells of a column of images or sounds that may be unreadable.
        budget: that pretrained encoders must keep to.
        Raises DataError where a column is absent or cannot be read at all, OutOfTimeError where
        the budget is too small.
        """
        if table.graph is not None and table.places is not None:
            return self._linked(table, most_bad, budget)
        check_columns(table, self.columns)
        rows = len(table)
        kinds = {table.frame.schema[name] for name in self.columns}
        if 0 < rows <= FEW_ROWS and kinds and kinds <= EXACT and not self.media:
            return self._few(table)
        numbers = np.empty((len(self.number_names), rows), dtype=np.float32)
        slots = np.empty((len(self.category_names), rows), dtype=np.int32)
        masks = np.zeros(rows, dtype=np.uint8)
        number_rows, slot_rows, media = iter(numbers), iter(slots), []
        notices: list[Notice] = []
        for part, piece in self._pieces(table, budget):
            for column in piece.numbers:
                next(number_rows)[:] = column
            for column in piece.categories:
                next(slot_rows)[:] = column
            if piece.flags is not None:
                masks |= piece.flags
            if piece.unread is not None and not part.media:
                check_readable(table, part.columns[0], piece.unread)
            if piece.media is not None:
                notices += check_media(table, part.columns[0], piece, most_bad)
                media.append(_media(piece))
        batch = Batch(_by_rows(numbers), _by_rows(slots), tuple(media))
        return Encoded(batch, masks, tuple(notices))

    def _linked(self, table: Table, most_bad: float, budget: Budget | None) -> Encoded:
        """Encode all nodes of a graph; of the rows, those that they are."""
        assert table.graph is not None
        nodes = self.transform(table.graph.nodes, most_bad, budget)
        places = torch.from_numpy(table.places)
        batch = nodes.batch.rows(places)
        linked = Linked(places, nodes.batch, table.graph)
        return Encoded(replace(batch, linked=linked), nodes.masks[table.places], nodes.notices)

    def _few(self, table: Table) -> Encoded:
        """Encode a few rows cell by cell, without the fixed cost of columns."""
        names = self.columns
        cells = zip(*(table.frame[name].to_list() for name in names), strict=True)
        rows = [self.transform_row(dict(zip(names, row, strict=True))) for row in cells]
        numbers, slots, masks = (np.array(part) for part in zip(*rows, strict=True))
        return Encoded(
            Batch(torch.from_numpy(numbers), torch.from_numpy(slots)), masks.astype(np.uint8)
        )

    def _pieces(self, table: Table, budget: Budget | None) -> Iterator[tuple[ColumnEncoder, Piece]]:
        for part in self.parts:
            cells = [table.frame[name] for name in part.columns]
            if isinstance(part, EmbeddingEncoder):
                yield part, part.within(cells[0], budget)
            else:
                yield part, part.encode(*cells)

    def transform_row(self, values: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
        """Encode one row, the same to the last bit as ``transform`` would, without its fixed cost.

        Returns numbers (n,) float32, slots (m,) int32 and the mask of flags.
        Raises DataError where a column is absent.
        """
        numbers: list[float] = []
        slots: list[int] = []
        mask = 0
        try:
            for encode_row, columns in self._row_steps:
                cells = tuple([values[name] for name in columns])
                mask |= encode_row(cells, numbers, slots)
        except KeyError:
            check_columns_of_row(values, self.columns)
            raise
        return np.array(numbers, dtype=np.float32), np.array(slots, dtype=np.int32), mask

    @cached_property
    def _row_steps(self) -> tuple[tuple[Any, tuple[str, ...]], ...]:
        return tuple((part.encode_row, part.columns) for part in self.parts)

    def probe_cells(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The input columns of some rows as they may travel in a model file."""
        own = {part.columns[0]: part for part in self.media[::-1]}  # our own comes first
        return frame.select(
            own[name].probe_cells(frame[name]).alias(name) if name in own else frame[name]
            for name in self.columns
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        parts = [written(part) for part in self.parts]
        models = {name: one.to_json() for name, one in self.models.items()}
        return {"parts": parts, **({"pretrained": models} if models else {})}

    @cached_property
    def models(self) -> dict[str, Pretrained]:
        """The pretrained encoders, by what they read."""
        return {part.model.medium: part.model for part in self.pretrained}

    @property
    def pretrained(self) -> tuple[EmbeddingEncoder | Tuned, ...]:
        """The parts that have a pretrained encoder."""
        kinds = (EmbeddingEncoder, TokensEncoder, PixelsEncoder)
        return tuple(part for part in self.parts if isinstance(part, kinds))

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights of the pretrained encoders that are as they were: ``<medium>.<name>``."""
        return {
            f"{medium}.{name}": array
            for medium, model in self.models.items()
            if not model.tuned
            for name, array in model.arrays().items()
        }

    @classmethod
    def from_json(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> Encoder:
        """The encoder written by ``to_json`` and ``arrays``.

        Raises KeyError, TypeError or ValueError if odd.
        """
        models = restore(facts.get("pretrained", {}), arrays or {})
        return cls(tuple(part_of(part, models) for part in facts["parts"]))


def _by_rows(columns: np.ndarray) -> torch.Tensor:
    """(columns, rows) to a tensor (rows, columns) whose rows lie together in memory."""
    return torch.from_numpy(np.ascontiguousarray(columns.T))


def _media(piece: Piece) -> Media:
    assert piece.media is not None
    described = piece.described
    if described is None:
        described = np.empty((len(piece.media), 0), np.float32)
    wide = None if piece.wide is None else torch.from_numpy(piece.wide)
    return Media(piece.media, torch.from_numpy(described), wide)
