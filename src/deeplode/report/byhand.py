"""One neuron of each layer worked out by hand, for one row, with the numbers put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplode.report.formulas import layer_sign, number
from deeplode.report.words import Words, clip

Facts = Mapping[str, Any]

TERMS = 3  # of a sum that are written out, the largest ones


def by_hand(facts: Facts, at: int, row: int, neuron: int, words: Words) -> list[tuple[str, str]]:
    """Lines (sign, what it is equal to) for one neuron of layer ``at`` and one row.

    Forward, then the delta, then the gradient and the update of its steepest weight.
    """
    layer, last = facts["layers"][at], at == len(facts["layers"]) - 1
    weights = [one[neuron] for one in layer["before"]["weights"]]
    bias = layer["before"]["bias"][neuron]
    z, a = layer["pre_activations"][row][neuron], layer["activations"][row][neuron]
    total = _products(layer["inputs"][row], weights, words)
    lines = [("z = x W + b", f"{total} + {_signed(bias)} = {number(z)}")]
    if not last:
        mask = "" if layer["mask"] is None else f" · {number(layer['mask'][row][neuron])}"
        lines.append(("a = f(z)", f"f({number(z)}){mask} = {number(a)}"))
    else:
        answer = facts["batch"]["answers"][row][neuron]
        answers = {"binary_cross_entropy": "σ(z)", "cross_entropy": "softmax(z)"}
        lines.append((f"ŷ = {answers.get(facts['net']['loss'], 'z')}", number(answer)))
    return [*lines, _delta(facts, at, row, neuron, words), *_weight(facts, at, neuron, words)]


def _delta(facts: Facts, at: int, row: int, neuron: int, words: Words) -> tuple[str, str]:
    """The error of a neuron: from the loss, or handed down through the weights above."""
    layer, batch = facts["layers"][at], facts["batch"]
    delta = number(layer["deltas"][row][neuron])
    if at == len(facts["layers"]) - 1:
        answer, truth = batch["answers"][row][neuron], batch["truth"][row][neuron]
        twice = "2 " if facts["net"]["loss"] == "squared_error" else ""
        gap = f"{twice}({number(answer)} − {_signed(truth)}) / {len(batch['ids'])}"
        return f"δ = {twice}(ŷ − y) / n", f"{gap} = {delta}"
    above = facts["layers"][at + 1]
    total = _products(above["deltas"][row], above["before"]["weights"][neuron], words)
    slope = number(layer["slopes"][row][neuron])
    mask = "" if layer["mask"] is None else f" · {number(layer['mask'][row][neuron])}"
    sign = layer_sign(at + 1)
    return f"δ = Σ δ{sign} w{sign} · f′(z)", f"({total}){mask} · {slope} = {delta}"


def _weight(facts: Facts, at: int, neuron: int, words: Words) -> list[tuple[str, str]]:
    """The gradient of a neuron's steepest weight and its way to the new value."""
    layer = facts["layers"][at]
    gradients = [one[neuron] for one in layer["gradient"]["weights"]]
    place = max(range(len(gradients)), key=lambda one: abs(gradients[one]))
    xs = [one[place] for one in layer["inputs"]]
    deltas = [one[neuron] for one in layer["deltas"]]
    before, after = (layer[when]["weights"][place][neuron] for when in ("before", "after"))
    rows, name = words.count(len(xs)), layer["input_names"][place]
    note = words("TR-HAND-WEIGHT", name=clip(name, 60), rows=rows)
    gradient = f"{_products(xs, deltas, words)} = {number(gradients[place])}"
    net = facts["net"]
    plain = net["optimizer"] == "sgd" and not net["l1"] and not net["l2"]
    if plain:
        taken = f"{net['rate']:g} · {_signed(gradients[place])}"
    else:
        taken = _signed(before - after)
        note += f"; {words('TR-HAND-UPDATE', optimizer=net['optimizer'])} {taken}"
    return [
        ("w", note),
        ("∂E/∂w = Σ x δ", gradient),
        ("w′", f"{number(before)} − {taken} = {number(after)}"),
    ]


def _products(left: Sequence[float], right: Sequence[float], words: Words) -> str:
    """x₁·w₁ + x₂·w₂ + …: the largest terms in their order, the others as one sum."""
    products = [x * w for x, w in zip(left, right, strict=True)]
    order = sorted(range(len(products)), key=lambda one: -abs(products[one]))
    shown = sorted(order[: TERMS if len(products) > TERMS + 1 else TERMS + 1])
    terms = [f"{_signed(left[one])}·{_signed(right[one])}" for one in shown]
    rest = len(products) - len(shown)
    if rest:
        others = sum(products) - sum(products[one] for one in shown)
        terms.append(f"{_signed(others)} [{words('TR-HAND-MORE', count=words.count(rest))}]")
    return " + ".join(terms)


def _signed(value: float) -> str:
    """A number as a factor or a term: negative ones in brackets."""
    return f"({number(value)})" if value < 0 else number(value)
