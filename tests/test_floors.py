"""The house rule: imports go down. A file imports lower floors, or files of its own folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"

# The longest name that fits counts. A new file or folder gets its floor here.
FLOORS = {
    "deeplode.choices": 0,
    "deeplode.errors": 0,
    "deeplode.messages": 0,
    "deeplode.optionfield": 0,
    "deeplode.options": 0,
    "deeplode.readoptions": 0,
    "deeplode.detectoptions": 0,
    "deeplode.clusteroptions": 0,
    "deeplode.recommendoptions": 0,
    "deeplode.same": 0,
    "deeplode.output": 0,
    "deeplode.progress": 0,
    "deeplode.parts": 0,
    "deeplode.quantity": 0,
    "deeplode.runtime": 0,
    "deeplode.tail": 0,
    "deeplode.version": 0,
    "deeplode.machine": 0,
    "deeplode.limited": 0,
    "deeplode.memory": 0,
    "deeplode.mapped": 0,
    "deeplode.runfolder": 0,
    "deeplode.runfacts": 6,
    "deeplode.running": 6,
    "deeplode.keeping": 6,
    "deeplode.replay": 0,
    "deeplode.data": 1,
    "deeplode.pretrained": 1,  # modules that others trained, and how they are read
    "deeplode.encode": 2,
    "deeplode.encode.linked": 1.5,
    "deeplode.encode.batch": 1.5,  # the one form of rows that nets, trees and linear models share
    "deeplode.encode.bag": 1.5,  # and the one form of their texts
    "deeplode.nets": 2,
    "deeplode.trees": 2,
    "deeplode.fit": 3,
    "deeplode.detectors": 3.5,  # between the loop that they train by and the tasks
    "deeplode.communities": 3.6,  # which check what they keep as the detectors do
    "deeplode.recommenders": 3.6,
    "deeplode.clusters": 3.6,  # whose rows are what detectors see
    "deeplode.evaluate": 3,
    "deeplode.evaluate.problem": 0,  # the question itself: plain facts, asked of every candidate
    "deeplode.tasks": 4,
    "deeplode.lode": 4,
    "deeplode.modelfile": 5,
    "deeplode.report": 5,
    "deeplode.experiments": 5,
    "deeplode.saved": 6,
    "deeplode.aim": 6,
    "deeplode.linking": 6.5,
    "deeplode.verbs": 7,
    "deeplode.training": 7,
    "deeplode.inspection": 7,
    "deeplode.illustrate": 6,
    "deeplode.tracing": 7,
    "deeplode.comparing": 7,
    "deeplode.arrays": 7,
    "deeplode.estimator": 7,
    "deeplode.outcome": 6,
    "deeplode.seriesviews": 6,
    "deeplode.watching": 6,
    "deeplode.detecting": 7,
    "deeplode.periods": 6,
    "deeplode.groupfacts": 6,
    "deeplode.linkfacts": 6.5,
    "deeplode.linkedfacts": 6.6,
    "deeplode.partitioning": 7,
    "deeplode.clustering": 7,
    "deeplode.clusterer": 7,
    "deeplode.recommendfacts": 6,
    "deeplode.recommended": 7,
    "deeplode.recommending": 7,
    "deeplode.recommender": 7,
    "deeplode.evaluating": 7,
    "deeplode.predicting": 7,
    "deeplode.anomalydetector": 7,
    "deeplode.supervised": 7,
    "deeplode.estimators": 7,
    "deeplode.cli": 8,
    "deeplode.__main__": 8.5,
    "deeplode": 9,
}

FILES = sorted(SRC.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}


def floor(module: str) -> int:
    """The floor that a module stands on."""
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next(FLOORS[name] for name in names if name in FLOORS)


def folder(module: str) -> str:
    """The folder under ``deeplode`` that a module is in; '' for the files beside it."""
    path = MODULES[module].relative_to(SRC / "deeplode")
    return path.parts[0] if len(path.parts) > 1 else ""


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Modules of deeplode imported, the line, and whether it happens when the file loads."""

    def walk(node: ast.AST, at_load: bool) -> Iterator[tuple[str, int, bool]]:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in MODULES else str(node.module)), node.lineno, at_load
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, at_load
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            at_load = False
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, at_load and not typing_only)

    found = walk(ast.parse(path.read_text("utf-8")), True)
    return ((name, line, load) for name, line, load in found if name.split(".")[0] == "deeplode")


@pytest.mark.parametrize("module", MODULES)
def test_every_file_has_a_floor(module: str) -> None:
    assert module == "deeplode" or floor(module) < FLOORS["deeplode"], f"give {module} a floor"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    path = MODULES[module]
    for name, line, _ in imports(path):
        if module == "deeplode" and name in MODULES:
            continue  # the only file that re-exports
        assert name in MODULES, f"{path}:{line} imports {name}, which is not a file"
        assert name != "deeplode", f"{path}:{line} imports the package that it is part of"
        lower = floor(name) < floor(module)
        beside = folder(name) == folder(module) and floor(name) == floor(module)
        assert lower or beside or (folder(name) == folder(module) != ""), (
            f"{path}:{line} on floor {floor(module)} imports {name} on floor {floor(name)}"
        )


def test_no_files_import_each_other_in_a_circle() -> None:
    wanted = {
        module: {name: line for name, line, at_load in imports(path) if at_load}
        for module, path in MODULES.items()
        if module != "deeplode"
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module in done:
            return
        for name in wanted.get(module, {}):
            visit(name, (*above, module))
        done.add(module)

    for module in wanted:
        visit(module, ())


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=str)
def test_inner_init_files_are_empty(path: Path) -> None:
    assert path.parent == SRC / "deeplode" or not path.read_text("utf-8"), f"{path} is not empty"
