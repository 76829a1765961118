"""Checkpoints: a training that was killed goes on where it was, to the same bits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from deeplode.fit.history import History
from deeplode.fit.state import Job, State, copy

NAME = "epochs.safetensors"  # its JSON part is the metadata of the safetensors header


def identify(job: Job, state: State) -> str:
    """A digest of all that a training depends on: another one's checkpoint is passed over."""
    configs = [config.to_json() for config in (job.config, *job.own)]
    digest = hashlib.blake2b(json.dumps(configs, sort_keys=True).encode())
    weight = [] if job.rows.weight is None else [job.rows.weight]
    folds = [rows for fold in job.folds for rows in (fold.train, fold.valid)]
    weights = [tensor for own in state.tensors for tensor in own]
    digest.update(str([part.members for part in state.parts]).encode())
    for part in (*job.rows.inputs, job.rows.target, *weight, *folds, *weights):
        digest.update(str((part.dtype, part.shape)).encode())
        digest.update(part.contiguous().numpy().data)  # no copy: rows may be most of memory
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
        "chance": torch.get_rng_state(),  # of nets with dropout of their own
        "best_loss": state.best_loss,
        "best_epoch": state.best_epoch,
        "setbacks": state.setbacks,
    }
    for i, chance in enumerate(state.chances):
        tensors[f"chance.{i}"] = chance.get_state()
    for name, own in _of_members(state):
        tensors[name] = torch.stack(own).contiguous()
    for name, parameter, optimizer in _trained(state):
        for key, value in optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"{name}{key}"] = value.contiguous()
    return tensors


def _fill(state: State, tensors: dict[str, Tensor]) -> None:
    state.generator.set_state(tensors["generator"])
    torch.set_rng_state(tensors["chance"])
    for name in ("best_loss", "best_epoch", "setbacks"):
        setattr(state, name, tensors[name])
    for i, chance in enumerate(state.chances):
        chance.set_state(tensors[f"chance.{i}"])
    for name, own in _of_members(state):
        copy(tensors[name].unbind(), own)
    for start, parameter, optimizer in _trained(state):
        optimizer.state[parameter] = {
            name.removeprefix(start): value
            for name, value in tensors.items()
            if name.startswith(start)
        }


def _of_members(state: State) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """One tensor of all members whose tensors have the same shapes, neighbours of each other."""
    for kind, members in (("now", state.tensors), ("best", state.best)):
        first = 0
        for _, run in groupby(members, key=lambda own: [one.shape for one in own]):
            alike = list(run)
            for i, own in enumerate(zip(*alike, strict=True)):
                yield f"{kind}.{first}.{i}", own
            first += len(alike)


def _trained(state: State) -> Iterator[tuple[str, Parameter, Optimizer]]:
    """Every parameter that has an optimizer, with how the names of its state begin."""
    for part in state.parts:
        for stepper in part.steppers:
            for i, parameter in enumerate(stepper.parameters):
                name = f"optimizer.{stepper.members.start}.{i}."
                yield name, parameter, stepper.optimizer
