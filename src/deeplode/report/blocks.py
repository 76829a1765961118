"""What a report page is made of. The templates know these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Heading:
    """A table column's title; numbers stand to the right."""

    text: str
    number: bool = False


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, a smaller note below, whether it stands out, whether it stays on one
    line."""

    text: str
    note: str = ""
    strong: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; ``more`` says how many rows were left out, ``folded`` labels a closed one."""

    caption: str
    head: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: str = ""
    folded: str = ""
    block: str = "grid"


@dataclass(frozen=True)
class Figure:
    """A chart with its title, one sentence on how to read it, and its numbers as a table."""

    title: str
    svg: Markup
    note: str = ""
    grid: Grid | None = None
    block: str = "figure"


@dataclass(frozen=True)
class Terms:
    """Short facts: (term, value) pairs."""

    pairs: tuple[tuple[str, str], ...]
    title: str = ""
    half: bool = False  # beside a figure
    block: str = "terms"


@dataclass(frozen=True)
class Lines:
    """Text to copy: commands or code."""

    title: str
    text: str
    block: str = "lines"


@dataclass(frozen=True)
class Notes:
    """A list of remarks: (label, text) pairs; the label may be ''."""

    pairs: tuple[tuple[str, str], ...]
    title: str = ""
    more: str = ""
    block: str = "notes"


@dataclass(frozen=True)
class Panels:
    """Small charts side by side: (title, remark, drawing); ``legend`` has (class, text) pairs."""

    title: str
    panels: tuple[tuple[str, str, Markup], ...]
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    more: str = ""
    block: str = "panels"


@dataclass(frozen=True)
class Shares:
    """A table of shares between 0 and 1, each with a bar. groups: (title, names of columns).

    rows: (name, cells); a cell is the share as text and as a number, None where there is none.
    """

    title: str
    first: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    note: str = ""
    more: str = ""
    block: str = "shares"

    @property
    def begins(self) -> frozenset[int]:
        """Columns that begin a group."""
        sizes = [len(names) for _, names in self.groups]
        return frozenset(sum(sizes[:at]) for at in range(len(sizes)))


@dataclass(frozen=True)
class Picture:
    """source: a PNG as a data address. case: right, wrong or unsure, in words. said: the rest."""

    source: str
    case: str
    said: str


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    title: str
    pictures: tuple[Picture, ...]
    note: str = ""
    block: str = "pictures"


@dataclass(frozen=True)
class Passage:
    """A text in pieces, each with a shade from -3 (against the answer) to 3 (for it)."""

    case: str
    said: str
    pieces: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Passages:
    """Texts one below the other."""

    title: str
    passages: tuple[Passage, ...]
    note: str = ""
    block: str = "passages"


@dataclass(frozen=True)
class Drawing:
    """A drawing as wide as the page; ``legend`` has (class, text) pairs."""

    title: str
    svg: Markup
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    block: str = "drawing"


Block = Grid | Figure | Terms | Lines | Notes | Panels | Shares | Pictures | Passages | Drawing


@dataclass(frozen=True)
class Section:
    """A titled part of the page; ``key`` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True)
class KeyFigure:
    """One of the large numbers on top."""

    label: str
    value: str
    note: str = ""
