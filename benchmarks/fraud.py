"""Rare positives with labels: deeplode beside LightGBM and CatBoost, by average precision.

    python benchmarks/fraud.py
    python benchmarks/fraud.py --only ai4i

Five folds, stratified, rows at random; the peers have their defaults and know which columns are
categories. AI4I is without its failure modes, which name the target, and without the row's ids.
Intervals are of the difference to deeplode's blend over all folds' rows, by paired resampling.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from machine import header
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from tables import markdown

from deeplode import Classifier
from deeplode.data.table import Table
from deeplode.tasks.model import Model

FOLDS, RESAMPLES = 5, 1_000
SETS = {
    "ai4i": ("sensors/ai4i2020", "Machine failure", "TWF,HDF,PWF,OSF,RNF,UDI,Product ID"),
    "insurance": ("anomaly/vehicle_insurance_fraud", "FraudFound_P", "PolicyNumber"),
}
Scores = dict[str, NDArray[np.float64]]


def rows(name: str) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Columns to learn from, and which rows are positive."""
    file, target, drop = SETS[name]
    frame = pl.read_parquet(Path(os.environ["DEEPLODE_DATA"]) / f"{file}.parquet")
    truth = frame[target].cast(pl.Int64).to_numpy()
    return frame.drop(target, *drop.split(","), strict=False), truth


def ours(train: pl.DataFrame, truth: NDArray[np.int64], test: pl.DataFrame) -> Scores:
    """The blend, and the net and the trees of the same fit."""
    made = Classifier(threads=2).fit(train, truth)
    model: Model = made.model_
    batch = model.encoder.transform(Table.of(test)).batch
    parts = {name: model.candidates[name].predict(batch)[:, 1] for name in ("net", "trees")}
    found = {"deeplode blend": np.asarray(made.predict_proba(test))[:, 1]}
    return found | {f"deeplode {name}": own for name, own in parts.items()}


def lightgbm(train: pl.DataFrame, truth: NDArray[np.int64], test: pl.DataFrame) -> Scores:
    """LightGBM's defaults."""
    from lightgbm import LGBMClassifier

    frames = [one.with_columns(pl.col(pl.String).cast(pl.Categorical)) for one in (train, test)]
    both = pl.concat(frames, how="vertical_relaxed").to_pandas()
    both.columns = [f"c{at}" for at in range(both.shape[1])]  # it takes no brackets in names
    made = LGBMClassifier(n_jobs=2, verbose=-1).fit(both[: len(train)], truth)
    return {"LightGBM": np.asarray(made.predict_proba(both[len(train) :]))[:, 1]}


def catboost(train: pl.DataFrame, truth: NDArray[np.int64], test: pl.DataFrame) -> Scores:
    """CatBoost's defaults."""
    from catboost import CatBoostClassifier

    words = [name for name in train.columns if train.schema[name] == pl.String]
    frames = [one.with_columns(pl.col(words).fill_null("")).to_pandas() for one in (train, test)]
    made = CatBoostClassifier(thread_count=2, verbose=0, cat_features=words, random_seed=0)
    made.fit(frames[0], truth)
    return {"CatBoost": made.predict_proba(frames[1])[:, 1]}


PEERS: tuple[Callable[[pl.DataFrame, NDArray[np.int64], pl.DataFrame], Scores], ...] = (
    ours,
    lightgbm,
    catboost,
)


def measured(name: str) -> list[list[str]]:
    """A line for each model: mean AP of the folds, and how far below the blend it is."""
    frame, truth = rows(name)
    found: dict[str, NDArray[np.float64]] = {}
    seconds: dict[str, float] = {}
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(truth, truth))
    for learn, test in folds:
        for peer in PEERS:
            began = time.monotonic()
            for model, scores in peer(frame[learn], truth[learn], frame[test]).items():
                found.setdefault(model, np.zeros(len(truth)))[test] = scores
                seconds[model] = seconds.get(model, 0.0) + time.monotonic() - began
    chance = np.random.default_rng(0)

    def mean(scores: NDArray[np.float64], drawn: list[NDArray[np.int64]]) -> float:
        return float(np.mean([average_precision_score(truth[one], scores[one]) for one in drawn]))

    each = [test for _, test in folds]
    draws = [[chance.choice(one, len(one)) for one in each] for _ in range(RESAMPLES)]
    best = np.array([mean(found["deeplode blend"], drawn) for drawn in draws])
    lines = []
    for model, scores in found.items():
        less = best - np.array([mean(scores, drawn) for drawn in draws])
        low, high = np.quantile(less, (0.025, 0.975))
        told = "" if model == "deeplode blend" else f"{low:+.3f} … {high:+.3f}"
        line = [f"{mean(scores, each):.3f}", told, f"{seconds[model] / FOLDS:.1f}"]
        lines.append([name, model, *line])
    return lines


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SETS))
    told = parser.parse_args()
    print(header())
    lines = [line for name in told.only.split(",") for line in measured(name)]
    head = ["set", "model", "average precision", "blend is better by", "seconds a fold"]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()
