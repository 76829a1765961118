"""The commonest writing of dates, ``2024-03-05`` and ``2024-03-05 10:20:30``, read by place.

Several times faster than by pattern; what does not fit is left to the patterns.
"""

from __future__ import annotations

import numpy as np
import polars as pl

_DIGITS = {10: (0, 1, 2, 3, 5, 6, 8, 9), 19: (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)}
_DASH, _SLASH, _COLON, _SPACE, _T = b"-/: T"
_MOST = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def read_by_place(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970 of the texts that fit, and which ones do.

    Returns counts (rows,) int64, 0 where unfit, and fit (rows,) bool.
    """
    counts = np.zeros(len(texts), dtype=np.int64)
    fit = np.zeros(len(texts), dtype=bool)
    lengths = texts.str.len_bytes().fill_null(0).to_numpy()
    for length in _DIGITS:
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            joined = texts.gather(rows).str.join("").item()
            letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, length)
            counts[rows], fit[rows] = _read(letters)
    return counts, fit


def _read(letters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``read_by_place``, of texts of one length. letters: (rows, 10 or 19) bytes."""
    clocked = letters.shape[1] == 19
    fit = np.isin(letters[:, 4], (_DASH, _SLASH)) & (letters[:, 7] == letters[:, 4])
    if clocked:
        fit &= np.isin(letters[:, 10], (_SPACE, _T))
        fit &= (letters[:, 13] == _COLON) & (letters[:, 16] == _COLON)
    digits = letters.astype(np.int64) - ord("0")
    places = list(_DIGITS[letters.shape[1]])
    fit &= ((digits[:, places] >= 0) & (digits[:, places] <= 9)).all(axis=1)
    year = ((digits[:, 0] * 10 + digits[:, 1]) * 10 + digits[:, 2]) * 10 + digits[:, 3]
    month, day = (digits[:, place] * 10 + digits[:, place + 1] for place in (5, 8))
    fit &= valid_days(year, month, day)
    seconds = np.zeros(len(letters), dtype=np.int64)
    if clocked:
        hour, minute, second = (digits[:, at] * 10 + digits[:, at + 1] for at in (11, 14, 17))
        fit &= (hour < 24) & (minute < 60) & (second < 60)
        seconds = hour * 3600 + minute * 60 + second
    days = days_since_1970(*(np.where(fit, part, 1) for part in (year, month, day)))
    return np.where(fit, (days * 86_400 + seconds) * 1_000_000, 0), fit


def valid_days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """(rows,) bool: days that the calendar has, from year 1 on."""
    inside = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)) & (month == 2)
    return np.asarray(inside & (day <= _MOST[np.where(inside, month, 1) - 1] + leap))


def days_since_1970(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """(rows,) int64, in the proleptic Gregorian calendar."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return np.asarray(months.astype("datetime64[D]").astype(np.int64) + day - 1)
