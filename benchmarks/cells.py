"""One cell of the table: one peer on one set, in a process of its own, kept in a folder.

A cell is FOLDER/SET/PEER-VERSION.json beside an .npz of the same name with the test predictions
(plain numbers, read without pickle).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import Stopwatch, machine, peak_bytes, versions
from numpy.typing import NDArray
from peers import PEERS, Answers
from sets import load

DONE, DID_NOT_FINISH, FAILED = "done", "did not finish", "failed"
WALL_PER_CPU = 4  # a fit that mostly waits is ended at this many times its CPU seconds
TAIL = 2000  # characters of a failure's last words that are kept


@dataclass(frozen=True)
class Cell:
    """A peer on a set, what came of it, and what it answered."""

    folder: Path
    set_name: str
    peer: str
    version: str

    @property
    def facts_path(self) -> Path:
        """Where the facts lie."""
        return self.folder / self.set_name / f"{self.peer}-{self.version}.json"

    @property
    def answers_path(self) -> Path:
        """Where the test predictions lie."""
        return self.facts_path.with_suffix(".npz")

    def facts(self) -> dict[str, Any] | None:
        """What is known of the cell; None when it was never run."""
        if not self.facts_path.exists():
            return None
        facts: dict[str, Any] = json.loads(self.facts_path.read_text())
        return facts

    def answers(self) -> dict[str, NDArray[np.float64]]:
        """Predictions on the test rows, by the name of the table's column."""
        with np.load(self.answers_path, allow_pickle=False) as kept:
            return {name: np.asarray(kept[name], np.float64) for name in kept.files}

    def keep(self, facts: dict[str, Any], answers: Answers | None = None) -> None:
        """Write predictions first, so that facts which say "done" never lack them."""
        self.facts_path.parent.mkdir(parents=True, exist_ok=True)
        if answers is not None:
            arrays = dict(zip(PEERS[self.peer].columns, answers, strict=True))
            with self.answers_path.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
        about = {"set": self.set_name, "peer": self.peer, "version": self.version}
        self.facts_path.write_text(json.dumps(about | facts, indent=1) + "\n")


def is_wanted(cell: Cell, cap: int) -> bool:
    """Whether the cell still has to be run: not there, or cut by a smaller cap than this one."""
    facts = cell.facts()
    if facts is None:
        return True
    return bool(facts["status"] == FAILED) or bool(
        facts["status"] == DID_NOT_FINISH and facts["cap_seconds"] < cap
    )


def run(cell: Cell, threads: int, cap: int, note: str) -> dict[str, Any]:
    """Run the cell in its own process with at most `cap` CPU seconds; returns its facts."""
    bounds = {"threads": threads, "cap_seconds": cap, "note": note}
    command = [sys.executable, __file__, cell.set_name, cell.peer, str(cell.folder)]
    command += [f"--{key.replace('_', '-')}={value}" for key, value in bounds.items()]
    watch = Stopwatch()
    try:
        ended = subprocess.run(
            command,
            env=os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
            timeout=cap * WALL_PER_CPU,
            capture_output=True,
            text=True,
            check=False,
        )
        code, words = ended.returncode, ended.stderr[-TAIL:]
    except subprocess.TimeoutExpired:
        code, words = -signal.SIGXCPU, ""
    if code != 0:
        wall, cpu = watch.lap()
        cut = code == -signal.SIGXCPU or cpu >= cap  # threads that ignore it are killed later
        about = {
            "status": DID_NOT_FINISH if cut else FAILED,
            "words": words,
            "versions": versions(),
        }
        spent = {"wall_seconds": wall, "cpu_seconds": cpu, "machine": machine()}
        cell.keep(about | spent | bounds | {"when": now()})
    return cell.facts() or {}


def run_here(cell: Cell, threads: int, cap: int, note: str) -> None:
    """Fit and answer in this process, then keep what came of it."""
    resource.setrlimit(resource.RLIMIT_CPU, (cap, cap + 5))  # seconds over all threads
    data = load(cell.set_name)
    model = PEERS[cell.peer].build(data, threads)
    _ = data.plain  # prepared for everybody before the watch starts
    watch = Stopwatch()
    model.fit()
    fit_wall, fit_cpu = watch.lap()
    answers = model.answers()
    predict_wall, predict_cpu = watch.lap()
    cell.keep(
        {
            "status": DONE,
            "task": data.task,
            "rows": [len(data.train), len(data.test)],
            "columns": data.train.shape[1],
            "fit_wall_seconds": fit_wall,
            "fit_cpu_seconds": fit_cpu,
            "part_wall_seconds": model.parts(),
            "predict_wall_seconds": predict_wall,
            "predict_cpu_seconds": predict_cpu,
            "peak_bytes": peak_bytes(),
            "threads": threads,
            "cap_seconds": cap,
            "versions": versions(),
            "machine": machine(),
            "niceness": os.nice(0),
            "wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
            "note": note,
            "when": now(),
        },
        answers,
    )


def now() -> str:
    """The time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def main() -> None:
    """The child's side: SET PEER FOLDER."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set_name")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cap-seconds", type=int, default=600)
    parser.add_argument("--note", default="")
    told = parser.parse_args()
    cell = Cell(told.folder, told.set_name, told.peer, PEERS[told.peer].version or "none")
    run_here(cell, told.threads, told.cap_seconds, told.note)


if __name__ == "__main__":
    main()
