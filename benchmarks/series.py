"""Series: remaining life of engines, and classes of whole series, by deeplode and by MiniRocket.

    python benchmarks/series.py
    python benchmarks/series.py --only cmapss --seeds 0

cmapss: C-MAPSS FD001. The 100 training engines are learned from with the remaining useful life
capped at 125; of each of the 100 test engines the last moment is answered, and its truth is capped
at 125, too. RMSE, and the score of the PHM 2008 challenge: the sum over engines of exp(-d / 13) - 1
where the answer is d too early, exp(d / 10) - 1 where it is too late. Goal: mean RMSE 12.0.

ucr: GunPoint, ItalyPowerDemand, ArrowHead, JapaneseVowels, BasicMotions with the archives' split;
accuracy. Beside deeplode 1-NN by Euclidean distance, and MiniRocket with scikit-learn's
RidgeClassifierCV: that of aeon where it is installed (``PYTHONPATH``), else the transform of this
package. Goal: level with MiniRocket in the mean.

deeplode has its defaults. Nothing was chosen on test engines or cases.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from machine import header
from numpy.typing import NDArray
from tables import markdown

CAP = 125
SETS = ("GunPoint", "ItalyPowerDemand", "ArrowHead", "JapaneseVowels", "BasicMotions")
OWN = ("linear", "trees", "net", "blend")
THREADS = 1


def folder() -> Path:
    """Where the sets lie."""
    path = Path(os.environ.get("DEEPLODE_DATA", "")) / "sensors"
    if not path.exists():
        sys.exit("Set DEEPLODE_DATA to the folder that holds sensors/.")
    return path


def scored(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float]:
    """RMSE and score of the challenge."""
    late = answers - truth
    each = np.where(late < 0, np.exp(-late / 13), np.exp(late / 10)) - 1
    return float(np.sqrt((late**2).mean())), float(each.sum())


def engines(seed: int) -> dict[str, tuple[float, float, float]]:
    """Candidate -> RMSE, score and CPU seconds of fitting all of them."""
    from deeplode import Regressor, read

    frame = pl.read_parquet(folder() / "cmapss_fd001.parquet")
    frame = frame.with_columns(pl.col("RUL").clip(upper_bound=CAP).cast(pl.Float64))
    train, test = (frame.filter(split=part).drop("split") for part in ("train", "test"))
    began = time.process_time()
    model = Regressor(timestamp="cycle", group="unit", seed=seed, threads=THREADS)
    model.fit(train.drop("RUL"), train["RUL"])
    seconds = time.process_time() - began
    own = model.model_
    last = test.with_row_index("row").group_by("unit").agg(pl.col("row").sort_by("cycle").last())
    rows = np.sort(last["row"].to_numpy().astype(np.int64))
    laid = own.laid(read(test))
    assert laid is not None
    batch = own.encoder.transform(laid.at(rows)).batch
    truth = test["RUL"].to_numpy()[rows]
    found = {name: own.candidates[name].predict(batch) for name in OWN if name in own.candidates}
    found["blend"] = own.outputs(batch)
    return {name: (*scored(answers, truth), seconds) for name, answers in found.items()}


def cmapss(seeds: list[int]) -> str:
    """Mean and spread over the seeds."""
    runs = []
    for seed in seeds:
        runs.append(engines(seed))
        print(f"cmapss, seed {seed}: {runs[-1]}", file=sys.stderr, flush=True)
    rows = []
    for name in OWN:
        errors, scores, seconds = np.array([run[name] for run in runs]).T
        rows.append(
            [
                name,
                f"{errors.mean():.2f} ± {errors.std():.2f}",
                f"{scores.mean():.0f} ± {scores.std():.0f}",
                " ".join(f"{one:.2f}" for one in errors),
                f"{seconds.mean():.0f}" if name == "blend" else "",
            ]
        )
    rows.append(["DCNN, Li et al. 2018 (published)", "12.61", "274", "", ""])
    return markdown(["C-MAPSS FD001", "RMSE", "score", "RMSE by seed", "CPU s"], rows)


def cases(name: str) -> tuple[NDArray[np.float64], ...]:
    """X (cases, channels, time) and y, of train and test."""
    with np.load(folder() / "ucr" / f"{name}.npz") as held:
        return tuple(held[f"{what}_{part}"] for part in ("train", "test") for what in ("X", "y"))


def nearest(name: str) -> float:
    """Accuracy of the nearest training case by Euclidean distance; padding counts as 0."""
    x, y, new, truth = cases(name)
    one, other = (np.nan_to_num(cells.reshape(len(cells), -1)) for cells in (x, new))
    apart = ((other[:, None] - one[None]) ** 2).sum(2)
    return float((y[apart.argmin(1)] == truth).mean())


def minirocket(name: str, seed: int) -> tuple[str, float]:
    """Whose transform, and accuracy. Unequal series are filled with their last value."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, new, truth = cases(name)
    both = [filled(cells).astype(np.float32) for cells in (x, new)]
    try:
        found = importlib.import_module("aeon.transformations.collection.convolution_based")
        whose, transform = "aeon", found.MiniRocket(random_state=seed).fit(both[0])
        parts = [np.asarray(transform.transform(cells)) for cells in both]
    except ImportError:
        from deeplode.encode.convolved import Convolutions

        whose, made = "own", Convolutions.fit(both[0], 10_000, seed)
        parts = [made(cells) for cells in both]
    model = make_pipeline(
        StandardScaler(with_mean=False), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    )
    return whose, float((model.fit(parts[0], y).predict(parts[1]) == truth).mean())


