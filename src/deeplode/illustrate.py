"""Illustrate: test rows that show what a model reads in texts, images and sounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import Batch
from deeplode.nets.gradcam import looked_at
from deeplode.nets.imagebranch import ImageBranch
from deeplode.nets.joint import Joint
from deeplode.report.pictures import overlay, picture
from deeplode.report.spectrograms import spectrogram
from deeplode.tasks.joint import JointNet
from deeplode.tasks.model import Model

EACH = 4  # rows of each case

Outputs = NDArray[np.float64]


def illustrate(
    model: Model, batch: Batch, truth: NDArray[Any], outputs: Outputs
) -> list[dict[str, Any]]:
    """The ``media`` of result.json: for each column of images or sounds some test rows, drawn.

    batch, truth, outputs: test rows, encoded, and the model's answers for them.
    """
    parts = model.encoder.media
    if not parts or not len(batch):
        return []
    chosen = cases(model, truth, outputs)
    index = torch.tensor([row for row, _ in chosen])
    said = [_said(model, truth, outputs, row, case) for row, case in chosen]
    found = []
    for at, part in enumerate(parts):
        drawn = DRAW.get(part.media)
        examples = []
        if drawn is not None:
            called = model.codes(outputs[index]) if model.problem.classifies else None
            pictures = drawn(model, batch.media[at].cells[index], at, called)
            examples = [
                {**one, "picture": source} for one, source in zip(said, pictures, strict=True)
            ]
        found.append({"column": part.columns[0], "kind": part.media, "examples": examples})
    return found


def cases(model: Model, truth: NDArray[Any], outputs: Outputs) -> list[tuple[int, str]]:
    """Rows that the model is sure of and right, sure of and wrong, and unsure of."""
    if not model.problem.classifies:
        order = np.argsort(np.abs(truth - outputs), kind="stable")
        near, far = order[:EACH], order[::-1][: min(EACH, max(0, len(order) - EACH))]
        return [*((int(row), "right") for row in near), *((int(row), "wrong") for row in far)]
    called = model.codes(outputs)
    sure = outputs[np.arange(len(called)), called]
    order = np.argsort(-sure, kind="stable")
    right = _spread([int(row) for row in order if called[row] == truth[row]], called)
    wrong = [int(row) for row in order if called[row] != truth[row]][:EACH]
    taken = {*right, *wrong}
    unsure = [int(row) for row in order[::-1] if int(row) not in taken][:EACH]
    told = (("right", right), ("wrong", wrong), ("unsure", unsure))
    return [(row, case) for case, rows in told for row in rows]


def _spread(rows: list[int], called: NDArray[np.int64]) -> list[int]:
    """The first rows of different classes, as far as there are any."""
    firsts = list({int(called[row]): row for row in reversed(rows)}.values())
    return (firsts + [row for row in rows if row not in firsts])[:EACH]


def _said(
    model: Model, truth: NDArray[Any], outputs: Outputs, row: int, case: str
) -> dict[str, Any]:
    if not model.problem.classifies:
        return {"case": case, "truth": float(truth[row]), "called": float(outputs[row])}
    called = int(model.codes(outputs[row : row + 1])[0])
    classes = model.target.classes
    return {
        "case": case,
        "truth": str(classes[int(truth[row])]),
        "called": str(classes[called]),
        "probability": float(outputs[row, called]),
    }


def _images(model: Model, cells: Tensor, at: int, called: NDArray[np.int64] | None) -> list[str]:
    """Each image beside what the net's first member looked at; alone where there is no net."""
    net = model.candidates.get("net")
    if not isinstance(net, JointNet):
        return [picture(one) for one in cells.numpy()]
    module = net.nets.modules[0]
    branch = module.branches[at]
    assert isinstance(branch, ImageBranch)
    heat = looked_at(branch, cells, _score(module, at, called)).numpy()
    return [overlay(one, own) for one, own in zip(cells.numpy(), heat, strict=True)]


def _score(module: Joint, at: int, called: NDArray[np.int64] | None) -> Callable[[Tensor], Tensor]:
    """What a branch's features add to the score of the class that was called."""
    last = module.part(at).detach()
    if last.shape[1] > 1 and called is not None:
        own = last[:, torch.from_numpy(called)].T
    else:  # one score speaks for the second class, or for higher values
        sign = torch.ones(1) if called is None else torch.from_numpy(2.0 * called - 1).float()
        own = sign[:, None] * last[:, 0]
    return lambda features: (features * own).sum(1)


def _sounds(model: Model, cells: Tensor, at: int, called: NDArray[np.int64] | None) -> list[str]:
    return [spectrogram(one) for one in cells.numpy()]


DRAW: Mapping[str, Callable[[Model, Tensor, int, NDArray[np.int64] | None], list[str]]] = {
    "image": _images,
    "audio": _sounds,
}
