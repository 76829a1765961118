"""deeplode's detectors beside PyOD's, on the ADBench sets.

    python benchmarks/anomalies.py --cache cells --seeds 1
    python benchmarks/anomalies.py --cache cells --only WBC,cardio --protocols clean
    python benchmarks/anomalies.py --cache cells --print

Protocols. ``mixed``: all rows without labels, the same rows are scored. ``clean``: half of the
normal rows, drawn by the seed, train; the rest is scored. The labels only measure. Peers have
PyOD's defaults (KNN: k = 5; in ``clean`` the mean of the five beside PyOD's largest) and get the
columns scaled to unit spread by the training rows. Sets above CAP rows are subsampled for
everybody, so that all are measured on the same rows; the table says which. A few known anomalies:
knowncases.py.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import header
from numpy.typing import NDArray
from oddsets import plain
from sklearn.metrics import average_precision_score, roc_auc_score

from deeplode.detectors.matrix import fit_matrix
from deeplode.detectors.ranks import fit_ranks
from deeplode.runtime import Budget

CAP = 20_000  # rows of a set
NETS_CAP = 5_000  # rows that PyOD's nets are trained on, which take minutes beyond
Floats = NDArray[np.float64]
Scores = tuple[Floats, float, float]  # of the test rows; seconds to fit and to score
MIXED = ("IForest", "ECOD", "COPOD", "CBLOF", "KNN", "HBOS", "PCA", "LOF")
CLEAN = (*MIXED, "KNN mean", "AutoEncoder", "DeepSVDD")


def peer(name: str, columns: int, seed: int) -> Any:
    """One of PyOD's detectors at its defaults."""
    if name == "IForest":
        from pyod.models.iforest import IForest as Model

        return Model(random_state=seed)
    if name == "CBLOF":
        from pyod.models.cblof import CBLOF

        return CBLOF(random_state=seed)
    if name == "AutoEncoder":
        from pyod.models.auto_encoder import AutoEncoder

        return AutoEncoder(random_state=seed, verbose=0, device="cpu")
    if name == "DeepSVDD":
        from pyod.models.deep_svdd import DeepSVDD

        return DeepSVDD(n_features=columns, random_state=seed, verbose=0)
    from pyod.models.copod import COPOD
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.knn import KNN
    from pyod.models.lof import LOF
    from pyod.models.pca import PCA

    if name == "KNN mean":
        return KNN(method="mean")
    if name == "PCA":
        return PCA(random_state=seed)
    return {"ECOD": ECOD, "COPOD": COPOD, "HBOS": HBOS, "KNN": KNN, "LOF": LOF}[name]()


def by_pyod(name: str, train: Floats, test: Floats, seed: int, clean: bool) -> Scores:
    """Scores of a peer. Rows that are scored where they were trained on: as PyOD keeps them."""
    if name in ("AutoEncoder", "DeepSVDD") and len(train) > NETS_CAP:
        train = train[np.random.default_rng(seed).permutation(len(train))[:NETS_CAP]]
    model = peer(name, train.shape[1], seed)
    began = time.perf_counter()
    model.fit(train)
    fitted = time.perf_counter()
    scores = model.decision_function(test) if clean else model.decision_scores_
    return np.asarray(scores, np.float64), fitted - began, time.perf_counter() - fitted


def by_deeplode(
    train: Floats, test: Floats, seed: int, clean: bool, threads: int
) -> dict[str, Scores]:
    """Scores of the ensemble and of each of its members; the ensemble's seconds are of all."""
    began = time.perf_counter()
    whole = plain_pair(train, test)
    matrix = fit_matrix(whole[0])
    ranks = fit_ranks(matrix.of(whole[0]), seed, clean, Budget(), threads)
    fitted = time.perf_counter() - began
    x, scores, seconds = matrix.of(whole[1]), {}, {}
    for name, one in ranks.members.items():
        began = time.perf_counter()
        scores[name] = one.score(x)
        seconds[name] = time.perf_counter() - began
    found = {f"deeplode {name}": (scores[name], 0.0, seconds[name]) for name in scores}
    counting = sum(seconds[name] for name in ranks.counting)
    return {"deeplode": (ranks.combined(scores), fitted, counting), **found}


def plain_pair(train: Floats, test: Floats) -> tuple[Any, Any]:
    """Batches of both, scaled by the training rows."""
    both = plain(np.concatenate([train, test]), len(train))
    return both.rows(slice(0, len(train))), both.rows(slice(len(train), None))


def sets() -> dict[str, Path]:
    """The files by the name of the set."""
    folder = Path(os.environ["DEEPLODE_DATA"]) / "anomaly" / "adbench"
    return {path.stem.split("_", 1)[1]: path for path in folder.glob("*.npz")}


