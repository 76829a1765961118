"""The page of ``trace``: the net drawn, every layer's numbers, and its neurons by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from deeplode.messages import LANGUAGES
from deeplode.report.blocks import KeyFigure
from deeplode.report.byhand import by_hand
from deeplode.report.formulas import RULES, batch_words, formulas, head, input_words, number, shape
from deeplode.report.netdrawing import Drawing, sign
from deeplode.report.template import template
from deeplode.report.words import Words, clip, plain

Facts = Mapping[str, Any]
Numbers = Sequence[float]

DRAWN_ROWS = 8  # of the batch that can be chosen
TABLE_ROWS, TABLE_COLUMNS = 40, 16  # of a table; --json has all
LANG = {"en": "en", "zh": "zh-CN"}


@dataclass(frozen=True)
class Cell:
    """A number in a table, coloured by its sign and as strongly as it is large."""

    text: str
    sign: str
    share: str
    first: bool = False  # of its group


@dataclass(frozen=True)
class Matrix:
    """Tables of numbers side by side that share their lines. groups: (title, names of columns)."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    first: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    more: str = ""


@dataclass(frozen=True)
class DrawnRow:
    """One row of the batch through the net."""

    name: str
    truth: str
    forward: Markup
    backward: Markup


@dataclass(frozen=True)
class LayerPart:
    """The part of the page about one layer."""

    title: str
    kind: str
    formulas: tuple[str, ...]
    hand_title: str
    hand: tuple[tuple[str, str], ...]
    matrices: tuple[Matrix, ...]


