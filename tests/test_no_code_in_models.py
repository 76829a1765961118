"""Nothing that deeplode reads can become code: the ways in which that happens are not in it."""

from __future__ import annotations

import ast
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from deeplode import load, read
from deeplode.errors import DeeplodeError

ROOT = Path(__file__).parents[1] / "src"
FILES = sorted(ROOT.rglob("*.py"))

# Modules that turn bytes into objects or names into code. torch.save writes a pickle.
MODULES = {
    "pickle", "_pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve",
    "jsonpickle", "yaml", "runpy", "code", "imp", "pkgutil", "skops", "importlib",
}  # fmt: skip
CALLS = {
    "eval", "exec", "compile", "__import__", "import_module", "load_module", "exec_module",
    "read_pickle", "to_pickle", "pickle_load", "attempt_load", "unsafe_load",
}  # fmt: skip
ATTRIBUTES = {
    "torch.load", "torch.save", "torch.jit", "torch.hub", "torch.package", "numpy.load", "np.load",
    "np.loadtxt", "numpy.loadtxt",
}  # fmt: skip
KEYWORDS = {"allow_pickle", "weights_only", "trust_remote_code"}

# The one exception: public names are looked up in a closed dict of our own modules.
CLOSED = {("deeplode/__init__.py", "importlib"), ("deeplode/__init__.py", "import_module")}
SAFE_PARTS = {"importlib.metadata", "importlib.resources"}  # read names and texts, run nothing


def findings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything in a file that could run code from data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in SAFE_PARTS and alias.name.split(".")[0] in MODULES:
                    yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            safe = node.module in SAFE_PARTS or all(name in SAFE_PARTS for name in names)
            if not safe and str(node.module).split(".")[0] in MODULES:
                yield node.lineno, str(node.module)
            yield from ((node.lineno, name) for name in names if name in ATTRIBUTES)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.split(".")[-1] in CALLS and not name.startswith("re."):
                yield node.lineno, name.split(".")[-1]
            yield from ((node.lineno, k.arg) for k in node.keywords if k.arg in KEYWORDS)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ATTRIBUTES:
            yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_of_the_package_can_run_code_from_data(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    found = [
        f"{name}:{line} {what}"
        for line, what in findings(ast.parse(path.read_text("utf-8")))
        if (name, what) not in CLOSED
    ]
    assert found == []


def test_the_one_lookup_by_name_is_over_a_closed_dict() -> None:
    tree = ast.parse((ROOT / "deeplode" / "__init__.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    lookups = [node for node in calls if ast.unparse(node.func).endswith("import_module")]
    assert [ast.unparse(argument) for node in lookups for argument in node.args] == ["_HOMES[name]"]
    homes = next(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOMES"
    )
    assert isinstance(homes, ast.Dict)
    for value in homes.values:
        assert isinstance(value, ast.Constant)
        assert str(value.value).startswith("deeplode.")


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import importlib.util",
        "from importlib import import_module",
        "from joblib import load",
        "from torch import load",
        "torch.load(path)",
        "x = np.load(path)",
        "builtins.eval('1')",
        "exec(code)",
        "__import__(name)",
        "frame.to_pickle(path)",
        "read(path, allow_pickle=False)",
        "yaml.safe_load(text) if __import__('yaml') else 0",
    ],
)
def test_this_test_would_find_it(line: str) -> None:
    assert list(findings(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["import json", "re.compile('a')", "from importlib import metadata"]
)
def test_this_test_lets_harmless_lines_pass(line: str) -> None:
    assert not list(findings(ast.parse(line)))


class Armed:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


ENDINGS = [".pkl", ".pt", ".joblib", ".csv", ".parquet", ".npz", ".lode", ""]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_armed_pickle_under_any_name_is_refused_and_does_not_go_off(
    tmp_path: Path, ending: str
) -> None:
    trap = tmp_path / "sprung"
    path = tmp_path / f"data{ending}"
    if ending == ".npz":
        cells = np.array([[Armed(trap)], [1]], dtype=object)
        np.savez(path, X=cells, y=np.arange(2))
    else:
        path.write_bytes(pickle.dumps(Armed(trap)))
    for opened in (read, load):
        with pytest.raises(DeeplodeError):
            opened(str(path))
    assert not trap.exists()
    pickle.loads(pickle.dumps(Armed(trap)))  # noqa: S301 - to show that it does
    assert trap.exists()
