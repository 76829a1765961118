"""Stages: candidates that are done stay done when a run is killed and resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from deeplode.evaluate.candidate import Candidate
from deeplode.tasks.joint import JointNet
from deeplode.tasks.model import RESTORE

Outputs = NDArray[np.float64]
Kept = tuple[Candidate, Outputs, float]  # with its out-of-fold outputs and seconds to fit


@dataclass(frozen=True)
class Stages:
    """Keeps every fitted candidate in the checkpoint folder, if there is one.

    The folder belongs to one run with one source and one set of options: whoever resumes has
    checked that.
    """

    folder: Path | None

    def run(self, name: str, fit: Callable[[], tuple[Candidate, Outputs]]) -> Kept:
        """The candidate, its out-of-fold outputs and the seconds that it took to fit."""
        path = None if self.folder is None else self.folder / f"{name}.safetensors"
        if path is not None and path.exists():
            return self._load(path, name)
        began = time.monotonic()
        candidate, oof = fit()
        seconds = time.monotonic() - began
        if path is not None:
            facts = json.dumps({"facts": candidate.facts(), "seconds": seconds})
            aside = path.with_suffix(".new")
            arrays = {name: np.ascontiguousarray(own) for name, own in candidate.arrays().items()}
            save_file({"oof": oof, **arrays}, aside, metadata={"candidate": facts})
            aside.replace(path)
        return candidate, oof, seconds

    def _load(self, path: Path, name: str) -> Kept:
        with safe_open(path, "numpy") as file:
            kept = json.loads(file.metadata()["candidate"])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        oof = arrays.pop("oof")
        restore = JointNet.restore if "joint" in kept["facts"] else RESTORE[name]
        return restore(kept["facts"], arrays), oof, kept["seconds"]
