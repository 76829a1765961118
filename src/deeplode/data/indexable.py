"""Frames of pandas that can also be used as scikit-learn uses the arrays of a classifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas


class Indexable(pandas.DataFrame):  # type: ignore[misc] # pandas has no types
    """Probabilities as a frame, whose cells scikit-learn's scorers and calibrators find, too.

    ``frame[:, 1]`` is a column by position, and ``for column in frame.T`` goes over the columns'
    values. All else is as in pandas.
    """

    @property
    def _constructor(self) -> Any:
        return pandas.DataFrame

    def __getitem__(self, key: Any) -> Any:
        by_place = isinstance(key, tuple) and isinstance(key[0], slice)
        return self.to_numpy()[key] if by_place else super().__getitem__(key)

    @property
    def T(self) -> Any:  # noqa: N802 - the name is that of pandas
        """The frame with rows and columns exchanged."""
        return _Transposed(super().T)


class _Transposed(pandas.DataFrame):  # type: ignore[misc] # pandas has no types
    @property
    def _constructor(self) -> Any:
        return pandas.DataFrame

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_numpy())
