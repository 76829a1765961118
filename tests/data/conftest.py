"""Real tables, where they are at hand."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

# Time is no promise of these tests, and the same examples are drawn each time.
settings.register_profile("calm", deadline=None, derandomize=True)
settings.load_profile("calm")


@pytest.fixture
def shared_tables() -> Callable[[str], pl.DataFrame]:
    """Reads a table of the shared data by its name."""
    folder = os.environ.get("DEEPLODE_DATA")
    if not folder:
        pytest.skip("needs the shared data: set DEEPLODE_DATA to its folder")
    return lambda name: pl.read_parquet(Path(folder) / "tabular" / f"{name}.parquet")