def filled(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without NaN: the value before it."""
    place = np.where(np.isnan(cells), 0, np.arange(cells.shape[2]))
    return np.take_along_axis(cells, np.maximum.accumulate(place, axis=2), 2)


def ours(name: str, seed: int, scratch: Path) -> dict[str, float]:
    """Accuracy of every candidate, and CPU seconds of the whole run."""
    from deeplode import verbs
    from deeplode.options import TrainOptions

    began = time.process_time()
    told = TrainOptions(
        target="y", split_column="split", seed=seed, threads=THREADS,
        out=str(scratch / f"{name}-{seed}"),
    )  # fmt: skip
    facts = verbs.train(str(folder() / "ucr" / f"{name}.npz"), told).facts
    found = {one["name"]: one["metrics"]["accuracy"]["value"] for one in facts["leaderboard"]}
    return {**found, "seconds": time.process_time() - began}


def ucr(seeds: list[int], names: list[str]) -> str:
    """Mean accuracy over the seeds, of every set and of all."""
    table: dict[str, list[float]] = {}
    whose = "own"
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            runs = [ours(name, seed, Path(scratch)) for seed in seeds]
            peers = [minirocket(name, seed) for seed in seeds]
            whose = peers[0][0]
            found = {f"deeplode, {one}": float(np.mean([run[one] for run in runs])) for one in OWN}
            found["1-NN Euclidean"] = nearest(name)
            found[f"MiniRocket ({whose}) + ridge"] = float(np.mean([peer[1] for peer in peers]))
            found["CPU s of deeplode"] = float(np.mean([run["seconds"] for run in runs]))
            print(name, found, file=sys.stderr, flush=True)
            for what, value in found.items():
                table.setdefault(what, []).append(float(value))
    rows = []
    for what, values in table.items():
        form = "{:.0f}" if what.startswith("CPU") else "{:.4f}"
        rows.append([what, *(form.format(one) for one in (*values, np.mean(values)))])
    return markdown(["accuracy", *names, "mean"], rows)


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("cmapss", "ucr"))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", default="0,1,2,3,4")
    told = parser.parse_args()
    seeds = [int(one) for one in told.seeds.split(",")]
    print(header())
    if told.only != "ucr":
        print(cmapss(seeds), "\n")
    if told.only != "cmapss":
        print(ucr(seeds, told.sets.split(",")))


if __name__ == "__main__":
    main()
