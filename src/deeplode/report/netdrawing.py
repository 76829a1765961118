"""A small net as inline SVG: neurons with their values, edges coloured by sign and as thick as
they are large; once forward and once backward for one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from deeplode.report.formulas import number
from deeplode.report.words import Words, clip

Facts = Mapping[str, Any]

MOST_INPUTS, MOST_NEURONS = 12, 10  # drawn of a layer, those with the largest gradients
WIDTH, RADIUS = 940, 23  # pixels: of the drawing, of a neuron
GAPS = (44, 50, 96)  # between the middles of two inputs; of two neurons, at least and at most
TOP = 34  # room for the names of layers
LEFT, RIGHT = 215, 160  # room for the names of inputs, and for the answers
THICKEST = 6.0


@dataclass(frozen=True)
class Column:
    """The neurons of one layer that are drawn. places: theirs in the layer; hidden: others."""

    places: tuple[int, ...]
    hidden: int
    x: float
    gap: float

    @property
    def slots(self) -> int:
        """Lines of the column, one of them for the neurons that are not drawn."""
        return len(self.places) + (1 if self.hidden else 0)

    def y(self, at: int, height: float) -> float:
        """The middle of the neuron ``at`` of those drawn, the layer centred in the drawing."""
        return (height + TOP) / 2 + (at - (self.slots - 1) / 2) * self.gap


@dataclass(frozen=True)
class Drawing:
    """Draws rows of the batch in one arrangement of neurons."""

    facts: Facts
    words: Words

    @cached_property
    def columns(self) -> list[Column]:
        """Inputs, then every layer."""
        layers = self.facts["layers"]
        step = (WIDTH - LEFT - RIGHT) / len(layers)
        found = []
        for at in range(len(layers) + 1):
            if at < len(layers):  # by the gradients of what goes out …
                sizes = [max(map(abs, one)) for one in layers[at]["gradient"]["weights"]]
            else:  # … and in the last layer by those of the biases
                sizes = [abs(one) for one in layers[-1]["gradient"]["bias"]]
            order = sorted(range(len(sizes)), key=lambda place: -sizes[place])
            chosen = tuple(sorted(order[: MOST_NEURONS if at else MOST_INPUTS]))
            found.append(Column(chosen, len(sizes) - len(chosen), LEFT + at * step, GAPS[0]))
        height = max(one.slots * GAPS[0 if at == 0 else 1] for at, one in enumerate(found))
        gaps = [min(GAPS[2], max(GAPS[1], height / (one.slots + 1))) for one in found]
        return [
            found[0],
            *(replace(one, gap=gap) for one, gap in zip(found[1:], gaps[1:], strict=True)),
        ]

    @cached_property
    def height(self) -> float:
        """Room for the longest layer and the names above."""
        return max(max(one.slots * one.gap for one in self.columns) + 8, 150) + TOP

    def forward(self, row: int) -> Markup:
        """Values of a row from left to right; edges are weights."""
        layers = self.facts["layers"]
        values = [layers[0]["inputs"][row]] + [one["activations"][row] for one in layers]
        if self.facts["classes"]:
            values[-1] = self.facts["batch"]["answers"][row]
        edges = [one["before"]["weights"] for one in layers]
        return self._svg(row, values, edges, "TR-FORWARD")

    def backward(self, row: int) -> Markup:
        """Deltas of a row from right to left; edges are its parts of the gradients."""
        layers = self.facts["layers"]
        values = [layers[0]["inputs"][row]] + [one["deltas"][row] for one in layers]
        edges = [
            [[x * delta for delta in one["deltas"][row]] for x in one["inputs"][row]]
            for one in layers
        ]
        return self._svg(row, values, edges, "TR-BACKWARD")

    def _svg(self, row: int, values: Sequence[Any], edges: Sequence[Any], what: str) -> Markup:
        height = self.height
        label = self.words(
            "TR-DRAWING",
            shape=" → ".join(map(str, self.facts["net"]["sizes"])),
            row=clip(self.facts["batch"]["ids"][row], 30),
            truth=clip(self.facts["batch"]["target"][row], 30),
            what=self.words(f"{what}-NOTE"),
        )
        parts = [
            *self._edges(edges, height),
            *(
                part
                for at, column in enumerate(self.columns)
                for part in self._neurons(at, column, values[at], height)
            ),
            *self._heads(),
            *self._answers(row, height, what == "TR-FORWARD"),
        ]
        kind = what.removeprefix("TR-").lower()
        head = f'<svg class="net {kind}" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        return Markup(head + f' aria-label="{escape(label)}">' + "".join(parts) + "</svg>")

    def _edges(self, edges: Sequence[Any], height: float) -> Iterator[str]:
        """Lines between drawn neurons, the thickest of each layer the same."""
        for (left, right), weights in zip(pairwise(self.columns), edges, strict=True):
            drawn = [
                (abs(weights[i][j]), weights[i][j], left.y(a, height), right.y(b, height))
                for a, i in enumerate(left.places)
                for b, j in enumerate(right.places)
            ]
            largest = max(size for size, *_ in drawn) or 1.0
            bend = (right.x - left.x) / 2
            for size, value, y, to in sorted(drawn):  # the largest on top
                share = size / largest
                path = f"M{left.x:.0f} {y:.0f}C{left.x + bend:.0f} {y:.0f} "
                path += f"{right.x - bend:.0f} {to:.0f} {right.x:.0f} {to:.0f}"
                thick, seen = 0.6 + (THICKEST - 0.6) * share, 0.12 + 0.68 * share
                yield (
                    f'<path class="{sign(value)}" d="{path}" stroke-width="{thick:.2f}" '
                    f'stroke-opacity="{seen:.2f}"><title>{number(value)}</title></path>'
                )

    def _neurons(
        self, at: int, column: Column, values: Sequence[float], height: float
    ) -> Iterator[str]:
        """Circles with their values; a rounded square stands for an input."""
        names = [one["name"] for one in self.facts["inputs"]]
        own = [values[place] for place in column.places]
        largest = max(abs(value) for value in own) or 1.0
        for slot, place in enumerate(column.places):
            y, value = column.y(slot, height), values[place]
            share = f'fill-opacity="{0.55 * abs(value) / largest:.2f}"'
            box = _box(column.x, y, 16 if at == 0 else RADIUS, rounded=at > 0)
            kind = "input " if at == 0 else ""
            yield f'<rect class="paper" {box}/>'
            yield f'<rect class="body {kind}{sign(value)}" {box} {share}/>'
            yield _text(column.x, y + 4, short(value), "value")
            if at == 0:
                yield _text(column.x - RADIUS - 6, y + 4, _safe(names[place], 26), "name end")
        if column.hidden:
            y = column.y(len(column.places), height)
            more = self.words("TR-DRAWN-MORE", count=self.words.count(column.hidden))
            where, kind = (column.x, "value") if at else (column.x - RADIUS - 6, "end")
            yield _text(where, y + 2, f"… {escape(more)}", f"note {kind}")

    def _heads(self) -> Iterator[str]:
        """What each column of neurons is."""
        last = len(self.columns) - 1
        for at, column in enumerate(self.columns):
            if at == 0:
                name = self.words("TR-INPUTS")
            else:
                code = "TR-COLUMN-LAST" if at == last else "TR-COLUMN"
                name = self.words(code, number=at)
            yield _text(column.x, 16, str(escape(name)), "head")

    def _answers(self, row: int, height: float, forward: bool) -> Iterator[str]:
        """Beside the last neurons: what they answer for, the truth, and the loss or the error."""
        batch, classes = self.facts["batch"], self.facts["classes"]
        last = self.columns[-1]
        x = last.x + RADIUS + 10
        for slot, place in enumerate(last.places):
            truth, answer = (batch[one][row][place] for one in ("truth", "answers"))
            name = classes[place] if len(classes) > 2 else classes[1] if classes else None
            label = "ŷ" if name is None else f"P({_safe(name, 14)})"
            said = f"y = {number(truth)}" if forward else f"ŷ − y = {number(answer - truth)}"
            y = last.y(slot, height)
            yield _text(x, y - 1, label, "name start") + _text(x, y + 15, said, "note start")
        if forward:
            loss = self.words("TR-DRAWN-LOSS", loss=number(batch["losses"][row]))
            yield _text(x, last.y(len(last.places) - 1, height) + 36, str(escape(loss)), "loss")


def sign(value: float) -> str:
    """The class that colours a value: positive, negative or exactly 0."""
    return "zero" if value == 0 else "plus" if value > 0 else "minus"


def short(value: float) -> str:
    """A value in five signs, to stand in a circle."""
    size = abs(value)
    if size != 0 and size < 0.0005:
        return "≈0"
    text = f"{value:.2f}" if size >= 0.0995 else f"{value:.3f}" if size else "0"
    return (f"{value:.1f}" if size >= 99.5 else text).replace("-", "−")


def _safe(text: object, width: int) -> str:
    return str(escape(clip(text, width)))


def _box(x: float, y: float, half: float, *, rounded: bool) -> str:
    """As wide as a neuron; half: of its height."""
    corner = half if rounded else 6
    place = f'x="{x - RADIUS:.0f}" y="{y - half:.0f}"'
    return f'{place} width="{2 * RADIUS}" height="{2 * half}" rx="{corner}"'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{text}</text>'
