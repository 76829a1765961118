"""The sets of $DEEPLODE_DATA/tabular, split alike for everybody, and prepared plainly for peers."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2
SPLIT_SEED = 0
HGB_LEVELS = 255  # the most categories that HistGradientBoosting takes in a column
MOSTLY_DISTINCT = 0.9  # strings with a larger share of distinct values are names or ids


@dataclass(frozen=True)
class Set:
    """One set after the split.

    train, test: features as they were read, rows in the order of the split.
    y_train, y_test: (rows,) class numbers 0, 1, … (int64), or values (float64) for regression.
    classes: the target's own values in the order of their numbers; empty for regression.
    """

    name: str
    task: str  # "binary", "multiclass" or "regression"
    train: pd.DataFrame
    test: pd.DataFrame
    y_train: NDArray[np.int64] | NDArray[np.float64]
    y_test: NDArray[np.int64] | NDArray[np.float64]
    classes: tuple[str, ...]

    @property
    def is_regression(self) -> bool:
        """Whether the target is a quantity."""
        return self.task == "regression"

    @cached_property
    def plain(self) -> Plain:
        """The features as a careful user would hand them to a library that reads no raw columns."""
        return prepare(self.train, self.test)


@dataclass(frozen=True)
class Plain:
    """Columns made of numbers (float64, NaN = missing) and strings (None or NaN = missing)."""

    train: pd.DataFrame
    test: pd.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]


def folder() -> Path:
    """Where the sets lie; ends the program with a clear word when they are nowhere."""
    root = os.environ.get("DEEPLODE_DATA")
    if not root or not (Path(root) / "tabular" / "targets.json").exists():
        sys.exit("Set DEEPLODE_DATA to the folder that holds tabular/targets.json.")
    return Path(root) / "tabular"


def names() -> list[str]:
    """All sets, from the fewest rows to the most (by file size, which is known at once)."""
    known = json.loads((folder() / "targets.json").read_text())
    return sorted(known, key=lambda name: (folder() / f"{name}.parquet").stat().st_size)


def task_of(name: str) -> str:
    """What is asked of this set: "binary", "multiclass" or "regression"."""
    return str(json.loads((folder() / "targets.json").read_text())[name]["task"])


def load(name: str) -> Set:
    """Read one set, drop what targets.json drops and rows without a target, split 80/20."""
    facts = json.loads((folder() / "targets.json").read_text())[name]
    frame = pd.read_parquet(folder() / f"{name}.parquet").drop(columns=facts["drop"])
    frame = frame[frame[facts["target"]].notna()]
    target, features = frame[facts["target"]], frame.drop(columns=facts["target"])
    y, classes = encode_target(target, facts["task"])
    train, test = train_test_split(
        np.arange(len(frame)),
        test_size=TEST_SHARE,
        random_state=SPLIT_SEED,
        stratify=None if facts["task"] == "regression" else y,
    )
    rows = [features.iloc[part].reset_index(drop=True) for part in (train, test)]
    return Set(name, facts["task"], rows[0], rows[1], y[train], y[test], classes)


def encode_target(
    target: pd.Series[object], task: str
) -> tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...]]:
    """Values for regression, else class numbers in the sorted order of the classes."""
    if task == "regression":
        return target.to_numpy(np.float64), ()
    classes, codes = np.unique(target.to_numpy(), return_inverse=True)
    return codes.astype(np.int64), tuple(str(value) for value in classes)


def prepare(train: pd.DataFrame, test: pd.DataFrame) -> Plain:
    """Numbers written as strings read as numbers, timestamps as their parts, names left out.

    Every decision is taken on training rows alone.
    """
    parts: list[dict[str, pd.Series[object]]] = [{}, {}]
    numbers: list[str] = []
    categories: list[str] = []
    for column in train.columns:
        if pd.api.types.is_numeric_dtype(train[column]):
            made = [{column: frame[column].astype(np.float64)} for frame in (train, test)]
            numbers.append(column)
        elif reads_as(train[column], "number"):
            made = [{column: as_number(frame[column])} for frame in (train, test)]
            numbers.append(column)
        elif reads_as(train[column], "time"):
            made = [time_parts(column, frame[column]) for frame in (train, test)]
            numbers.extend(made[0])
        elif train[column].nunique() > MOSTLY_DISTINCT * train[column].notna().sum():
            continue
        else:
            made = [{column: frame[column]} for frame in (train, test)]
            categories.append(column)
        for part, new in zip(parts, made, strict=True):
            part.update(new)
    frames = [pd.DataFrame(part) for part in parts]
    return Plain(frames[0], frames[1], tuple(numbers), tuple(categories))


def reads_as(strings: pd.Series[object], what: str) -> bool:
    """Whether every cell that is not blank reads as a number, or as an ISO date or timestamp."""
    filled = strings.dropna().astype("str").str.strip()
    filled = filled[filled != ""]
    if filled.empty:
        return False
    read = as_number(filled) if what == "number" else as_time(filled)
    return bool(read.notna().all())


def as_number(strings: pd.Series[object]) -> pd.Series[object]:
    """Strings as float64; what does not read is NaN."""
    return pd.to_numeric(strings, errors="coerce").astype(np.float64)


def as_time(strings: pd.Series[object]) -> pd.Series[object]:
    """ISO strings as timestamps; what does not read is NaT."""
    return pd.to_datetime(strings, errors="coerce", format="ISO8601")


def time_parts(name: str, strings: pd.Series[object]) -> dict[str, pd.Series[object]]:
    """The moment in seconds and the parts of the calendar that a careful user would make."""
    moment = as_time(strings)
    parts = {
        "seconds": (moment - pd.Timestamp(0)).dt.total_seconds(),
        "year": moment.dt.year,
        "month": moment.dt.month,
        "day": moment.dt.day,
        "weekday": moment.dt.dayofweek,
        "hour": moment.dt.hour + moment.dt.minute / 60,
    }
    return {f"{name} {part}": values.astype(np.float64) for part, values in parts.items()}


def as_categories(plain: Plain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Strings as pandas categories of the training rows; unseen ones become missing."""
    train, test = plain.train.copy(), plain.test.copy()
    for name in plain.categories:
        train[name] = train[name].astype("category")
        test[name] = pd.Categorical(test[name], categories=train[name].cat.categories)
    return train, test


def as_few_categories(plain: Plain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As categories, but columns of more than HGB_LEVELS levels as the numbers of their levels."""
    train, test = as_categories(plain)
    for name in plain.categories:
        if len(train[name].cat.categories) > HGB_LEVELS:
            for frame in (train, test):
                codes = frame[name].cat.codes
                frame[name] = codes.where(codes >= 0).astype(np.float64)
    return train, test


def as_strings(plain: Plain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Strings with a word for missing ones."""
    train, test = plain.train.copy(), plain.test.copy()
    for frame in (train, test):
        for name in plain.categories:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), "missing")
    return train, test


def as_filled(plain: Plain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As strings, and gaps in numbers filled with the training median, with a column saying so."""
    train, test = as_strings(plain)
    for name in plain.numbers:
        median, gaps = train[name].median(), bool(train[name].isna().any())
        for frame in (train, test):
            if gaps:
                frame[f"{name} missing"] = frame[name].isna().astype(np.float64)
            frame[name] = frame[name].fillna(median)
    return train, test


def filled_categories(plain: Plain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gaps in numbers filled; strings as categories of the training rows."""
    train, test = as_filled(plain)
    for name in plain.categories:
        train[name] = train[name].astype("category")
        test[name] = pd.Categorical(test[name], categories=train[name].cat.categories)
    return train, test
