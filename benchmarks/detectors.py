"""Each detector and the ensemble on the development problems that their defaults were chosen on.

    python benchmarks/detectors.py --only thinned
    python benchmarks/detectors.py

The ADBench sets have no part in it: see oddsets.py. ``mixed``: all rows train without labels and
are scored. ``clean``: half of the normal rows train, the rest is scored; the alarms are those of
normal rows at the threshold of 1 %.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict

import numpy as np
import torch
from machine import header
from numpy.typing import NDArray
from oddsets import Odd, problems
from sklearn.metrics import average_precision_score, roc_auc_score

from deeplode.detectors.matrix import fit_matrix
from deeplode.detectors.null import fit_null
from deeplode.detectors.ranks import fit_ranks
from deeplode.runtime import Budget

Quality = dict[str, tuple[float, float]]  # AUROC and AP in % by the detector


def measured(problem: Odd, clean: bool) -> tuple[Quality, str]:
    """The quality of everybody, and a word on the null."""
    rows = np.arange(len(problem.odd))
    train = test = rows
    if clean:
        normal = np.random.default_rng(0).permutation(np.flatnonzero(~problem.odd))
        train = np.sort(normal[: len(normal) // 2])
        test = np.setdiff1d(rows, train)
    matrix = fit_matrix(problem.batch.rows(torch.from_numpy(train)))
    x, other = (matrix.of(problem.batch.rows(torch.from_numpy(own))) for own in (train, test))
    odd: NDArray[np.bool_] = problem.odd[test]
    ranks = fit_ranks(x, 0, clean, Budget(), torch.get_num_threads())
    scores = {name: one.score(other) for name, one in ranks.members.items()}
    scores["ranks"] = ranks.combined(scores)
    null = fit_null(ranks.held, clean, 0)
    found = {
        name: (100 * float(roc_auc_score(odd, one)), 100 * float(average_precision_score(odd, one)))
        for name, one in scores.items()
    }
    if clean:
        return found, f"alarms {(scores['ranks'][~odd] >= null.threshold).mean():.4f}"
    share, low, high = null.contamination
    return found, f"share {share:.3f} ({low:.3f} … {high:.3f}), planted {odd.mean():.3f}"


def main() -> None:
    """Print a line a problem, then the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="problems whose name has this in it")
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    warnings.filterwarnings("ignore")
    print(header(), flush=True)
    kept: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for problem in problems():
        if told.only not in problem.name:
            continue
        for protocol in ("mixed", "clean"):
            found, word = measured(problem, protocol == "clean")
            print(f"{problem.name}, {protocol}: {word}", flush=True)
            for name, quality in found.items():
                for sort in ("all", problem.name.split()[-1]):
                    kept[protocol, sort, name].append(quality)
    print("| protocol | problems | detector | AUROC | AP |", "|---|---|---|---|---|", sep="\n")
    for (protocol, sort, name), lines in kept.items():
        auroc, ap = np.mean(lines, axis=0)
        print(f"| {protocol} | {sort} ({len(lines)}) | {name} | {auroc:.1f} | {ap:.1f} |")


if __name__ == "__main__":
    main()
