"""How long nothing takes: `deeplode --help` and `import deeplode`, each in a fresh process.

    python benchmarks/startup.py

Bounds: --help under 0.3 s, import under 0.2 s, medians of 7 runs. The first run, which may read
files from disk, is shown and left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from machine import header
from tables import markdown

RUNS = 7
HELP_BOUND, IMPORT_BOUND = 0.3, 0.2  # seconds


def seconds(command: list[str]) -> float:
    """Wall seconds from start to end of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def line(what: str, command: list[str], bound: float | None) -> list[str]:
    """First run, median and range of the others, in milliseconds, beside the bound."""
    first = seconds(command)
    runs = [seconds(command) for _ in range(RUNS)]
    figures = [first, median(runs), min(runs), max(runs)]
    shown = [f"{1000 * figure:.0f}" for figure in figures]
    if bound is None:
        return [what, *shown, "", ""]
    verdict = "kept" if median(runs) < bound else "broken"
    return [what, *shown, f"{1000 * bound:.0f}", verdict]


def main() -> None:
    """Print the table."""
    print(header() + "\n")
    program = str(Path(sys.executable).parent / "deeplode")
    print(
        markdown(
            ["milliseconds", "first", "median", "least", "most", "bound", ""],
            [
                line("python -c pass", [sys.executable, "-c", "pass"], None),
                line(
                    "python -c 'import deeplode'",
                    [sys.executable, "-c", "import deeplode"],
                    IMPORT_BOUND,
                ),
                line("deeplode --help", [program, "--help"], HELP_BOUND),
            ],
        )
    )


if __name__ == "__main__":
    main()
