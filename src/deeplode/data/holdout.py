"""Holdout: which interactions are learned from, chosen by, and tested on."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.interactions import Interactions
from deeplode.data.table import Table
from deeplode.errors import DataError

TRAIN, VALID, TEST = 0, 1, 2
SHARE = 0.1  # of the interactions, for each of validation and test
FEWEST = 20  # users with something to test on, below which another way is taken
NAMES = {"train": TRAIN, "valid": VALID, "validation": VALID, "val": VALID, "dev": VALID,
         "test": TEST}  # fmt: skip

Ints = NDArray[np.int64]


def by_time(made: Interactions) -> Ints:
    """(n,) parts: the latest SHARE of all is the test; interactions of one moment stay together.
    The validation is the latest SHARE of what each user had before: by one moment for all, it would
    be of the few users who came back after it."""
    assert made.time is not None
    part = np.full(len(made), TEST)
    before = np.flatnonzero(made.time <= np.quantile(made.time, 1 - SHARE, method="higher"))
    own = made.those(before)
    part[before] = _tenths(own.user, np.arange(len(own)), test=TRAIN)
    return part


def by_last(made: Interactions) -> Ints:
    """(n,) parts: a user's last one is the test, the one before it the validation; users with
    fewer than three are learned from alone."""
    back, count = _from_the_end(made.user, np.arange(len(made)))
    part = np.where(back == 0, TEST, np.where(back == 1, VALID, TRAIN))
    return np.where(count < 3, TRAIN, part)


def by_chance(made: Interactions, seed: int) -> Ints:
    """(n,) parts: SHARE of each user's are the test and as many the validation, at least one of
    each where a user has three (as RecBole's RO_RS splits 8:1:1)."""
    order = np.random.default_rng(seed).permutation(len(made))
    rank = np.empty(len(made), np.int64)
    rank[order] = np.arange(len(made))
    return _tenths(made.user, rank)


def by_column(made: Interactions, table: Table, name: str, seed: int) -> Ints:
    """(n,) parts as a column says: train, valid, test. Where none is for validation, SHARE of each
    user's that are learned from are. Raises DataError for another word."""
    cells = table.frame[name].cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    row = made.row
    said = cells.gather(row).replace_strict(NAMES, default=None, return_dtype=pl.Int64)
    if said.null_count():
        at = int(row[int(said.is_null().arg_max() or 0)])
        value = table.frame[name][at]
        raise DataError("E-DATA-201", source=table.source, column=name, row=at,
                        value="" if value is None else value)  # fmt: skip
    part = said.to_numpy().copy()
    if not (part == VALID).any():
        learned = np.flatnonzero(part == TRAIN)
        drawn = by_chance(made.those(learned), seed)
        part[learned[drawn == TEST]] = VALID
    return part


def _tenths(user: Ints, rank: Ints, test: int = TEST) -> Ints:
    """(n,) parts: SHARE of each user's that come last by rank are ``test``, as many before them the
    validation; where that would be less than one, one, as long as one is left to learn from."""
    back, count = _from_the_end(user, rank)
    each = np.floor(SHARE * count + 1e-9).astype(np.int64)
    tests = each + ((each == 0) & (count > 1))
    valid = each + ((each == 0) & (count > 2))
    if test == TRAIN:
        tests = np.zeros_like(tests)
    return np.where(back < tests, test, np.where(back < tests + valid, VALID, TRAIN))


def _from_the_end(user: Ints, rank: Ints) -> tuple[Ints, Ints]:
    """(n,) how many of the same user come later by rank, and how many that user has."""
    order = np.lexsort((rank, user))
    count = np.bincount(user)[user] if len(user) else np.zeros(0, np.int64)
    ends = np.cumsum(np.bincount(user)) if len(user) else np.zeros(0, np.int64)
    back = np.empty(len(user), np.int64)
    back[order] = ends[user[order]] - 1 - np.arange(len(user))
    return back, count
