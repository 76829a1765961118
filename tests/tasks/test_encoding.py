"""Encoding: what rows take is measured, so that time is kept for those that are encoded later."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from deeplode import training
from deeplode.options import TrainOptions
from deeplode.runtime import Budget
from deeplode.tasks import learn


def test_time_is_kept_for_the_texts_that_are_encoded_after_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{'good' if at % 2 else 'bad'} story number {at} of many" for at in range(500)]
    frame = pl.DataFrame({"text": texts, "y": [at % 2 for at in range(500)]})
    left: dict[str, float] = {}
    encode, fit = learn.encoded, learn.fit_all

    def encoded(*told, **named):
        made = encode(*told, **named)
        left["seconds"], left["after"] = made.seconds, told[4].left()
        return made

    def fit_all(lesson, settings, batch, encoder, budget, listen):
        left["learning"], left["later"] = budget.left(), settings.later
        return fit(lesson, settings, batch, encoder, budget, listen)

    monkeypatch.setattr(learn, "encoded", encoded)
    monkeypatch.setattr(learn, "fit_all", fit_all)
    told = TrainOptions(target="y", time_limit="60s", epochs=1, members=1, out=str(tmp_path / "r"))
    frame.write_parquet(tmp_path / "texts.parquet")
    # from now, not from the start of the process: that of the tests may be minutes old
    training.train(str(tmp_path / "texts.parquet"), told, budget=Budget.begin(60.0))
    assert left["later"] == training.TIMES_TESTED * 100 / 400 + 1  # and the words of the page
    assert left["seconds"] > 0
    assert left["learning"] <= left["after"] - left["later"] * left["seconds"]
