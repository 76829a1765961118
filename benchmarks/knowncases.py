"""A few known anomalies: deeplode beside CatBoost, LightGBM and XGBOD on the same labels.

    python benchmarks/knowncases.py --cache cells --seeds 1
    python benchmarks/knowncases.py --cache cells --print

Protocol of ADBench: 70 % of the rows train, 30 % are scored, the same share of anomalies in both.
Of the training rows 5, 10 or 20 anomalies are known, all others are unlabelled; everybody but
deeplode takes the unlabelled for normal. Sets above CAP rows are subsampled as there; small ones
are not blown up by copies as there, because copies of test rows would train. A set with fewer
anomalies among its training rows than are to be known is measured with all of them known.
Peers have their libraries' defaults. XGBOD is PyOD's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from anomalies import Floats, Scores, arguments, asked, cell, measured, plain_pair, sets, standard
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from deeplode.detectors.matrix import fit_matrix
from deeplode.detectors.ranks import fit_ranks
from deeplode.detectors.semisupervised import fit_semisupervised
from deeplode.runtime import Budget

CAP = 10_000  # rows of a set
KNOWN = (5, 10, 20)
PEERS = ("CatBoost", "LightGBM", "XGBOD")
OWN = ("deeplode", "deeplode unlabelled")


def split(path: Path, seed: int) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Training rows, test rows, and which of either are odd."""
    with np.load(path) as file:
        x, odd = np.asarray(file["X"], np.float64), np.asarray(file["y"]).ravel() == 1
    rows = np.sort(np.random.default_rng(seed).permutation(len(x))[:CAP])
    if odd[rows].sum() < 2:
        raise ValueError("fewer than two anomalies")
    x, odd = x[rows], odd[rows]
    train, test = train_test_split(
        np.arange(len(x)), test_size=0.3, stratify=odd, random_state=seed
    )
    return x[train], x[test], odd[train], odd[test]


def few(odd: NDArray[np.bool_], count: int, seed: int) -> NDArray[np.bool_]:
    """The anomalies that are known."""
    places = np.random.default_rng(seed).permutation(np.flatnonzero(odd))[:count]
    return np.isin(np.arange(len(odd)), places)


def peer(name: str, seed: int, threads: int) -> Any:
    """One of the peers at its defaults."""
    if name == "CatBoost":
        from catboost import CatBoostClassifier

        return CatBoostClassifier(
            random_seed=seed, thread_count=threads, verbose=0, allow_writing_files=False
        )
    if name == "LightGBM":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(random_state=seed, n_jobs=threads, verbosity=-1)
    from pyod.models.xgbod import XGBOD

    return XGBOD(random_state=seed, n_jobs=threads)


def by_peer(
    name: str, train: Floats, known: NDArray[np.bool_], test: Floats, seed: int, threads: int
) -> Scores:
    """Scores of the test rows by a peer."""
    model = peer(name, seed, threads)
    began = time.perf_counter()
    model.fit(train, known.astype(int))
    fitted = time.perf_counter()
    odd = name == "XGBOD"
    scores = model.decision_function(test) if odd else model.predict_proba(test)[:, 1]
    return np.asarray(scores, np.float64), fitted - began, time.perf_counter() - fitted


class Own:
    """deeplode on one set: the detectors, which know no label, are fitted once."""

    def __init__(self, train: Floats, test: Floats, seed: int, threads: int) -> None:
        first, second = plain_pair(train, test)
        matrix = fit_matrix(first)
        self.x, self.test = matrix.of(first), matrix.of(second)
        self.seed, self.threads = seed, threads
        began = time.perf_counter()
        self.ranks = fit_ranks(self.x, seed, False, Budget(), threads)
        self.seconds = time.perf_counter() - began

    def scores(self, known: NDArray[np.bool_]) -> dict[str, Scores]:
        """With the known cases, and without."""
        began = time.perf_counter()
        taught, _ = fit_semisupervised(self.ranks, self.x, known, self.seed, Budget(), self.threads)
        fitted = time.perf_counter()
        scores = taught.score(self.test)
        scored = time.perf_counter()
        plain = self.ranks.score(self.test)
        ended = time.perf_counter()
        seconds = self.seconds + fitted - began
        return {
            "deeplode": (scores, seconds, scored - fitted),
            "deeplode unlabelled": (plain, self.seconds, ended - scored),
        }


