"""Stages: candidates that are done stay done when a run is killed and resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

Outputs = NDArray[np.float64]


class Fitted(Protocol):
    """What can be written down and restored: a candidate or a detector."""

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned, by name."""


Made = TypeVar("Made", bound=Fitted)


@dataclass(frozen=True)
class Stages(Generic[Made]):
    """Keeps everything that is fitted in the checkpoint folder, if there is one.

    The folder belongs to one run with one source and one set of options: whoever resumes has
    checked that. restore: by name, facts and arrays.
    """

    folder: Path | None
    restore: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Made]

    def run(
        self, name: str, fit: Callable[[], tuple[Made, Outputs]]
    ) -> tuple[Made, Outputs, float]:
        """What was fitted, its outputs for the training rows, out of fold, and its seconds."""
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

    def _load(self, path: Path, name: str) -> tuple[Made, Outputs, float]:
        with safe_open(path, "numpy") as file:
            kept = json.loads(file.metadata()["candidate"])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        oof = arrays.pop("oof")
        return self.restore(name, kept["facts"], arrays), oof, kept["seconds"]
