"""What the user sees: results on stdout; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from deeplode.messages import catalogue, language, say
from deeplode.report.words import Words, plain

NOTICES = 12  # warnings shown as they come; the rest are in the result
EPOCH_SECONDS = 5.0  # between two plain lines of epochs


def stage_name(name: str) -> str:
    """A stage in the user's language; as it is called inside when no catalogue knows it."""
    code = f"T-STAGE-{name.upper()}"
    return say(code) if code in catalogue(language()) else plain(name)


def plan_sentence(facts: Mapping[str, Any]) -> str:
    """The memory plan: bytes at the peak, and what is trained in them."""
    words = Words(language())
    counts = {name: words.count(facts[name]) for name in ("rows", "members", "batch_size")}
    return say("T-PLAN", size=words.size(facts["bytes"]), **counts)


class Screen:
    """Shows one command: its progress while it works and its result at the end.

    json: the result is one JSON object. quiet: no progress and no warnings. verbose: every epoch.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, no_color: bool) -> None:
        self.json, self.quiet, self.verbose = json, quiet, verbose
        plain = no_color or None
        self.out = Console(no_color=plain, highlight=False, markup=False, emoji=False)
        self.err = Console(no_color=plain, highlight=False, markup=False, emoji=False, stderr=True)
        self._began = time.monotonic()
        self._stage: tuple[str, float] | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._told = -EPOCH_SECONDS
        self._notices = 0

    def __enter__(self) -> Screen:
        if self.err.is_terminal and not self.quiet:
            self._bar = Progress(
                SpinnerColumn(style="cyan"),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", style="dim", markup=False),
                console=self.err,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_stage(finished=kind is None)
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def listen(self, event: str, /, **facts: Any) -> None:
        """Take an event of the work and show it. Events that it does not know are no matter."""
        if event == "fatal":  # the process ends right after this
            print_error(facts["error"], as_json=self.json, no_color=True)
        if self.quiet:
            return
        match event:
            case "stage":
                self._begin_stage(stage_name(facts["name"]))
            case "progress":
                self._progress(facts.get("done", 0), facts.get("total"), "")
            case "epoch":
                self._epoch(facts)
            case "notice":
                self._notice(facts["code"], facts["message"])
            case "plan":
                self.note(plan_sentence(facts))
            case "stopping":
                self.note(say("T-STOPPING"))

    def result(self, facts: Mapping[str, Any], draw: Callable[[Console], None]) -> None:
        """Show the result: the facts as one JSON object, or drawn for people."""
        self.__exit__(None, None, None)
        if self.json:
            print_json(facts)
        else:
            draw(self.out)

    def note(self, text: str) -> None:
        """Say something beside the result."""
        if not self.quiet:
            self.err.print(Text(plain(text)), soft_wrap=True)

    def _begin_stage(self, name: str) -> None:
        self._end_stage(finished=True)
        self._stage = (name, time.monotonic())
        self._told = -EPOCH_SECONDS
        if self._bar is None:
            self.err.print(Text(f"{time.monotonic() - self._began:6.1f} s  {name}"))
        else:
            self._task = self._bar.add_task(name, total=None, note="")

    def _end_stage(self, *, finished: bool) -> None:
        if self._bar is None or self._stage is None:
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        name, began = self._stage
        self._stage = None
        if finished:
            line = Text.assemble(
                ("✓ ", "green"), name, (f"  {time.monotonic() - began:.1f} s", "dim")
            )
            self._bar.console.print(line)

    def _progress(self, done: float, total: float | None, note: str) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, note=note)

    def _epoch(self, facts: Mapping[str, Any]) -> None:
        note = say("T-EPOCH", **_epoch_words(facts))
        if self._bar is not None and not self.verbose:
            self._progress(facts["epoch"], facts.get("epochs"), note)
        elif self.verbose or time.monotonic() - self._told >= EPOCH_SECONDS:
            self._told = time.monotonic()
            self.err.print(Text(f"{self._told - self._began:6.1f} s    {note}"), soft_wrap=True)

    def _notice(self, code: str, message: str) -> None:
        self._notices += 1
        if self._notices <= NOTICES:
            line = Text.assemble((f"! {code}  ", "yellow"), plain(message))
            self.err.print(line, soft_wrap=not self.err.is_terminal)
        elif self._notices == NOTICES + 1:
            self.err.print(Text(f"! {say('T-MORE-WARNINGS')}", "yellow"))


def _epoch_words(facts: Mapping[str, Any]) -> dict[str, str]:
    """The parts of an epoch's line; '–' for what the event does not tell."""
    words = {"epoch": str(facts["epoch"]), "epochs": str(facts.get("epochs", "–"))}
    loss, speed = facts.get("valid_loss"), facts.get("rows_per_second")
    words["loss"] = "–" if loss is None else f"{loss:.4g}"
    words["speed"] = "–" if speed is None else f"{speed:,.0f}".replace(",", " ")
    return words


def print_json(facts: Mapping[str, Any]) -> None:
    """Exactly one JSON object on stdout."""
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def print_error(error: Mapping[str, Any], *, as_json: bool, no_color: bool) -> None:
    """An error for people on stderr, or as the one JSON object on stdout.

    error: ``code``, ``message``, ``column``, ``row``, ``hint``.
    """
    if as_json:
        print_json({"error": error})
        return
    console = Console(stderr=True, no_color=no_color or None, highlight=False, emoji=False)
    head = Text.assemble((say("T-ERROR"), "bold red"), " ", (error["code"], "bold"), ": ")
    console.print(head + Text(plain(error["message"])), soft_wrap=not console.is_terminal)
    if error.get("hint"):
        console.print(Text(plain(error["hint"]), "dim"), soft_wrap=not console.is_terminal)
