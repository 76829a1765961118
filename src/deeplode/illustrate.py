"""Illustrate: test rows that show what a model reads in texts, images and sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.series import SeriesEncoder
from deeplode.encode.sparse import SparseEncoder
from deeplode.encode.text import TextEncoder
from deeplode.encode.tuned import PixelsEncoder, TokensEncoder
from deeplode.evaluate.linear import Linear
from deeplode.evaluate.words import highlight, words_of_classes, words_of_values
from deeplode.nets.gradcam import looked_at
from deeplode.nets.imagebranch import ImageBranch
from deeplode.nets.joint import Joint
from deeplode.nets.textbranch import TextBranch
from deeplode.report.pictures import overlay, picture
from deeplode.report.spectrograms import spectrogram
from deeplode.report.windowcharts import lines, moving
from deeplode.tasks.joint import JointNet
from deeplode.tasks.learn import Lesson
from deeplode.tasks.model import Model

HIDDEN = (SparseEncoder, TokensEncoder, PixelsEncoder)  # numbers; our own part shows the same cell
EACH = 4  # rows of each case
LONGEST = 1_000  # signs of a text that are shown
MOST_TEXTS = 20_000  # training rows that words are counted in

Outputs = NDArray[np.float64]


def illustrate(
    model: Model, train: Lesson, test: Table, batch: Batch, outputs: Outputs
) -> list[dict[str, Any]]:
    """The ``media`` of result.json: words of each column of text, and for each column of media some
    test rows: texts with what each word moved, images with where the net looked, spectrograms.

    train: what was learned from. batch, outputs: of the test rows, with the model's answers.
    """
    parts = model.encoder.media
    if not parts or not len(batch):
        return []
    truth = model.target.encode(test.frame[model.target.name])
    chosen = cases(model, truth, outputs)
    index = torch.tensor([row for row, _ in chosen])
    said = [_said(model, truth, outputs, row, case) for row, case in chosen]
    called = model.codes(outputs[index.numpy()]) if model.problem.classifies else None
    found = []
    for at, part in enumerate(parts):
        name = part.columns[0]
        if isinstance(part, HIDDEN):
            continue
        entry: dict[str, Any] = {"column": name, "kind": part.media}
        shown: dict[str, list[Any]]
        if isinstance(part, TextEncoder):
            entry["words"] = _spoken(part, train, model)
            texts = test.frame[name].cast(pl.String)[index.numpy()].to_list()
            shown = {"text": [_shaded(model, at, text, one) for text, one in _with(texts, called)]}
        else:
            if isinstance(part, SeriesEncoder):
                drawn = moving(batch.media[at].cells[index].numpy()[:, : len(part.channels)])
                entry["channels"] = [part.channels[channel].name for channel in drawn]
            shown = {"picture": DRAW[part.media](model, batch.media[at].cells[index], at, called)}
        entry["examples"] = [
            {**one, **{key: values[number] for key, values in shown.items()}}
            for number, one in enumerate(said)
        ]
        found.append(entry)
    return found


def _with(
    texts: Sequence[str | None], called: NDArray[np.int64] | None
) -> Iterator[tuple[str, int | None]]:
    for number, text in enumerate(texts):
        yield (text or "")[:LONGEST], None if called is None else int(called[number])


def _spoken(encoder: TextEncoder, train: Lesson, model: Model) -> list[dict[str, Any]]:
    """The words that speak for each answer, on training rows."""
    rows = np.unique(np.linspace(0, len(train.table) - 1, MOST_TEXTS).astype(np.int64))
    cells = encoder.encode(train.table.frame[encoder.name][rows]).media
    assert cells is not None
    if not model.problem.classifies:
        return words_of_values(cells, encoder.vocabulary, train.target[rows])
    classes = model.problem.n_classes
    found = words_of_classes(cells, encoder.vocabulary, train.target[rows], classes)
    return [{**one, "class": str(model.target.classes[one["class"]])} for one in found]


def _shaded(model: Model, at: int, text: str, called: int | None) -> list[list[Any]]:
    """The text in pieces, each with what it moved the score of what was called."""
    encoder = model.encoder.media[at]
    weights = _coefficients(model, at)
    if weights is None or not isinstance(encoder, TextEncoder):
        return [[text, 0.0]]
    if weights.shape[1] > 1 and called is not None:
        own = weights[:, called] - weights.mean(1)
    else:
        own = weights[:, 0] * (1 if called is None else 2 * called - 1)
    pieces: list[list[Any]] = []
    end = 0
    for token in highlight(encoder, text, own):
        pieces.append([text[end : token["begin"]], 0.0])
        pieces.append([token["text"], token["adds"]])
        end = token["end"]
    pieces.append([text[end:], 0.0])
    return [piece for piece in pieces if piece[0]]


def _coefficients(model: Model, at: int) -> NDArray[np.float64] | None:
    """(features + 1, outputs): what each feature of a column of text adds to the net's scores, the
    mean of its members; the linear model's where there is no net."""
    net = model.candidates.get("net")
    if isinstance(net, JointNet):
        members = []
        for module in net.nets.modules:
            branch = module.branches[at]
            assert isinstance(branch, TextBranch)
            members.append((branch.vectors @ module.part(at)).detach().double().numpy())
        return np.asarray(np.mean(members, axis=0))
    linear = model.candidates.get("linear")
    if not isinstance(linear, Linear):
        return None
    number = sum(part.media == "text" for part in model.encoder.media[:at])
    table = linear.tables[number].astype(np.float64)
    return np.asarray(table[:, 1:] - table[:, :1] if table.shape[1] == 2 else table)


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


def _series(model: Model, cells: Tensor, at: int, called: NDArray[np.int64] | None) -> list[str]:
    part = model.encoder.media[at]
    assert isinstance(part, SeriesEncoder)
    chosen = moving(cells.numpy()[:, : len(part.channels)])
    return [lines(one, chosen) for one in cells.numpy()]


DRAW: Mapping[str, Callable[[Model, Tensor, int, NDArray[np.int64] | None], list[str]]] = {
    "image": _images,
    "audio": _sounds,
    "series": _series,
}
