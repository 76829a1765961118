"""Decoded images that memory has no room for lie in a file, and nothing else is different."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from deeplode import Classifier
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.errors import LimitError
from deeplode.evaluate.problem import Problem
from deeplode.mapped import POSSIBLE, give_back, mapping, zeros
from deeplode.memory import rss
from deeplode.tasks.plan import plan

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="needs Linux")

MEGABYTE = 1_000_000


def pictures(rows: int, side: int) -> pl.DataFrame:
    """Digits as files of so many pixels a side, and which they are: 0 or 1."""
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < 2)

    def png(at: int) -> bytes:
        file = io.BytesIO()
        grey = Image.fromarray((digits.images[chosen[at % len(chosen)]] * 15).astype(np.uint8))
        grey.convert("RGB").resize((side, side)).save(file, "PNG", compress_level=1)
        return file.getvalue()

    files = [png(at) for at in range(rows)]
    labels = [
        "zero" if digits.target[chosen[at % len(chosen)]] == 0 else "one" for at in range(rows)
    ]
    return pl.DataFrame({"image": pl.Series(files, dtype=pl.Binary), "label": labels})


def test_pages_that_are_given_back_are_no_memory_of_ours_and_come_again_as_they_were(
    tmp_path: Path,
) -> None:
    before = rss()
    with mapping(tmp_path):
        cells = zeros((300, 1_000, 1_000))
    assert not list(tmp_path.iterdir())  # gone with the process, whatever ends it
    cells[:] = 7
    cells[299, 999, 999] = 9
    held = rss()
    assert held - before > 250 * MEGABYTE
    give_back()
    assert rss() < held - 250 * MEGABYTE
    assert (cells[0, 0, 0], cells[299, 999, 999]) == (7, 9)


def test_a_disk_without_room_for_it_is_told_at_once(tmp_path: Path) -> None:
    with mapping(tmp_path), pytest.raises(LimitError) as raised:
        zeros((1 << 30, 1 << 30))
    assert raised.value.code == "E-OPT-222"
    assert str(tmp_path) in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_plan_puts_images_on_the_disk_before_it_leaves_out_rows() -> None:
    frame = pictures(200, 64)
    table = Table.of(pl.concat([frame] * 300))
    schema = infer(table.rows(np.arange(200)), Roles("label"))
    given = (table, schema, Problem("binary", 2), {"members": 1}, 1_600 * MEGABYTE, 1)
    without, with_it = plan(*given), plan(*given, disk=True)
    assert without.rows < len(table)
    assert (with_it.rows, with_it.mapped) == (len(table), True)
    assert [one.code for one in with_it.notices] == ["W-MEDIA-080"]
    assert not plan(table.rows(np.arange(2_000)), *given[1:], disk=True).mapped


def test_a_model_learned_from_a_file_has_the_same_bits(tmp_path: Path) -> None:
    frame = pictures(80, 16)

    def answers() -> np.ndarray:
        model = Classifier(epochs=2, members=2).fit(frame.select("image"), frame["label"])
        return np.asarray(model.predict_proba(frame.select("image")))

    usual = answers()
    with mapping(tmp_path):
        np.testing.assert_array_equal(answers(), usual)
