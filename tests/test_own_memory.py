"""What a net of one's own will hold in memory is known before it is trained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

PROGRAM = Path(__file__).with_name("own_memory.py")


@pytest.mark.parametrize(
    "asked",
    [("wide", 2, 2, 512, 700), ("deep", 2, 2, 512, 700), ("norm", 2, 1, 512, 700)],
    ids=lambda asked: asked[0],
)
def test_the_peak_stays_below_what_was_planned_and_not_far_below(
    asked: tuple[str, int, int, int, int],
) -> None:
    command = [sys.executable, str(PROGRAM), *map(str, asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert 0.55 * found["planned"] < found["peak"] <= found["planned"]
