"""Trace: one step of a small net on rows of the user's own, with every number in between."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice, pairwise
from typing import Any

import numpy as np

from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.encode.target import REGRESSION, TargetCode
from deeplode.errors import DataError, OptionError
from deeplode.experiments import inputs, reference
from deeplode.experiments.activations import ACTIVATIONS, Array
from deeplode.experiments.reference import LOSSES, Layer, Recipe, Step
from deeplode.experiments.settings import OPTIMIZERS, TraceOptions
from deeplode.tasks.learn import Lesson

RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")  # a²₁ is neuron 1 of layer 2

# The loss and the width of the last layer; None = one neuron a class.
TASKS = {
    "binary": ("binary_cross_entropy", 1),
    "multiclass": ("cross_entropy", None),
    "regression": ("squared_error", 1),
}


def trace(lesson: Lesson, options: TraceOptions) -> dict[str, Any]:
    """The facts of one step on training rows, all plain JSON.

    Raises DataError where no column gives an input, OptionError where the steps leave all bounds.
    """
    encoder = Encoder.fit(lesson.table, lesson.schema)
    columns, x, cut = inputs.plain(encoder, encoder.transform(lesson.table).batch)
    if not columns:
        names = ", ".join(repr(name) for name in encoder.columns)
        raise DataError("E-DATA-040", source=lesson.table.source, columns=names)
    y, scale = _truth(lesson.target, lesson.code)
    how, sizes = _recipe(options, lesson.code, x.shape[1])
    size = len(x) if options.batch_size == "full" else min(int(options.batch_size), len(x))
    rng = np.random.default_rng(options.seed)
    net = reference.initialise(sizes, how.activation, rng)
    with np.errstate(all="ignore"):  # what is not finite is refused below, in words
        steps = reference.descend(net, x, y, how, size, rng)
        made = next(islice(steps, options.step - 1, None))
        facts: dict[str, Any] = {
            "inputs": [one.as_json() for one in columns],
            "cut": cut,
            "target_scale": scale,
            "net": _net(sizes, how),
            "batch": _descent(size, len(x), options.step)
            | _batch(made, lesson.table, lesson.code, y, how),
            "loss": _loss(made, y, how),
            "layers": _layers(made, how, columns),
            "rules": _rules(made, how),
        }
    if not _finite(facts["loss"], made):
        raise OptionError("E-OPT-110", step=options.step, rate=options.learning_rate)
    return facts


def _descent(size: int, rows: int, step: int) -> dict[str, Any]:
    """Which of the three descents, and how many steps a pass over the rows takes."""
    kind = "batch" if size == rows else "stochastic" if size == 1 else "mini_batch"
    return {"descent": kind, "size": size, "step": step, "a_pass": -(-rows // size)}


def _truth(target: np.ndarray, code: TargetCode) -> tuple[Array, dict[str, float] | None]:
    """The truth as the loss takes it, (rows, 1) or (rows, classes), and the scale of a number."""
    if code.task == REGRESSION:
        mean, spread = float(target.mean()), float(target.std()) or 1.0
        return ((target - mean) / spread)[:, None], {"mean": mean, "spread": spread}
    if code.n_classes == 2:
        return target.astype(np.float64)[:, None], None
    return np.eye(code.n_classes)[target], None


def _recipe(options: TraceOptions, code: TargetCode, width: int) -> tuple[Recipe, tuple[int, ...]]:
    loss, outputs = TASKS[code.task]
    how = Recipe(
        options.activation, loss, options.optimizer, options.learning_rate,
        options.l1, options.l2, options.dropout,
    )  # fmt: skip
    return how, (width, *options.hidden, outputs or code.n_classes)


def _net(sizes: tuple[int, ...], how: Recipe) -> dict[str, Any]:
    parameters = sum((d + 1) * neurons for d, neurons in pairwise(sizes))
    parameters += sum(sizes[1:-1]) if how.activation == "prelu" else 0
    formula = ACTIVATIONS[how.activation].formula
    return {"sizes": list(sizes), "parameters": parameters, "formula": formula} | how._asdict()


def _batch(made: Step, table: Table, code: TargetCode, y: Array, how: Recipe) -> dict[str, Any]:
    """The rows: who they are, the truth, the answer and the loss before and after the step."""
    loss, own = LOSSES[how.loss], y[made.rows]
    after = _scores_after(made, how)
    return {
        "ids": [str(one) for one in table.ids[made.rows]],
        "target": [str(one) for one in table.frame[code.name][made.rows]],
        "truth": own.tolist(),
        "answers": loss.answer(made.zs[-1]).tolist(),
        "losses": loss.rows(made.zs[-1], own).tolist(),
        "answers_after": loss.answer(after).tolist(),
        "losses_after": loss.rows(after, own).tolist(),
    }


def _scores_after(made: Step, how: Recipe) -> Array:
    """The last pre-activations of the same rows and masks with the new weights."""
    f = ACTIVATIONS[how.activation]
    return reference.forward(made.after, made.xs[0], f, made.masks)[1][-1]


def _loss(made: Step, y: Array, how: Recipe) -> dict[str, Any]:
    """The mean loss of the batch and what l1 and l2 add to it, before and after the step."""
    rows, own = LOSSES[how.loss].rows, y[made.rows]
    return {
        "name": how.loss,
        "before": float(rows(made.zs[-1], own).mean()),
        "after": float(rows(_scores_after(made, how), own).mean()),
        "penalty_before": _penalty(made.before, how),
        "penalty_after": _penalty(made.after, how),
        "gradient_norm": float(
            np.sqrt(sum((part**2).sum() for layer in made.gradients for part in layer))
        ),
    }


def _penalty(net: list[Layer], how: Recipe) -> float:
    absolute = sum(float(np.abs(one.weights).sum()) for one in net)
    squares = sum(float((one.weights**2).sum()) for one in net)
    return how.l1 * absolute + how.l2 / 2 * squares


def _layers(made: Step, how: Recipe, columns: list[inputs.Input]) -> list[dict[str, Any]]:
    """Every layer's numbers, rows first as in reference.py."""
    names = [one.name for one in columns]
    layers, f = [], ACTIVATIONS[how.activation]
    for at, (z, gradient) in enumerate(zip(made.zs, made.gradients, strict=True)):
        last = at == len(made.zs) - 1
        layers.append(
            {
                "number": at + 1,
                "input_names": names,
                "inputs": made.xs[at].tolist(),
                "pre_activations": z.tolist(),
                "activations": (z if last else made.xs[at + 1]).tolist(),
                "slopes": None
                if last
                else reference.bent(f.slope, z, made.before[at].alpha).tolist(),
                "mask": None if last or not how.dropout else made.masks[at].tolist(),
                "deltas": made.deltas[at].tolist(),
                "gradient": _layer(gradient),
                "before": _layer(made.before[at]),
                "after": _layer(made.after[at]),
            }
        )
        raised = str(at + 1).translate(RAISED)
        names = [f"a{raised}{str(one + 1).translate(LOWERED)}" for one in range(z.shape[1])]
    return layers


