"""The folder that one run leaves behind, and the log and checkpoint inside it while it runs."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from deeplode.errors import OptionError
from deeplode.output import make_folder
from deeplode.progress import Listen

RUNS = Path("deeplode-runs")
_OF_THE_FOLDER = ("out", "force", "resume")  # options that say where, not what
RESULTS = ("model.lode", "result.json", "report.html", "predictions.parquet", "log.jsonl",
           "recommendations.parquet")  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """Paths of everything that a run makes."""

    path: Path

    @property
    def model(self) -> Path:
        """The model file."""
        return self.path / "model.lode"

    @property
    def result(self) -> Path:
        """All facts."""
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.path / "report.html"

    @property
    def predictions(self) -> Path:
        """The test rows with their predictions."""
        return self.path / "predictions.parquet"

    @property
    def recommendations(self) -> Path:
        """What users are recommended."""
        return self.path / "recommendations.parquet"

    @property
    def log(self) -> Path:
        """One line an event and an epoch."""
        return self.path / "log.jsonl"

    @property
    def checkpoint(self) -> Path:
        """What a killed run goes on from; gone at the end."""
        return self.path / "checkpoint"

    @property
    def _earlier_log(self) -> Path:
        return self.checkpoint / "earlier.jsonl"

    def begin(self) -> None:
        """Make room: results of an earlier run stay until those of this one take their places."""
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        self.checkpoint.mkdir()
        with suppress(FileNotFoundError):
            self.log.replace(self._earlier_log)

    def finish(self, written: Collection[str]) -> None:
        """The run is whole: drop the checkpoint, and what only an earlier run wrote.

        written: names of the files that this one wrote.
        """
        for name in RESULTS:
            if name not in written:
                (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    def remember(
        self, options: Mapping[str, Any], data: Sequence[str | None], *, resume: bool
    ) -> None:
        """Write down what this run learns from; refuse to resume one that learned otherwise.

        options: as plain JSON. data: fingerprints of everything that is read.
        Raises OptionError where one of them is another than before.
        """
        kept = {name: own for name, own in options.items() if name not in _OF_THE_FOLDER}
        own = {"options": kept, "source": list(data)}
        path = self.checkpoint / "run.json"
        if resume and path.exists():
            before = json.loads(path.read_text("utf-8"))
            now = json.loads(json.dumps(own))
            for part in own:
                if before[part] != now[part]:
                    raise OptionError("E-OPT-091", path=str(self.path), what=part)
        path.write_text(json.dumps(own, sort_keys=True, ensure_ascii=False), "utf-8")

    def discard(self) -> None:
        """Take away what a run left that came to nothing; files of others stay, and results of an
        earlier run."""
        self.log.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self._earlier_log.replace(self.log)
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        with suppress(OSError):  # not empty
            self.path.rmdir()


def open_folder(
    out: str | None, source: str, verb: str, *, force: bool = False, resume: bool = False
) -> RunFolder:
    """Make the folder of a run, or take up the one of a run that was cut off.

    With ``force`` it may hold a run, whose results stay until new ones are there.
    Raises OptionError when it holds a run already (without ``force``), cannot be made, or has
    nothing to resume.
    """
    path = Path(out) if out is not None else _fresh(source, verb)
    folder = RunFolder(path)
    if resume:
        if not folder.checkpoint.is_dir():
            raise OptionError("E-OPT-090", path=str(path))
        return folder
    make_folder(path, force=force)
    folder.begin()
    return folder


def _fresh(source: str, verb: str) -> Path:
    """``deeplode-runs/<source>-<verb>-<number>`` with the first number that is free."""
    stem = re.sub(r"[^\w.-]+", "-", Path(source.removeprefix("demo:")).name.split(".")[0])
    stem = stem.strip("-.") or "data"
    number = 1
    while (RUNS / f"{stem}-{verb}-{number}").exists():
        number += 1
    return RUNS / f"{stem}-{verb}-{number}"


class Log:
    """Writes every event as a line of JSON and passes it on.

    Use as a context manager; the instance is itself a ``Listen``.
    """

    def __init__(self, path: Path, listen: Listen) -> None:
        self._path = path
        self._listen = listen
        self._file: TextIO | None = None

    def __enter__(self) -> Log:
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None  # last words of another thread still reach the screen

    def __call__(self, event: str, /, **facts: Any) -> None:
        if self._file is not None:
            line = {"time": round(time.time(), 3), "event": event, **facts}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        self._listen(event, **facts)
