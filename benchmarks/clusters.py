"""Groups of rows whose classes are known, beside k-means, mixtures, spectral and HDBSCAN.

    python benchmarks/clusters.py [--seeds 3] [--only digits,letter] [--noise 100]

Every way gets the true number of groups, but HDBSCAN, which finds its own; accuracy (groups
matched to classes), normalised mutual information, mean over seeds. deeplode sees the columns of
the table, peers the columns scaled to unit spread (pixels as they are). ``--noise N``: on N draws
each of uniform noise and of one Gaussian cloud, how often more than one group is found.
Spectral clustering and HDBSCAN run on 5 000 rows at most; their scores are of those rows.
Nothing was chosen on the classes but what RESULTS.md says.
"""

from __future__ import annotations

import argparse
import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans, SpectralClustering
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from deeplode import Clusterer
from deeplode.clusters.candidates import CANDIDATES
from deeplode.clusters.number import Grounds, find
from deeplode.evaluate.groups import Meetings, accuracy
from deeplode.runtime import Budget

DATA = Path(os.environ.get("DEEPLODE_DATA", "../shared/data"))
FEW = 5_000  # rows that the slow peers see
PIXELS = ("digits", "fashion")
Rows = NDArray[np.float64]
Labels = NDArray[np.int64]


def sets() -> dict[str, Callable[[], tuple[Rows, Labels]]]:
    """Columns and classes, by name."""
    found: dict[str, Callable[[], tuple[Rows, Labels]]] = {
        "iris": lambda: load_iris(return_X_y=True),
        "wine": lambda: load_wine(return_X_y=True),
        "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
        "digits": lambda: load_digits(return_X_y=True),
    }
    tables = {"letter": "letter", "covtype_15k": "Cover_Type"}
    for name, target in tables.items():
        found[name] = lambda name=name, target=target: _table(name, target)  # type: ignore[misc]
    found["fashion"] = _fashion
    return found


def _table(name: str, target: str) -> tuple[Rows, Labels]:
    frame = pd.read_parquet(DATA / "tabular" / f"{name}.parquet")
    codes = frame.pop(target).astype("category").cat.codes.to_numpy().astype(np.int64)
    return frame.drop(columns=["Id"], errors="ignore").to_numpy(np.float64), codes


def _fashion() -> tuple[Rows, Labels]:
    parts = []
    for part in ("train", "t10k"):
        base = DATA / "images" / f"fashion-mnist-{part}"
        pixels = gzip.decompress(Path(f"{base}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress(Path(f"{base}-labels-idx1-ubyte.gz").read_bytes())
        parts.append(
            (
                np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 784),
                np.frombuffer(labels, np.uint8, offset=8),
            )
        )
    x, y = (np.concatenate(one) for one in zip(*parts, strict=True))
    return x.astype(np.float64), y.astype(np.int64)


def peers(x: Rows, groups: int, seed: int) -> dict[str, Callable[[], tuple[Labels, Labels]]]:
    """What puts rows into groups, by name: the rows that it saw, and their groups."""
    every = np.arange(len(x))
    some = np.sort(np.random.default_rng(seed).permutation(len(x))[:FEW])
    few = PCA(min(50, x.shape[1]), random_state=seed).fit_transform(x)
    return {
        "k-means": lambda: (every, KMeans(groups, n_init=10, random_state=seed).fit_predict(x)),
        "Gaussian mixture (PCA)": lambda: (
            every,
            GaussianMixture(groups, n_init=2, random_state=seed, reg_covar=1e-4).fit_predict(
                few[:, :10]
            ),
        ),
        "spectral": lambda: (
            some,
            SpectralClustering(
                groups, affinity="nearest_neighbors", n_neighbors=15, random_state=seed
            ).fit_predict(few[some]),
        ),
        "HDBSCAN": lambda: (some, HDBSCAN(min_cluster_size=15).fit_predict(few[some])),
    }


def scored(truth: Labels, labels: Labels) -> tuple[float, float]:
    """Accuracy and normalised mutual information; what belongs nowhere is a group of its own."""
    own = np.where(labels < 0, labels.max() + 1, labels)
    return accuracy(Meetings.of(truth, own)), float(normalized_mutual_info_score(truth, own))


def measure(name: str, seeds: int) -> None:
    """Print a table of one set."""
    x, y = sets()[name]()
    groups = len(np.unique(y))
    spread = x.std(0)
    scaled = (x - x.mean(0)) / (1.0 if name in PIXELS else np.where(spread > 0, spread, 1.0))
    print(f"\n{name}: {len(x)} rows, {x.shape[1]} columns, {groups} classes\n", flush=True)
    found: dict[str, list[tuple[float, float, float]]] = {}
    told = []
    for seed in range(seeds):
        for way, run in peers(scaled, groups, seed).items():
            began = time.perf_counter()
            rows, labels = run()
            seconds = time.perf_counter() - began
            found.setdefault(way, []).append((*scored(y[rows], labels), seconds))
        began = time.perf_counter()
        model = Clusterer(clusters=groups, seed=seed).fit(x)
        seconds = time.perf_counter() - began
        answer = np.argmax(model.predict_proba(x), 1)
        found.setdefault("deeplode", []).append((*scored(y, answer), seconds))
        told.append(model.facts_["answer"])
        deep = [one for one in model.leaderboard_ if one["name"] == "embedding_mixture"]
        told[-1] += f" (clear {max(one['clear'] for one in deep):.2f})" if deep else ""
    for way, own in found.items():
        acc, nmi, seconds = np.mean(own, 0)
        print(f"| {name} | {way} | {acc:.3f} | {nmi:.3f} | {seconds:.1f} |", flush=True)
    auto = Clusterer(seed=0).fit(x).facts_["clusters"]
    ends = f"{auto['low']} to {auto['high']}"
    print(f"answers: {', '.join(told)}; auto finds {auto['value']} ({ends})", flush=True)


def noise(draws: int) -> None:
    """Print how often noise is taken for groups, by each way."""
    budget = Budget.begin(None, None)
    for kind in ("uniform", "normal"):
        wrong = 0
        for seed in range(draws):
            chance = np.random.default_rng(10_000 + seed)
            rows, columns = int(chance.integers(200, 2000)), int(chance.integers(2, 20))
            draw = chance.random if kind == "uniform" else chance.normal
            cells = draw(size=(rows, columns))
            x = torch.from_numpy((cells - cells.mean(0)) / cells.std(0)).float()
            grounds = Grounds.of(x, seed)
            numbers = []
            for name, (fit_space, form) in CANDIDATES.items():
                space = fit_space(x, seed, budget, 1)
                numbers.append(
                    find(name, space, form, x, grounds, None, seed, budget).grouping.groups
                )
            wrong += max(numbers) > 1
        print(f"{kind}: groups found in {wrong} of {draws} draws", flush=True)


def main() -> None:
    """Print what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--only", default="")
    asked.add_argument("--noise", type=int, default=0)
    told = asked.parse_args()
    if told.noise:
        noise(told.noise)
        return
    for name in told.only.split(",") if told.only else sets():
        measure(name, told.seeds)


if __name__ == "__main__":
    main()
