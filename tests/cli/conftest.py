"""The installed program, run as users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def deeplode() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program with these arguments, without a terminal; keywords are environment."""
    program = str(Path(sys.executable).with_name("deeplode"))
    base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "DEEPLODE_LANG")}

    def run(
        *arguments: str, cwd: Path | None = None, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            input=stdin or "",
            capture_output=True,
            encoding="utf-8",
            cwd=cwd,
            env={**base, "COLUMNS": "80", **environment},
            check=False,
            timeout=240,
        )

    return run
