"""Checkpoints: a training that was killed goes on where it was, to the same bits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deeplode.fit.history import History
from deeplode.fit.state import Job, State

NAME = "net.safetensors"  # its JSON part is the metadata of the safetensors header


def identify(job: Job) -> str:
    """A digest of all that a training depends on: another one's checkpoint is passed over."""
    digest = hashlib.blake2b(json.dumps(job.config.to_json(), sort_keys=True).encode())
    weight = [] if job.rows.weight is None else [job.rows.weight]
    folds = [rows for fold in job.folds for rows in (fold.train, fold.valid)]
    weights = [parameter.detach() for parameter in job.net.parameters()]
    for part in (*job.rows.inputs, job.rows.target, *weight, *folds, *weights):
        digest.update(str((part.dtype, part.shape)).encode())
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save(folder: Path, state: State, identity: str) -> None:
    """Write the state aside and put it in the place of the last one."""
    facts = {
        "identity": identity,
        "epoch": state.epoch,
        "step": state.pace.step,
        "progress": state.pace.progress,
        "stride": state.pace.stride,
        "strides": state.pace.strides,
        "history": state.history.to_json(),
        "torch": torch.__version__,
    }
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{NAME}.new"
    save_file(_tensors(state), aside, metadata={"state": json.dumps(facts)})
    aside.replace(folder / NAME)


def load(folder: Path, state: State, identity: str) -> bool:
    """Fill ``state`` from the folder's checkpoint; False when there is none of this training."""
    try:
        with safe_open(folder / NAME, "pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {}).get("state", "{}"))
            if facts.get("identity") != identity or facts["torch"] != torch.__version__:
                return False
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError, json.JSONDecodeError):
        return False
    _fill(state, tensors)
    state.epoch = facts["epoch"]
    state.pace.step = facts["step"]
    state.pace.progress = facts["progress"]
    state.pace.stride = facts["stride"]
    state.pace.strides = [(step, stride) for step, stride in facts["strides"]]
    state.history = History.from_json(facts["history"])
    return True


def _tensors(state: State) -> dict[str, Tensor]:
    tensors = {
        "generator": state.generator.get_state(),
        "best_loss": state.best_loss,
        "best_epoch": state.best_epoch,
    }
    for i, (parameter, best) in enumerate(zip(state.parameters, state.best, strict=True)):
        tensors[f"parameter.{i}"] = parameter.detach()
        tensors[f"best.{i}"] = best
        for key, value in state.optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{i}.{key}"] = value
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def _fill(state: State, tensors: dict[str, Tensor]) -> None:
    state.generator.set_state(tensors["generator"])
    state.best_loss, state.best_epoch = tensors["best_loss"], tensors["best_epoch"]
    for i, (parameter, best) in enumerate(zip(state.parameters, state.best, strict=True)):
        parameter.copy_(tensors[f"parameter.{i}"])
        best.copy_(tensors[f"best.{i}"])
        start = f"optimizer.{i}."
        state.optimizer.state[parameter] = {
            name.removeprefix(start): value
            for name, value in tensors.items()
            if name.startswith(start)
        }