def split(path: Path, seed: int, clean: bool) -> tuple[Floats, Floats, NDArray[np.bool_], int]:
    """Training rows, test rows, which of these are odd, and how many rows the set has."""
    with np.load(path) as file:
        x, odd = np.asarray(file["X"], np.float64), np.asarray(file["y"]).ravel() == 1
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.permutation(len(x))[:CAP])
    whole, x, odd = len(x), x[rows], odd[rows]
    if not clean:
        return x, x, odd, whole
    normal = chance.permutation(np.flatnonzero(~odd))
    train = normal[: len(normal) // 2]
    rest = np.setdiff1d(np.arange(len(x)), train)
    return x[train], x[rest], odd[rest], whole


def standard(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Mean 0 and deviation 1 over the training rows."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return (train - mean) / spread, (test - mean) / spread


def cell(cache: Path, *parts: object) -> Path:
    """Where what was measured is kept."""
    return cache / ("-".join(str(part).replace(" ", "_") for part in parts) + ".json")


def measured(odd: NDArray[np.bool_], scores: Scores) -> dict[str, float]:
    """Quality and seconds."""
    found = np.nan_to_num(scores[0], posinf=1e30)
    return {
        "roc_auc": float(roc_auc_score(odd, found)),
        "average_precision": float(average_precision_score(odd, found)),
        "fit_seconds": scores[1],
        "score_seconds": scores[2],
    }


def run(told: argparse.Namespace, name: str, path: Path, seed: int, protocol: str) -> None:
    """Measure everybody who has not been on one set."""
    clean = protocol == "clean"
    train, test, odd, whole = split(path, seed, clean)
    facts = {"rows": whole, "used": min(whole, CAP), "odd": float(odd.mean())}
    near = standard(train, test)
    for one in ("deeplode", *(CLEAN if clean else MIXED)):
        place = cell(told.cache, protocol, seed, name, one)
        if place.exists() or (told.peers and one not in told.peers.split(",")):
            continue
        if one == "deeplode":
            found: Mapping[str, Scores] = by_deeplode(train, test, seed, clean, told.threads)
        else:
            try:
                found = {one: by_pyod(one, *near, seed, clean)}
            except (ValueError, RuntimeError) as error:
                print(f"{one} on {name}: {error}", flush=True)
                continue
        for label, scores in found.items():
            line = {**facts, **measured(odd, scores)}
            cell(told.cache, protocol, seed, name, label).write_text(json.dumps(line), "utf-8")
            print(protocol, seed, name, label, f"{line['roc_auc']:.3f}", flush=True)


def cells(told: argparse.Namespace, protocol: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Set, name and the mean over seeds of what was measured."""
    for name in sets():
        for one in everybody(protocol):
            found = [cell(told.cache, protocol, seed, name, one) for seed in range(told.seeds)]
            lines = [json.loads(path.read_text("utf-8")) for path in found if path.exists()]
            if lines:
                yield name, one, {key: np.mean([line[key] for line in lines]) for key in lines[0]}


def everybody(protocol: str) -> list[str]:
    """All columns of a table."""
    own = ("isolation", "histogram", "pca", "neighbours", "denoise")
    peers = CLEAN if protocol == "clean" else MIXED
    return ["deeplode", *peers, *(f"deeplode {name}" for name in own)]


def table(told: argparse.Namespace, protocol: str) -> str:
    """AUROC / AP in % a set, their means over the sets on which nobody failed, and seconds."""
    found = {(name, one): line for name, one, line in cells(told, protocol)}
    columns = [one for one in everybody(protocol) if any(key[1] == one for key in found)]
    names = [name for name in sets() if (name, columns[0]) in found]
    whole = [name for name in names if all((name, one) in found for one in columns)]
    out = [f"### {protocol}, {told.seeds} seed(s), means over {len(whole)} sets", ""]
    out += ["| set (rows, odd) | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]

    def both(line: Mapping[str, float] | None) -> str:
        if line is None:
            return "none"
        return f"{100 * line['roc_auc']:.1f} / {100 * line['average_precision']:.1f}"

    for name in names:
        facts = found[name, columns[0]]
        used = f" of {facts['rows']:.0f}" if facts["rows"] > facts["used"] else ""
        label = f"{name} ({facts['used']:.0f}{used}, {100 * facts['odd']:.1f} %)"
        out.append(
            f"| {label} | " + " | ".join(both(found.get((name, one))) for one in columns) + " |"
        )
    means = {
        one: {key: float(np.mean([found[name, one][key] for name in whole])) for key in facts}
        for one in columns
    }
    out.append("| **mean** | " + " | ".join(f"**{both(means[one])}**" for one in columns) + " |")
    for key in ("fit_seconds", "score_seconds"):
        label = key.replace("_", " ")
        cost = (f"{means[one][key]:.2f}" for one in columns)
        out.append(f"| mean {label} | " + " | ".join(cost) + " |")
    return "\n".join(out)


def pyod_version() -> str:
    """What is installed; ``--peers deeplode`` does without."""
    try:
        return metadata.version("pyod")
    except metadata.PackageNotFoundError:
        return "is not installed"


def arguments(about: str) -> argparse.ArgumentParser:
    """The flags of a benchmark over the ADBench sets."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder of what was measured")
    parser.add_argument("--only", default="", help="sets, separated by commas; default all")
    parser.add_argument("--peers", default="", help="columns, separated by commas; default all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--print", action="store_true", help="run nothing, print what is there")
    return parser


def asked(told: argparse.Namespace) -> Iterator[tuple[str, Path, int]]:
    """Sets, their files and seeds that are to be measured, small sets first; none to print."""
    told.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(told.threads)
    warnings.filterwarnings("ignore")
    if told.print:
        return
    print(header(), f"PyOD {pyod_version()}", flush=True)
    chosen = {k: v for k, v in sets().items() if not told.only or k in told.only.split(",")}
    for seed in range(told.seeds):
        for name, path in sorted(chosen.items(), key=lambda one: one[1].stat().st_size):
            yield name, path, seed


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--protocols", default="mixed,clean")
    told = parser.parse_args()
    protocols = told.protocols.split(",")
    for name, path, seed in asked(told):
        for protocol in protocols:
            run(told, name, path, seed, protocol)
    for protocol in protocols:
        print(table(told, protocol), "", sep="\n")


if __name__ == "__main__":
    main()