def _layer(layer: Layer) -> dict[str, Any]:
    alpha = {"alpha": layer.alpha.tolist()} if layer.alpha.size else {}
    return {"weights": layer.weights.tolist(), "bias": layer.bias.tolist(), **alpha}


def _rules(made: Step, how: Recipe) -> dict[str, Any]:
    """What each optimizer, at its first step, would make of the steepest weight of layer 1."""
    weights, gradient = made.before[0].weights, made.gradients[0].weights
    row, neuron = np.unravel_index(int(np.argmax(np.abs(gradient))), gradient.shape)
    changes = {}
    for optimizer in OPTIMIZERS:
        memory = reference.Memory(lambda: np.zeros(()))
        change = reference.change(optimizer, gradient[row, neuron][None], how.rate, memory)
        changes[optimizer] = float(-change[0])
    return {
        "input": int(row),
        "neuron": int(neuron),
        "weight": float(weights[row, neuron]),
        "gradient": float(gradient[row, neuron]),
        "changes": changes,
    }


def _finite(loss: Mapping[str, Any], made: Step) -> bool:
    numbers = [value for value in loss.values() if isinstance(value, float)]
    arrays: list[Any] = [numbers, *made.zs, *made.deltas]
    arrays += [part for layer in (*made.gradients, *made.after) for part in layer]
    return all(bool(np.isfinite(one).all()) for one in arrays)


def facts_of(options: TraceOptions) -> Mapping[str, Any]:
    """The options as they were, for the record."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(options).items()
        if name not in ("out", "force")
    }
