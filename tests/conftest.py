"""Tests that run side by side compute on one core each, and so do the programs that they start."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def hourly() -> Callable[..., pl.DataFrame]:
    """Hourly loads of machines, each at its height, with a daily cycle."""

    def load(days: int = 20, machines: int = 2) -> pl.DataFrame:
        chance, frames = np.random.default_rng(0), []
        hours = np.arange(24 * days)
        when = [datetime(2024, 5, 1) + timedelta(hours=int(hour)) for hour in hours]
        for machine in range(machines):
            value = 50 * (machine + 1) + 10 * np.sin(2 * np.pi * hours / 24)
            columns = {"time": when, "load": value + chance.normal(size=len(hours))}
            name = pl.lit(f"m{machine}").alias("machine")
            frames.append(pl.DataFrame(columns).with_columns(name))
        return pl.concat(frames)

    return load
