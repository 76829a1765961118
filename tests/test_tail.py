"""Tail: what is kept for the end of a run grows where other programs want the cores."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deeplode.runtime import Budget
from deeplode.tail import MOST, SECONDS, SHARE, crowding, tail

BUSY = "import os; os.sched_setaffinity(0, {core})\nwhile True: pass"
ASKED = """
import os, time
os.sched_setaffinity(0, {core})
while time.process_time() < 1: pass
from deeplode.runtime import Budget
from deeplode.tail import crowding, tail
print(crowding(), tail(Budget.begin(1000.0), 10.0))
"""


def test_a_share_of_the_limit_is_kept_at_least() -> None:
    assert tail(Budget(), None) == pytest.approx(SECONDS * crowding())
    assert tail(Budget.begin(100.0), 100.0) >= SECONDS + 100 * SHARE
    assert tail(Budget.begin(0.0), 100.0) == SECONDS + 100 * SHARE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long one waited")
def test_more_is_kept_where_another_program_wants_the_core_but_never_most_of_what_is_left() -> None:
    core = {min(os.sched_getaffinity(0))}
    busy = [subprocess.Popen([sys.executable, "-c", BUSY.format(core=core)]) for _ in range(3)]
    try:
        told = subprocess.run(
            [sys.executable, "-c", ASKED.format(core=core)], capture_output=True, check=True
        )
    finally:
        for one in busy:
            one.kill()
            one.wait()
    crowded, kept = map(float, told.stdout.split())
    assert crowded > 1.5
    assert kept == pytest.approx((SECONDS + 10 * SHARE) * crowded, rel=0.2)
    assert tail(Budget.begin(10.0), 10.0) <= max(SECONDS + 10 * SHARE, MOST * 10)
