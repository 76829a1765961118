"""``deeplode trace``: one training step of a small net, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.experiments.settings import TraceOptions
from deeplode.messages import say
from deeplode.report.formulas import formulas, head, number
from deeplode.report.words import clip

ROWS, NEURONS, INPUTS = 4, 6, 8  # of a table on the screen; --json has all
BATCH = 12  # rows of the table of answers

Cells = Sequence[object]
Numbers = Sequence[float]


@takes(TraceOptions)
def trace(source: Sources, *, options: TraceOptions, screen: Screen) -> None:
    """Show one training step of a small net: every number from the data to the new weights."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    facts = verbs.trace(one_or_many(source), options, screen.listen)
    screen.result(facts, lambda out: draw(out, facts))


def draw(out: Console, facts: Mapping[str, Any]) -> None:
    """Print the step: what was made of the data, the rows, then one layer after another."""
    tables.pairs(out, head(facts, tables.words()))
    _answers(out, facts)
    for layer in facts["layers"]:
        _layer(out, facts, layer)
    out.print()
    if page := facts["files"].get("page"):
        tables.paths(out, [(say("TR-PAGE"), page)])
    else:
        out.print(Text(say("TR-HINT"), "dim"))


def _answers(out: Console, facts: Mapping[str, Any]) -> None:
    """The rows of the batch: truth, answer and loss, before and after the step."""
    batch = facts["batch"]
    names = ("ROW", "TRUTH", "ANSWER", "ROW-LOSS", "ANSWER-AFTER", "LOSS-AFTER")
    rows = [
        (
            batch["ids"][at],
            clip(batch["target"][at], 14),
            _answer(batch["answers"][at], batch["truth"][at]),
            number(batch["losses"][at]),
            _answer(batch["answers_after"][at], batch["truth"][at]),
            number(batch["losses_after"][at]),
        )
        for at in range(min(BATCH, len(batch["ids"])))
    ]
    out.print()
    out.print(Text(say("TR-ROWS"), "bold"))
    out.print(tables.grid([say(f"TR-{name}") for name in names], rows, right=(2, 3, 4, 5)))
    _more(out, "TR-MORE-ROWS", len(batch["ids"]) - BATCH)


def _answer(answer: Numbers, truth: Numbers) -> str:
    """The answer; of several classes the probability given to the true one."""
    return number(answer[0] if len(answer) == 1 else answer[truth.index(1.0)])


def _layer(out: Console, facts: Mapping[str, Any], layer: Mapping[str, Any]) -> None:
    """Formulas, inputs, signals and weights of one layer."""
    weights = layer["before"]["weights"]
    inputs, neurons, at = len(weights), len(layer["before"]["bias"]), layer["number"]
    code = "TR-LAYER" if neurons > 1 else "TR-LAYER-ONE"
    words = tables.words()
    title = words(code, number=at, inputs=inputs, neurons=neurons)
    kind = say("TR-LAST" if at == len(facts["layers"]) else "TR-HIDDEN")
    out.print()
    out.rule(Text(f"{title} · {kind}", "bold"), align="left", style="dim")
    for line in formulas(facts, at - 1):
        for packed in _packed(line, out.width - 2):
            out.print(Text(f"  {packed}", "cyan"))
    _inputs(out, facts, layer)
    names = {"z": "pre_activations", "m": "mask", "a": "activations", "δ": "deltas"}
    signals = {sign: layer[name] for sign, name in names.items() if layer[name] is not None}
    rows = [
        (facts["batch"]["ids"][row], [(sign, values[row]) for sign, values in signals.items()])
        for row in range(min(ROWS, len(layer["deltas"])))
    ]
    title = say("TR-SIGNALS-MASK" if "m" in signals else "TR-SIGNALS")
    _stacked(out, title, say("TR-ROW"), rows, neurons)
    _more(out, "TR-MORE-ROWS", len(layer["deltas"]) - ROWS)
    shown = steepest(layer["gradient"]["weights"], INPUTS)
    lines = [(clip(layer["input_names"][i]), _three(layer, "weights", i)) for i in shown]
    bias = (say("TR-BIAS"), _three(layer, "bias", None))
    _stacked(out, say("TR-WEIGHTS"), say("TR-INPUT"), [*lines, bias], neurons)
    _more(out, "TR-MORE-INPUTS", inputs - INPUTS)
    _more(out, "TR-MORE-NEURONS", neurons - NEURONS)


def _packed(parts: Sequence[str], width: int) -> list[str]:
    """The parts in as few lines as they fit into."""
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}     {part}"
        lines[-1:] = [joined] if len(joined) <= width else [lines[-1], part]
    return lines


def steepest(gradients: Sequence[Numbers], most: int) -> list[int]:
    """Places of the inputs whose gradients are largest, in their own order."""
    order = sorted(range(len(gradients)), key=lambda at: -max(map(abs, gradients[at])))
    return sorted(order[:most])


def _three(layer: Mapping[str, Any], part: str, at: int | None) -> list[tuple[str, Numbers]]:
    """Weights of one input, or biases: before, gradient, after."""
    sign = "b" if at is None else "w"
    arrays = (layer[name][part] for name in ("before", "gradient", "after"))
    names = (sign, f"∂E/∂{sign}", f"{sign}′")
    return [(name, one if at is None else one[at]) for name, one in zip(names, arrays, strict=True)]


def _inputs(out: Console, facts: Mapping[str, Any], layer: Mapping[str, Any]) -> None:
    """The data of the first layer; the others' inputs stand above them."""
    if layer["number"] > 1:
        out.print()
        out.print(Text(say("TR-X-ABOVE", number=layer["number"] - 1), "bold"))
        return
    shown = steepest(layer["gradient"]["weights"], INPUTS)
    rows = list(zip(facts["batch"]["ids"], layer["inputs"], strict=True))[:ROWS]
    table = _table([say("TR-INPUT"), *(f"{say('TR-ROW')} {name}" for name, _ in rows)])
    for at in shown:
        values = [_coloured(values[at]) for _, values in rows]
        table.add_row(clip(layer["input_names"][at], 30), *values)
    out.print()
    out.print(Text(say("TR-X"), "bold"))
    out.print(table)
    _more(out, "TR-MORE-INPUTS", len(layer["input_names"]) - INPUTS)


def _stacked(
    out: Console,
    title: str,
    first: str,
    groups: Iterable[tuple[str, list[tuple[str, Numbers]]]],
    neurons: int,
) -> None:
    """A table with a few lines a name, one column a neuron."""
    heads = [say("TR-NEURON", number=at + 1) for at in range(min(neurons, NEURONS))]
    table = _table([first, "", *heads])
    for name, lines in groups:
        for line, (sign, values) in enumerate(lines):
            table.add_row(
                name if line == 0 else "",
                Text(sign, "dim"),
                *(_coloured(value) for value in values[:NEURONS]),
            )
    out.print()
    out.print(Text(title, "bold"))
    out.print(table)


def _table(heads: Cells) -> Table:
    table = Table(box=None, pad_edge=False)
    for at, one in enumerate(heads):
        table.add_column(str(one), justify="right" if at and one else "left", no_wrap=True)
    return table


def _coloured(value: float) -> Text:
    """Positive blue, negative yellow; an exact 0 is what relu, dropout and l1 leave."""
    style = "dim" if value == 0 else "blue" if value > 0 else "yellow"
    return Text(number(value), style)


def _more(out: Console, code: str, count: int) -> None:
    if count > 0:
        out.print(Text(tables.words()(code, count=tables.words().count(count)), "dim"))
