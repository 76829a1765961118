"""What commands are given by position."""

from __future__ import annotations

from typing import Annotated

import typer

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files (.csv .tsv .json .jsonl .parquet .arrow .feather .xlsx, also .gz .zst), "
        "a glob, - for stdin, or demo:NAME (breast-cancer, digits, diabetes, wine).",
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Model file (.lode) or run folder.")]


def one_or_many(sources: list[str]) -> str | list[str]:
    """A single source as itself: only several are a list."""
    return sources[0] if len(sources) == 1 else sources
