"""Columns of images or sounds: paths to files, or the bytes of the files themselves."""

from __future__ import annotations

import os
from collections.abc import Callable

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.data.media import medium_of_column, spread
from deeplode.messages import Notice


def recognise(facts: Facts) -> Column | None:
    """Texts nearly all of which end as names of image files do, or of sound files; bytes nearly
    all of which begin as such files do. Paths none of which leads to a file are of no use."""
    if facts.series.dtype == pl.Binary:
        medium = medium_of_column(facts.series)
        return _column(facts, Kind(medium), "KIND-MEDIA-BYTES", True) if medium else None
    if facts.sample is None or not len(facts.sample):
        return None
    medium = medium_of_column(facts.sample)
    if medium is None:
        return None
    there = any(os.path.lexists(str(path)) for path in spread(facts.sample))
    return _column(facts, Kind(medium), "KIND-PATHS" if there else "KIND-PATHS-GONE", there)


def force(kind: Kind) -> Callable[[Facts], Column]:
    """What makes a column one of this kind."""
    return lambda facts: _column(facts, kind, "KIND-PATHS", True)


def _column(facts: Facts, kind: Kind, code: str, used: bool) -> Column:
    reason = Notice(code, facts.name, {"kind": str(kind)})
    return Column(facts.name, kind, reason, facts.share_missing, facts.distinct, used=used)
