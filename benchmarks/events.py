"""Events in series: deeplode beside the methods of SKAB's leaderboard, on SKAB and made-up faults.

    python benchmarks/events.py
    python benchmarks/events.py --only skab --peers deeplode

Each series trains on its first moments (400 of SKAB's files) and is tested on the rest; counts are
pooled over all series, point by point, nothing adjusted. AUROC is the mean over series of the score
at each moment. deeplode has one run with its defaults over all series of a set. The peers are
fitted on each series alone, as on the leaderboard: T2 + Q of a PCA with 95 % of the variance
(threshold: 99.9 % of training); an isolation forest; and the leaderboard's convolutional
autoencoder, laid out and trained as it is there (Conv-AE: windows of 60 moments, 32 and 16 filters
of 7, one course that all channels are compared with; 99.9 % of the training error times 4/3; a
moment is odd where all windows over it are, so that it is judged with a minute of its future, and
the last two minutes of a file never are). ``its net with our events`` has the same errors, but
judges as deeplode does: online, by the error of the window that ends at the moment, with
hysteresis.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from machine import header
from numpy.typing import NDArray
from oddseries import Fault, frame, made, skab
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from tables import markdown
from torch import nn

from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.runtime import Budget, configured
from deeplode.tasks.detect import Settings
from deeplode.tasks.detectseries import Normal, detect_series
from deeplode.tasks.events import events, numbered

STEPS = 60  # of the autoencoder's windows
Scores = list[tuple[NDArray[np.float64], NDArray[np.bool_]]]  # of each series: scores, called


def ours(faults: list[Fault]) -> Scores:
    """One run over all series."""
    table = Table.of(frame(faults).drop("odd"))
    schema = infer(table, Roles(timestamp="moment", group="series"))
    with configured(2, 0):
        normal = Normal(rows=faults[0].train)
        found = detect_series(table, schema, Settings(), normal, None, Budget.begin(None, None))
    outputs, called = found.watched.outputs, found.watched.anomaly
    ends = np.cumsum([len(fault.odd) for fault in faults]).tolist()
    parts = [slice(end - len(fault.odd), end) for end, fault in zip(ends, faults, strict=True)]
    return [(outputs[part], called[part]) for part in parts]


def scaled(fault: Fault) -> NDArray[np.float64]:
    """By the mean and deviation of the training moments."""
    train = fault.cells[: fault.train]
    return np.asarray((fault.cells - train.mean(0)) / (train.std(0) + 1e-12))


def squares(faults: list[Fault]) -> Scores:
    """T2 + Q: Hotelling's distance in the plane of a PCA, or the distance to it."""
    found = []
    for fault in faults:
        x = scaled(fault)
        _, size, axes = np.linalg.svd(x[: fault.train], full_matrices=False)
        share = np.cumsum(size**2) / (size**2).sum()
        kept = int(np.searchsorted(share, 0.95)) + 1
        plane = x @ axes[:kept].T
        inside = (plane**2 / (size[:kept] ** 2 / fault.train)).sum(1)
        beside = ((x - plane @ axes[:kept]) ** 2).sum(1)
        parts = [one / np.quantile(one[: fault.train], 0.999) for one in (inside, beside)]
        score = np.maximum(*parts)
        found.append((score, score > 1))
    return found


def forest(faults: list[Fault]) -> Scores:
    """An isolation forest with scikit-learn's defaults."""
    found = []
    for fault in faults:
        model = IsolationForest(random_state=0).fit(fault.cells[: fault.train])
        score = -model.score_samples(fault.cells)
        found.append((score, score > 0.5))
    return found


def autoencoder(faults: list[Fault]) -> Scores:
    """Conv-AE of each series with its own rule of what is odd."""
    found = []
    for fault in faults:
        error, limit = _errors(fault)
        odd = np.zeros(len(fault.odd), bool)
        for at in range(STEPS - 1, len(error) - STEPS + 1):
            odd[at] = (error[at - STEPS + 1 : at] > limit).all()
        found.append((_ending(error), odd))
    return found


def online(faults: list[Fault]) -> Scores:
    """Conv-AE's errors, judged without a look at what comes."""
    found = []
    for fault in faults:
        error, limit = _errors(fault)
        score = _ending(error)
        begins = np.arange(len(score)) == 0
        told = events(score, begins, float(limit), float(limit * 3 / 4), STEPS)
        found.append((score, numbered(told, len(score)) > 0))
    return found


