"""The formulas of one layer and the facts of one step, in words, for the screen and the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplode.report.words import Words, plain

Facts = Mapping[str, Any]

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LOSSES = {  # the row's loss, and ∂ of it / ∂z
    "binary_cross_entropy": ("ŷ = σ(z)", "E = mean −(y log ŷ + (1 − y) log(1 − ŷ))", "(ŷ − y) / n"),
    "cross_entropy": ("ŷ = softmax(z)", "E = mean −Σ y log ŷ", "(ŷ − y) / n"),
    "squared_error": ("ŷ = z", "E = mean (ŷ − y)²", "2 (ŷ − y) / n"),
}
RULES = {  # η: learning rate, g: gradient; v, s and u begin at 0, t counts steps
    "sgd": ("w ← w − η g",),
    "momentum": ("v ← 0.9 v + g", "w ← w − η v"),
    "nesterov": ("v ← 0.9 v + g", "w ← w − η (g + 0.9 v)"),
    "adagrad": ("s ← s + g²", "w ← w − η g / (√s + 10⁻¹⁰)"),
    "adadelta": (
        "s ← 0.9 s + 0.1 g²",
        "Δ = g √(u + 10⁻⁶) / √(s + 10⁻⁶)",
        "u ← 0.9 u + 0.1 Δ²",
        "w ← w − η Δ",
    ),
    "rmsprop": ("s ← 0.99 s + 0.01 g²", "w ← w − η g / (√s + 10⁻⁸)"),
    "adam": (
        "v ← 0.9 v + 0.1 g",
        "s ← 0.999 s + 0.001 g²",
        "v̂ = v / (1 − 0.9ᵗ)",
        "ŝ = s / (1 − 0.999ᵗ)",
        "w ← w − η v̂ / (√ŝ + 10⁻⁸)",
    ),
    "adamw": ("= adam", "w ← w − η · l2 · w"),
}


def number(value: float, digits: int = 3) -> str:
    """A number in few signs: 0.894, −0.0123, 0; tiny ones with a power of ten."""
    size = abs(value)
    if size < 1e5 and value == int(value):
        return f"{value:.0f}".replace("-", "−") if value else "0"
    if size < 10.0 ** -(digits + 1) or size >= 1e5:
        text = f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    elif size < 0.1:
        text = f"{value:.{digits + 1 if size >= 0.01 else digits + 2}f}"
    else:
        text = f"{value:.{digits if size < 100 else 1}f}"
    return text.replace("-", "−", 1) if value < 0 else text


def layer_sign(at: int) -> str:
    """The number of a layer as a superscript, counted from 1."""
    return str(at + 1).translate(SUPERSCRIPTS)


def formulas(facts: Facts, at: int) -> list[tuple[str, ...]]:
    """What layer ``at`` (from 0) computes: forward, backward, and for its new weights."""
    net, last = facts["net"], at == len(facts["layers"]) - 1
    above = layer_sign(at + 1)
    answer, error, delta = LOSSES[net["loss"]]
    dropped = " ⊙ mask" if net["dropout"] else ""
    gradients: tuple[str, ...] = ("∂E/∂W = xᵀ δ", "∂E/∂b = Σ δ")
    if last:
        forward: tuple[str, ...] = ("z = x W + b", answer, error)
        back = f"δ = ∂E/∂z = {delta}"
    else:
        forward = ("z = x W + b", f"a = f(z){dropped}", f"f(z) = {net['formula']}")
        back = f"δ = (δ{above} W{above}ᵀ) ⊙ f′(z){dropped}"
        if net["activation"] == "prelu":
            gradients += (f"∂E/∂α = Σ (δ{above} W{above}ᵀ) ⊙ min(0, z){dropped}",)
    return [forward, (back, *gradients), rule(net)]


def rule(net: Facts) -> tuple[str, ...]:
    """The optimizer's rule, with what l1 and l2 add."""
    decoupled = net["optimizer"] == "adamw"
    l2 = f" + {net['l2']:g} w" if net["l2"] and not decoupled else ""
    said = [f"g = ∂E/∂w{l2}", *RULES["adam" if decoupled else net["optimizer"]]]
    if net["l2"] and decoupled:
        said.append(f"w ← w − η {net['l2']:g} w")
    if net["l1"]:
        said.append(f"w ← sign(w) max(|w| − η {net['l1']:g}, 0)")
    return (*said, f"η = {net['rate']:g}")


def shape(facts: Facts) -> str:
    """30 → 4 → 3 → 1."""
    return " → ".join(str(size) for size in facts["net"]["sizes"])


def head(facts: Facts, words: Words) -> list[tuple[str, str]]:
    """Source, net, batch, step, loss, and how columns became inputs: (label, text) pairs."""
    net, batch, loss = facts["net"], facts["batch"], facts["loss"]
    step = words(
        "TR-STEP-SHAPE", step=batch["step"], a_pass=words.count(batch["a_pass"]),
        optimizer=net["optimizer"], rate=f"{net['rate']:g}",
    )  # fmt: skip
    if net["l1"] or net["l2"] or net["dropout"]:
        told = {name: f"{net[name]:g}" for name in ("l1", "l2", "dropout")}
        step += words("TR-REGULARIZED", **told)
    parameters = words.count(net["parameters"])
    name = words(f"TR-LOSS-{loss['name'].upper()}")
    before, after = (number(loss[when], 4) for when in ("before", "after"))
    return [
        (words("TR-SOURCE"), plain(facts["source"]["name"])),
        (
            words("TR-NET"),
            words(
                "TR-NET-SHAPE",
                shape=shape(facts),
                activation=net["activation"],
                parameters=parameters,
            ),
        ),
        (words("TR-BATCH"), batch_words(facts, words)),
        (words("TR-STEP"), step),
        (words("TR-LOSS"), words("TR-LOSS-SHAPE", loss=name, before=before, after=after)),
        *(
            (words("TR-INPUTS") if at == 0 else "", one)
            for at, one in enumerate(input_words(facts, words))
        ),
    ]


def batch_words(facts: Facts, words: Words) -> str:
    """How many rows of how many, and which descent that is."""
    batch = facts["batch"]
    return words(
        "TR-BATCH-SHAPE",
        rows=words.count(len(batch["ids"])),
        train=words.count(facts["split"]["train"]),
        descent=words(f"TR-DESCENT-{batch['descent'].upper()}"),
    )


def input_words(facts: Facts, words: Words) -> list[str]:
    """How the columns became inputs, and what was left out."""
    told = []
    for how in ("scaled", "one_hot"):
        count = sum(one["how"] == how for one in facts["inputs"])
        if count:
            told.append(words(f"TR-INPUTS-{how.upper()}", count=words.count(count)))
    if facts["cut"]:
        told.append(words("TR-INPUTS-CUT", columns=_few(facts["cut"], words)))
    used = {one["column"] for one in facts["inputs"]}
    unused = [
        one["name"]
        for one in facts["source"]["features"]
        if not any(one["name"] in column for column in used)
    ]
    if unused:
        told.append(words("TR-INPUTS-OUT", columns=_few(unused, words)))
    if facts["target_scale"]:
        scale = {name: number(value) for name, value in facts["target_scale"].items()}
        told.append(words("TR-INPUTS-TARGET", mean=scale["mean"], deviation=scale["spread"]))
    return told


def _few(names: list[str], words: Words, most: int = 8) -> str:
    shown = words("R-COMMA").join(plain(name, 40) for name in names[:most])
    return shown + (words("R-COMMA") + "…" if len(names) > most else "")