def render(facts: Facts, language: str) -> str:
    """The whole page as HTML text. facts: as ``trace --json`` prints them.

    Raises ValueError for a language that there is none of.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}.")
    words = Words(language)
    drawing = Drawing(facts, words)
    batch = facts["batch"]
    rows = range(min(DRAWN_ROWS, len(batch["ids"])))
    return template("trace.html.j2").render(
        lang=LANG[language],
        words=words,
        subtitle=_subtitle(facts, words),
        answer=_answer(facts, words),
        figures=_figures(facts, words),
        rows=[
            DrawnRow(
                clip(batch["ids"][row], 16),
                clip(batch["target"][row], 16),
                drawing.forward(row),
                drawing.backward(row),
            )
            for row in rows
        ],
        answers=_answers(facts, words),
        layers=[_layer(facts, at, words) for at in range(len(facts["layers"]))],
        rules=_rules(facts, words),
        data=_data(facts, words),
    )


def _subtitle(facts: Facts, words: Words) -> str:
    source, target = (plain(one, 80) for one in (facts["source"]["name"], facts["target"]))
    lead = words("TR-LEAD", source=source, target=target)
    activation = facts["net"]["activation"]
    return f"{lead} · {shape(facts)} · {activation} · {batch_words(facts, words)}"


def _answer(facts: Facts, words: Words) -> tuple[str, ...]:
    loss = facts["loss"]
    code = "TR-SAID" if loss["after"] <= loss["before"] else "TR-SAID-UP"
    said = words(
        code,
        rows=words.count(len(facts["batch"]["ids"])),
        optimizer=facts["net"]["optimizer"],
        before=number(loss["before"]),
        after=number(loss["after"]),
    )
    return said, words("TR-READ")


def _figures(facts: Facts, words: Words) -> list[KeyFigure]:
    loss, net = facts["loss"], facts["net"]
    name = words(f"TR-LOSS-{loss['name'].upper()}")
    notes = {
        when: words("TR-PENALTY-NOTE", penalty=number(loss[f"penalty_{when}"]))
        if loss[f"penalty_{when}"]
        else name
        for when in ("before", "after")
    }
    return [
        KeyFigure(words("TR-LOSS-BEFORE"), number(loss["before"]), notes["before"]),
        KeyFigure(words("TR-FIGURE-AFTER"), number(loss["after"]), notes["after"]),
        KeyFigure(
            words("TR-GRADIENT-NORM"), number(loss["gradient_norm"]), words("TR-GRADIENT-NOTE")
        ),
        KeyFigure(
            words("TR-PARAMETERS"), words.count(net["parameters"]), words("TR-PARAMETERS-NOTE")
        ),
    ]


def _layer(facts: Facts, at: int, words: Words) -> LayerPart:
    layer, last = facts["layers"][at], at == len(facts["layers"]) - 1
    inputs, neurons = len(layer["before"]["weights"]), len(layer["before"]["bias"])
    deltas = layer["deltas"][0]
    steepest = max(range(neurons), key=lambda one: abs(deltas[one]))
    code = "TR-LAYER" if neurons > 1 else "TR-LAYER-ONE"
    row = f"{words('TR-ROW')} {clip(facts['batch']['ids'][0], 20)}"
    return LayerPart(
        title=words(code, number=at + 1, inputs=inputs, neurons=neurons),
        kind=words("TR-LAST" if last else "TR-HIDDEN"),
        formulas=tuple(part for line in formulas(facts, at) for part in line),
        hand_title=words("TR-HAND", row=row, neuron=steepest + 1),
        hand=tuple(by_hand(facts, at, 0, steepest, words)),
        matrices=tuple(_matrices(facts, at, words)),
    )


def _matrices(facts: Facts, at: int, words: Words) -> list[Matrix]:
    """Inputs, then signals with a line for each row, then weights with a line for each input."""
    layer, last = facts["layers"][at], at == len(facts["layers"]) - 1
    rows = [clip(name, 14) for name in facts["batch"]["ids"]]
    neurons = [str(one + 1) for one in range(len(layer["before"]["bias"]))]
    answers = facts["batch"]["answers"]
    signals: list[tuple[str, Sequence[str], Sequence[Numbers] | None]] = [
        ("TR-MATRIX-Z", neurons, layer["pre_activations"]),
        ("TR-MATRIX-MASK", neurons, layer["mask"]),
        ("TR-ANSWER", neurons, answers) if last else ("TR-MATRIX-A", neurons, layer["activations"]),
        ("TR-MATRIX-SLOPE", neurons, layer["slopes"]),
        ("TR-MATRIX-DELTA", neurons, layer["deltas"]),
    ]
    found = []
    if at == 0:  # many inputs: a line each, as in the table of weights
        lines = list(zip(*layer["inputs"], strict=True))
        x = [("TR-MATRIX-X", rows, lines)]
        found.append(_matrix(words("TR-INPUT"), x, layer["input_names"], words))
    else:
        signals.insert(0, ("TR-MATRIX-X", layer["input_names"], layer["inputs"]))
    there = [(code, columns, values) for code, columns, values in signals if values is not None]
    found.append(_matrix(words("TR-ROW"), there, rows, words))
    weights = [
        (code, neurons, [*layer[when]["weights"], layer[when]["bias"]])
        for code, when in (
            ("TR-MATRIX-BEFORE", "before"),
            ("TR-MATRIX-GRADIENT", "gradient"),
            ("TR-MATRIX-AFTER", "after"),
        )
    ]
    names = [*layer["input_names"], words("TR-BIAS")]
    return [*found, _matrix(words("TR-INPUT"), weights, names, words)]


def _matrix(
    first: str,
    groups: Sequence[tuple[str, Sequence[str], Sequence[Numbers]]],
    names: Sequence[str],
    words: Words,
) -> Matrix:
    """A table; the strongest colour of each group is its largest number.

    groups: (code of the title, names of columns, a line of values for each of ``names``).
    """
    cells: list[tuple[Cell, ...]] = [()] * min(len(names), TABLE_ROWS)
    for _, _, values in groups:
        kept = [one[:TABLE_COLUMNS] for one in values[:TABLE_ROWS]]
        largest = max((abs(value) for one in kept for value in one), default=0.0) or 1.0
        cells = [
            (*before, *(_cell(value, largest, first=at == 0) for at, value in enumerate(one)))
            for before, one in zip(cells, kept, strict=True)
        ]
    left_out = {
        "TR-LINES": len(names) - TABLE_ROWS,
        "TR-COLUMNS": max(len(columns) for _, columns, _ in groups) - TABLE_COLUMNS,
    }
    more = [
        words("TR-MATRIX-MORE", count=words.count(count), what=words(code))
        for code, count in left_out.items()
        if count > 0
    ]
    heads = tuple(
        (words(code), tuple(clip(name, 14) for name in columns[:TABLE_COLUMNS]))
        for code, columns, _ in groups
    )
    rows = tuple((clip(name, 28), one) for name, one in zip(names, cells, strict=False))
    return Matrix(heads, first, rows, words("R-COMMA").join(more))


def _cell(value: float, largest: float, *, first: bool = False) -> Cell:
    return Cell(number(value), sign(value), f"{abs(value) / largest:.2f}", first)


def _answers(facts: Facts, words: Words) -> Matrix:
    """Each row's answers and loss before and after the step."""
    batch, classes = facts["batch"], facts["classes"]
    answering = classes if len(classes) > 2 else classes[1:]
    labels = [words("TR-ANSWER-CLASS", name=clip(name, 14)) for name in answering] or ["ŷ"]
    labels.append(words("TR-ROW-LOSS"))
    before, after = (
        [[*answer, loss] for answer, loss in zip(batch[a], batch[b], strict=True)]
        for a, b in (("answers", "losses"), ("answers_after", "losses_after"))
    )
    names = [
        f"{clip(name, 12)} · {clip(target, 14)}"
        for name, target in zip(batch["ids"], batch["target"], strict=True)
    ]
    groups = [("TR-BEFORE", labels, before), ("TR-AFTER", labels, after)]
    return _matrix(f"{words('TR-ROW')} · {words('TR-TRUTH')}", groups, names, words)


def _rules(facts: Facts, words: Words) -> dict[str, Any]:
    """What each optimizer makes of one gradient."""
    rules = facts["rules"]
    largest = max(abs(one) for one in rules["changes"].values()) or 1.0
    lead = words(
        "TR-RULES-LEAD",
        input=clip(facts["inputs"][rules["input"]]["name"], 40),
        neuron=rules["neuron"] + 1,
        weight=number(rules["weight"]),
        gradient=number(rules["gradient"]),
        rate=f"{facts['net']['rate']:g}",
    )
    rows = [
        (name, ";  ".join(RULES[name]), _cell(change, largest), name == facts["net"]["optimizer"])
        for name, change in rules["changes"].items()
    ]
    return {"lead": lead, "rows": rows}


def _data(facts: Facts, words: Words) -> dict[str, Any]:
    """How columns became inputs, and the settings of the step."""
    split = facts["split"]
    lead = words("TR-DATA-LEAD", train=words.count(split["train"]), test=words.count(split["test"]))
    warnings = [words.sentence(one) for one in facts["warnings"]]
    settings = [(label, text) for label, text in head(facts, words) if label]
    settings = [one for one in settings if one[0] != words("TR-INPUTS")]
    return {"lead": lead, "notes": [*input_words(facts, words), *warnings], "settings": settings}