def _ending(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """(moments,) the error of the window that ends at each; the first window's before."""
    return np.concatenate([np.repeat(error[:1], STEPS - 1), error])


@cache
def _fitted_errors(cells: bytes, shape: tuple[int, int], train: int) -> NDArray[np.float64]:
    x = torch.tensor(np.frombuffer(cells).reshape(shape).copy(), dtype=torch.float32)
    windows = x.unfold(0, STEPS, 1)  # (windows, channels, steps)
    net = _fitted(windows[: train - STEPS + 1])
    with torch.no_grad():
        return np.asarray((net(windows) - windows).abs().mean(2).sum(1).numpy(), np.float64)


def _errors(fault: Fault) -> tuple[NDArray[np.float64], float]:
    """(windows,) of Conv-AE, and its limit."""
    x = scaled(fault)
    error = _fitted_errors(x.tobytes(), x.shape, fault.train)
    return error, float(np.quantile(error[: fault.train - STEPS + 1], 0.999) * 4 / 3)


def _fitted(train: torch.Tensor) -> nn.Module:
    """As the leaderboard's: weights by Glorot, the last tenth of the windows validates, training
    ends after five epochs without a better error and keeps its last weights."""
    torch.manual_seed(0)
    channels = train.shape[1]
    net = nn.Sequential(
        nn.Conv1d(channels, 32, 7, 2, 3), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv1d(32, 16, 7, 2, 3), nn.ReLU(),
        nn.ConvTranspose1d(16, 16, 7, 2, 3, 1), nn.ReLU(), nn.Dropout(0.2),
        nn.ConvTranspose1d(16, 32, 7, 2, 3, 1), nn.ReLU(),
        nn.ConvTranspose1d(32, 1, 7, 1, 3),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    learn, valid = train[: int(0.9 * len(train))], train[int(0.9 * len(train)) :]
    steps = torch.optim.Adam(net.parameters(), 1e-3)
    best, calm = np.inf, 0
    for _ in range(100):
        net.train()
        for rows in torch.split(torch.randperm(len(learn)), 32):
            steps.zero_grad()
            ((net(learn[rows]) - learn[rows]) ** 2).mean().backward()
            steps.step()
        net.eval()
        with torch.no_grad():
            loss = float(((net(valid) - valid) ** 2).mean())
        best, calm = (loss, 0) if loss < best else (best, calm + 1)
        if calm == 5:
            break
    return net


PEERS: dict[str, Callable[[list[Fault]], Scores]] = {
    "deeplode": ours,
    "T2 + Q": squares,
    "isolation forest": forest,
    "Conv-AE": autoencoder,
    "its net with our events": online,
}


def figures(faults: list[Fault], found: Scores) -> list[str]:
    """AUROC, F1, FAR and MAR on the test moments."""
    areas, called, truth = [], [], []
    for fault, (score, odd) in zip(faults, found, strict=True):
        test = slice(fault.train, None)
        if 0 < fault.odd[test].sum() < len(fault.odd[test]):
            areas.append(roc_auc_score(fault.odd[test], score[test]))
        called.append(odd[test])
        truth.append(fault.odd[test])
    p, y = np.concatenate(called), np.concatenate(truth)
    hit, false, missed = (p & y).sum(), (p & ~y).sum(), (~p & y).sum()
    f1 = hit / (hit + (false + missed) / 2)
    shares = (f1, false / (~y).sum(), missed / y.sum())
    return [
        f"{np.mean(areas):.3f}",
        f"{shares[0]:.3f}",
        *(f"{100 * one:.1f}" for one in shares[1:]),
    ]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="skab,run,heads")
    parser.add_argument("--peers", default=",".join(PEERS))
    told = parser.parse_args()
    torch.set_num_threads(2)
    print(header())
    sets = {"skab": skab(), **made()}
    rows = []
    for name in told.only.split(","):
        for peer in told.peers.split(","):
            began = time.monotonic()
            row = figures(sets[name], PEERS[peer](sets[name]))
            rows.append([name, peer, *row, f"{time.monotonic() - began:.0f}"])
            print(*rows[-1], file=sys.stderr, flush=True)
    print(markdown(["series", "method", "AUROC", "F1", "FAR %", "MAR %", "seconds"], rows))


if __name__ == "__main__":
    main()
