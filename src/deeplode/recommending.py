"""Recommending: a run folder with a model, a report, and a list for every user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.measure import fingerprint
from deeplode.data.table import Table
from deeplode.keeping import Keeping
from deeplode.messages import Notice
from deeplode.output import write_parts
from deeplode.progress import Listen, silent
from deeplode.recommended import make
from deeplode.recommendfacts import OF_USERS
from deeplode.recommendoptions import RecommendOptions
from deeplode.runfacts import source_name
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget
from deeplode.saved import PROBE_ROWS, AnyModel
from deeplode.tail import PAGE, tail
from deeplode.tasks.catalogue import Asked
from deeplode.tasks.listed import allowed
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.verbs import RunResult, Source, read_table, tell

LISTS = 0.1  # share of the time limit that lists for everybody may take

Bools = NDArray[np.bool_]


def run(
    source: Source,
    options: RecommendOptions,
    listen: Listen = silent,
    budget: Budget | None = None,
) -> RunResult:
    """Learn what users will want next and leave a run folder.

    budget: what the run may use; from the options and the start of the process if not given.
    Raises DeeplodeError, with nothing left behind, when no model can be made.
    """
    with running(options, source_name(source), "recommend", listen, budget) as begun:
        facts = _Run(source, options, begun.folder, begun.budget, begun.log, begun.threads).all()
    return RunResult(begun.folder.path, facts, begun.budget.stop() == "interrupt")


@dataclass(frozen=True)
class _Run:
    """One run, step by step."""

    source: Source
    options: RecommendOptions
    folder: RunFolder
    budget: Budget
    listen: Listen
    threads: int

    def all(self) -> dict[str, Any]:
        """Everything from the source to the report; returns the facts."""
        self.listen("stage", name="read")
        told = self.options
        named = {name: getattr(told, name) for name in ("items", "users", "only", "exclude")}
        files = [self.source, *(path for path in named.values() if path is not None)]
        table = read_table(self.source, told, silent)
        beside = {name: read_table(path, told, silent)
                  for name, path in named.items() if path is not None}  # fmt: skip
        self.folder.remember(told.as_json(), [*map(fingerprint, files)], resume=told.resume)
        learning = self.budget.until(tail(told.seconds, LISTS))
        made = make(table, beside, told, learning, self.threads,
                    self.folder.checkpoint, self.listen)  # fmt: skip
        facts = made.facts
        facts["warnings"] = tell([*table.notices, *made.notices], self.listen)
        facts["files"] = {"recommendations": self.folder.recommendations.name}
        known = made.model.catalogue
        probe = Table.of(pl.DataFrame({known.columns.user: known.users[:PROBE_ROWS]}))
        keeping = Keeping(self.folder, self.budget, told, self.listen, made.planned, files)
        asked, open_ = allowed(known, known.everyone(), beside, made.stock)
        return keeping.keep(made.model, facts, probe, lambda _: made.tests, OF_USERS,
                            self._lists(facts, asked, open_))  # fmt: skip

    def _lists(
        self, facts: dict[str, Any], asked: Asked, open_: Bools | None
    ) -> Callable[[AnyModel], None]:
        """What writes the lists of as many users as there is time for, some at a time."""
        done, limited = 0, self.budget.until(PAGE)

        def parts(model: RecommendModel) -> Iterator[pl.DataFrame]:
            nonlocal done
            for frame, users in model.frames(asked, self.options.top, open_, limited.stop):
                done += users
                self.listen("progress", done=done, total=len(asked))
                yield frame

        def write(model: AnyModel) -> None:
            assert isinstance(model, RecommendModel)
            self.listen("stage", name="lists")
            write_parts(self.folder.recommendations, parts(model), force=True)
            facts["recommended_users"] = done
            if done < len(asked):
                notice = Notice("W-REC-010", None, {"done": done, "users": len(asked)})
                facts["warnings"] += tell([notice], self.listen)

        return write
