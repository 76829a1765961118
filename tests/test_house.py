"""The house rules that a program can check: how long things may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "src").rglob("*.py"))

FILE_LINES = 300
FUNCTION_LINES = 40  # without the docstring
PARAMETERS = 8

MANY_PARAMETERS = {
    "AnomalyDetector.__init__",
    "Clusterer.__init__",
    "Recommender.__init__",
    "Supervised.__init__",  # scikit-learn's contract asks for one keyword an option
    "fit_net",  # the seven that every candidate takes, and the net's own two
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Every function and class with its dotted name; what is inside a function under ``<…>``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = above + node.name
            yield name, node
            inside = f"<{name}>." if isinstance(node, Function) else f"{name}."
            yield from definitions(node, inside)
        else:
            yield from definitions(node, above)


def length(function: Function, name: str) -> int:
    """Lines of a function, without its docstring and the parameters that it must list."""
    first = function.body[0].lineno if name in MANY_PARAMETERS else function.lineno
    lines = (function.end_lineno or 0) - first + 1
    if ast.get_docstring(function) is not None:
        text = function.body[0]
        lines -= (text.end_lineno or 0) - text.lineno + 1
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    count = len(text.splitlines())
    assert count <= FILE_LINES, f"{path}: {count} lines; find where it could come apart"
    for name, function in definitions(ast.parse(text)):
        if isinstance(function, ast.ClassDef):
            continue
        where = f"{path}:{function.lineno} {name}"
        assert length(function, name) <= FUNCTION_LINES, where
        taken = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        count = sum(one.arg not in ("self", "cls") for one in taken)
        assert count <= PARAMETERS or name in MANY_PARAMETERS, f"{where}: {count} parameters"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_public_things_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    if path.name == "__init__.py" and not tree.body:
        return
    assert ast.get_docstring(tree), f"{path}: no docstring"
    for name, node in definitions(tree):
        hidden = "<" in name or any(part.startswith("_") for part in name.split("."))
        assert hidden or ast.get_docstring(node), f"{path}:{node.lineno} {name}: no docstring"
