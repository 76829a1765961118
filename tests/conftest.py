"""What all tests share: the program, run in this process or as one of its own, and a long table.

Tests that run side by side compute on one core each, and so do the programs that they start.
"""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before NumPy is loaded, which asks but once
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

from deeplode.cli.main import main
from deeplode.messages import language, set_language

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]
HASTY = (  # as the fixtures ``short`` of detect and ``short_nets``: nets are trained for a moment
    "from deeplode.fit import loop; loop.SAVE_EVERY = 0.0;"
    "from deeplode.detectors import denoise, ranks; denoise.STEPS = 20; ranks.QUICK = 10;"
    "from dataclasses import replace; from deeplode.recommenders.ways import WAYS;"
    "WAYS.update({name: replace(way, settings=({**way.settings[0], 'epochs': 2},))"
    " for name, way in WAYS.items() if way.deep});"
    "from deeplode.cli.main import run; run()"
)
OURS = ("NO_COLOR", "DEEPLODE_LANG")  # variables that change what is printed


def surroundings(more: dict[str, str]) -> dict[str, str]:
    """The environment of a program without a terminal."""
    base = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**base, "COLUMNS": "80", **more}


@pytest.fixture(scope="session")
def deeplode() -> Program:
    """Run the program's entry point with these arguments; keywords are environment.

    Nothing but the start of Python and the imports is left out, which take longer than most
    commands. What a process is for (signals, limits, memory) asks ``program``.
    """

    def run(
        *arguments: str, cwd: Path | None = None, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        streams = [io.BytesIO((stdin or "").encode()), io.BytesIO(), io.BytesIO()]
        texts = [io.TextIOWrapper(stream, "utf-8") for stream in streams]
        before = language()
        with (
            contextlib.chdir(cwd or Path.cwd()),
            patch.dict(os.environ, surroundings(environment), clear=True),
            patch("sys.stdin", texts[0]),
            contextlib.redirect_stdout(texts[1]),
            contextlib.redirect_stderr(texts[2]),
        ):
            status = main(list(arguments))
        set_language(before)
        for text in texts[1:]:
            text.flush()
        out, err = (stream.getvalue().decode("utf-8") for stream in streams[1:])
        return subprocess.CompletedProcess(arguments, status, out, err)

    return run


@pytest.fixture(scope="session")
def program() -> Program:
    """Run the installed program as a process of its own, with what ``deeplode`` takes."""
    command = str(Path(sys.executable).with_name("deeplode"))

    def run(
        *arguments: str, cwd: Path | None = None, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            input=stdin or "",
            capture_output=True,
            encoding="utf-8",
            cwd=cwd,
            env=surroundings(environment),
            check=False,
            timeout=240,
        )

    return run


@pytest.fixture(scope="session")
def killed() -> Killed:
    """Start the program as a process and kill it as soon as something is there.

    It writes a checkpoint after every epoch, so that a few epochs are enough to be killed among.
    """

    def run(*arguments: str, once: Callable[[], bool], cwd: Path | None = None) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HASTY, *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=cwd,
            env=surroundings({"OMP_WAIT_POLICY": "passive"}),
        ) as started:  # fmt: skip
            while started.poll() is None and not once():
                time.sleep(0.01)
            assert started.poll() is None, started.communicate()
            started.kill()

    return run


@pytest.fixture(scope="session")
def hourly() -> Callable[..., pl.DataFrame]:
    """Hourly loads of machines, each at its height, with a daily cycle."""

    def load(days: int = 20, machines: int = 2) -> pl.DataFrame:
        chance, frames = np.random.default_rng(0), []
        hours = np.arange(24 * days)
        when = [datetime(2024, 5, 1) + timedelta(hours=int(hour)) for hour in hours]
        for machine in range(machines):
            value = 50 * (machine + 1) + 10 * np.sin(2 * np.pi * hours / 24)
            columns = {"time": when, "load": value + chance.normal(size=len(hours))}
            name = pl.lit(f"m{machine}").alias("machine")
            frames.append(pl.DataFrame(columns).with_columns(name))
        return pl.concat(frames)

    return load


@pytest.fixture(scope="module")
def short_nets() -> Iterator[None]:
    """Nets that recommend train for a moment only: how they behave is asked, not how well."""
    from deeplode.recommenders.ways import WAYS

    with pytest.MonkeyPatch.context() as patch:
        for name, way in WAYS.items():
            if way.deep:
                setting = {**way.settings[0], "epochs": 2}
                patch.setitem(WAYS, name, replace(way, settings=(setting,)))  # type: ignore[arg-type]
        yield


@pytest.fixture(scope="session")
def tastes() -> Callable[..., pl.DataFrame]:
    """What users of four tastes watched and how they liked it: mostly films of their own taste,
    each once; some that they disliked."""

    def watched(users: int = 240, films: int = 60, each: int = 12) -> pl.DataFrame:
        chance, rows = np.random.default_rng(0), []
        for user in range(users):
            own = np.arange(films) % 4 == user % 4
            weight = np.where(own, 8.0, 1.0) / (10 + np.arange(films))
            for film in chance.choice(films, each, replace=False, p=weight / weight.sum()):
                stars = chance.integers(3, 6) if own[film] else chance.integers(1, 5)
                when = 1_700_000_000 + chance.integers(10_000_000)
                rows.append((f"u{user:03}", 100 + int(film), int(stars), int(when)))
        return pl.DataFrame(rows, ["user", "film", "stars", "when"], orient="row")

    return watched
