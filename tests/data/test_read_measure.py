"""What a source will take, and whether it is the same as before."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest

from deeplode.data.measure import fingerprint, size_estimate
from deeplode.data.read import read
from deeplode.errors import DataError

N = 60_000
FRAME = pl.DataFrame(
    {
        "whole": np.arange(N),
        "real": np.random.default_rng(0).normal(size=N),
        "text": [f"level {n % 50}" for n in range(N)],
    }
)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet", "feather"])
def test_estimate_is_near_the_truth_without_reading_all(tmp_path, ending):
    path = tmp_path / f"data.{ending}"
    if ending == "csv.gz":
        path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    else:
        {
            "csv": FRAME.write_csv,
            "jsonl": FRAME.write_ndjson,
            "parquet": FRAME.write_parquet,
            "feather": FRAME.write_ipc,
        }[ending](path)
    rows, size = size_estimate(path)
    assert rows == pytest.approx(N, rel=0.1)
    assert 0.5 < size / read(path).frame.estimated_size() < 4
    assert size_estimate([path, path]).rows == 2 * rows


def test_estimate_of_a_frame_is_its_size_and_of_standard_input_unknown():
    rows, size = size_estimate(FRAME)
    assert rows == N
    assert size == pytest.approx(FRAME.estimated_size(), rel=0.05)
    assert size_estimate("-") == (None, 0)


def test_estimate_of_what_cannot_be_read_leaves_the_error_to_reading(tmp_path):
    for name, data in (("a.csv", b""), ("b.parquet", b"x"), ("c.csv.gz", b"x"), ("d.xlsx", b"x")):
        path = tmp_path / name
        path.write_bytes(data)
        assert size_estimate(path).rows is None
    with pytest.raises(DataError):
        size_estimate(tmp_path / "absent.csv")


def test_fingerprint_follows_the_data_and_not_the_place(tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    text = FRAME.write_csv()
    one.write_text(text)
    other.write_text(text)
    assert fingerprint(one) == fingerprint(other)
    other.write_text(text.replace("\n59999,", "\n59998,"))
    assert fingerprint(one) != fingerprint(other)
    other.write_text(text + "1,1,x\n")
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint([one, other]) != fingerprint([other, one])


def test_fingerprint_of_frames_and_demos():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert fingerprint(frame) == fingerprint(frame.copy())
    assert fingerprint(frame) != fingerprint(frame[::-1])
    assert fingerprint(frame) != fingerprint(frame.rename(columns={"a": "c"}))
    assert fingerprint("demo:wine") != fingerprint("demo:digits")
    assert fingerprint("-") is None
