"""A net of one's own that was killed goes on where it was, to the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("own_killed.py")


def fitted(checkpoint: Path) -> dict[str, Any]:
    """What the program prints when it comes to its end."""
    command = [sys.executable, str(PROGRAM), str(checkpoint), "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_a_fit_killed_twice_and_resumed_ends_with_the_bits_of_the_undisturbed_one(
    tmp_path: Path,
) -> None:
    quiet = fitted(tmp_path / "quiet")
    file = tmp_path / "killed" / "epochs.safetensors"
    for _ in range(2):
        before = file.stat().st_mtime_ns if file.exists() else 0
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(file.parent), "0.4"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for _ in range(3000):
            if (file.exists() and file.stat().st_mtime_ns > before) or process.poll() is not None:
                break
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    resumed = fitted(file.parent)
    assert resumed["digest"] == quiet["digest"]
    assert 0 < resumed["epochs"] < quiet["epochs"]
