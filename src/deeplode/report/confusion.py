"""Which classes are taken for which: the largest classes as a chart, the largest errors listed."""

from __future__ import annotations

from deeplode.report import charts
from deeplode.report.blocks import Cell, Figure, Grid, Heading
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number
from deeplode.report.summary import Facts
from deeplode.report.words import Words, clip, distinct, plain

_CLASSES = 10  # lines of the chart; the others are counted together
_ERRORS = 25  # lines of the table


def confusion(facts: Facts, words: Words) -> Figure | None:
    """The confusion matrix, lines the truth, columns the prediction."""
    entry = mapping(facts.get("confusion"))
    classes = [plain(name) for name in items(entry.get("classes"))]
    others = int(number(entry.get("others")) or 0)  # classes that the last line adds up
    counts = _square(entry.get("matrix"), len(classes) + (others > 0))
    if not counts:
        return None
    sizes = [sum(line) for line in counts]
    kept = sorted(sorted(range(len(classes)), key=lambda i: -sizes[i])[:_CLASSES])
    names = [clip(classes[i], 13) for i in kept]
    shown = _gathered(counts, kept)
    if rest := len(classes) - len(kept) + others:
        names.append(words("R-OTHER-CLASSES", count=words.count(rest)))
    if others:
        classes.append(words("R-OTHER-CLASSES", count=words.count(others)))
    names = distinct(names)
    values = [
        {
            "line": names[i],
            "column": names[j],
            "share": count / (sum(line) or 1.0),
            "shown": words.count(count),
        }
        for i, line in enumerate(shown)
        for j, count in enumerate(line)
    ]
    widest = max(len(str(value["shown"])) for value in values)
    titles = (words("R-PREDICTION"), words("R-TRUTH"))
    note = words("R-CONFUSION-NOTE")
    spec = charts.heatmap(values, names, titles, numbers=widest * len(names) <= 44)
    svg = draw(spec, f"{words('R-CONFUSION')}. {note}")
    return Figure(words("R-CONFUSION"), svg, note, _errors(classes, counts, sizes, words))


def _square(matrix: object, size: int) -> list[list[float]]:
    """The matrix where it is one of ``size`` lines and columns of numbers, else []."""
    lines = [[number(count) for count in items(line)] for line in items(matrix)]
    whole = [[count for count in line if count is not None and count >= 0] for line in lines]
    square = len(whole) == size and all(len(line) == size for line in whole)
    return whole if square else []


def _gathered(counts: list[list[float]], kept: list[int]) -> list[list[float]]:
    """The lines and columns ``kept``, and a last one that adds up the others."""
    if len(kept) == len(counts):
        return counts
    rest = [i for i in range(len(counts)) if i not in set(kept)]
    narrow = [[line[j] for j in kept] + [sum(line[j] for j in rest)] for line in counts]
    return [narrow[i] for i in kept] + [
        [sum(narrow[i][j] for i in rest) for j in range(len(kept) + 1)]
    ]


def _errors(
    classes: list[str], counts: list[list[float]], sizes: list[float], words: Words
) -> Grid | None:
    """The most frequent errors with the classes' full names."""
    wrong = [
        (count, i, j)
        for i, line in enumerate(counts)
        for j, count in enumerate(line)
        if i != j and count > 0
    ]
    wrong.sort(key=lambda error: -error[0])
    if not wrong:
        return None
    head = (
        Heading(words("R-TRUTH")),
        Heading(words("R-PREDICTION")),
        Heading(words("R-COUNT"), number=True),
        Heading(words("R-OF-CLASS"), number=True),
    )
    table = tuple(
        (
            Cell(classes[i]),
            Cell(classes[j]),
            Cell(words.count(count)),
            Cell(words.share(count / sizes[i])),
        )
        for count, i, j in wrong[:_ERRORS]
    )
    more = words("R-MORE", count=words.count(len(wrong) - _ERRORS)) if wrong[_ERRORS:] else ""
    folded = words("R-FREQUENT-ERRORS") if len(classes) == 2 else ""
    return Grid(words("R-FREQUENT-ERRORS"), head, table, more, folded)