def run(told: argparse.Namespace, name: str, path: Path, seed: int) -> None:
    """Measure everybody who has not been on one set."""
    try:
        train, test, odd, truth = split(path, seed)
    except ValueError as error:
        print(f"{name}: {error}", flush=True)
        return
    near, own = standard(train, test), None
    asked = told.peers.split(",") if told.peers else ("deeplode", *PEERS)
    for count in KNOWN:
        known = few(odd, count, seed)
        facts = {"rows": len(odd) + len(truth), "odd": float(truth.mean()), "known": known.sum()}
        for one in asked:
            if cell(told.cache, f"known{count}", seed, name, one).exists():
                continue
            if one == "deeplode":
                own = own or Own(train, test, seed, told.threads)
                found: Mapping[str, Scores] = own.scores(known)
            else:
                found = {one: by_peer(one, near[0], known, near[1], seed, told.threads)}
            for label, scores in found.items():
                line = {**{key: float(value) for key, value in facts.items()}}
                line |= measured(truth, scores)
                place = cell(told.cache, f"known{count}", seed, name, label)
                place.write_text(json.dumps(line), "utf-8")
                print(count, seed, name, label, f"{line['roc_auc']:.3f}", flush=True)


def lines(told: argparse.Namespace) -> dict[tuple[int, str, str], dict[str, float]]:
    """(known, set, name): the mean over seeds of what was measured."""
    found = {}
    for count in KNOWN:
        for name in sets():
            for one in (*OWN, *PEERS):
                places = [
                    cell(told.cache, f"known{count}", s, name, one) for s in range(told.seeds)
                ]
                there = [json.loads(path.read_text("utf-8")) for path in places if path.exists()]
                if there:
                    keys = there[0]
                    found[count, name, one] = {
                        key: float(np.mean([line[key] for line in there])) for key in keys
                    }
    return found


def table(told: argparse.Namespace) -> str:
    """AUROC / AP in %, means over the sets that everybody was measured on, then a set a row."""
    found = lines(told)
    wanted = (*OWN, *(told.peers.split(",") if told.peers else PEERS))
    columns = [one for one in (*OWN, *PEERS) if one in wanted and any(one == k[2] for k in found)]
    names = [n for n in sets() if all((c, n, one) in found for c in KNOWN for one in columns)]
    rule = "|---" * (len(columns) + 1) + "|"
    out = [f"Means over {len(names)} sets, {told.seeds} seed(s)", ""]
    out += ["| known | " + " | ".join(columns) + " |", rule]

    def both(several: list[dict[str, float]]) -> str:
        auc, ap = (
            100 * np.mean([o[key] for o in several]) for key in ("roc_auc", "average_precision")
        )
        return f"{auc:.1f} / {ap:.1f}"

    for count in KNOWN:
        cells = (both([found[count, n, one] for n in names]) for one in columns)
        out.append(f"| {count} | " + " | ".join(cells) + " |")
    for key in ("fit_seconds", "score_seconds"):
        cost = (np.mean([found[KNOWN[-1], n, one][key] for n in names]) for one in columns)
        out.append(f"| {key.replace('_', ' ')} | " + " | ".join(f"{c:.2f}" for c in cost) + " |")
    out += ["", "| set, known | " + " | ".join(columns) + " |", rule]
    for name in names:
        for count in KNOWN:
            cells = (both([found[count, name, one]]) for one in columns)
            out.append(f"| {name}, {count} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def main() -> None:
    """Run what is missing, then print the tables."""
    told = arguments(__doc__).parse_args()
    for name, path, seed in asked(told):
        run(told, name, path, seed)
    print(table(told))


if __name__ == "__main__":
    main()
