"""Keeping: what every verb does with a finished model: the files of its run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from deeplode.data.table import Table
from deeplode.limited import Limited
from deeplode.memory import peak_memory
from deeplode.messages import language
from deeplode.output import write_json, write_table
from deeplode.progress import Listen
from deeplode.report.page import write as write_page
from deeplode.runfacts import FILES, NOT_IN_CARD
from deeplode.runfolder import RunFolder
from deeplode.runtime import Budget
from deeplode.saved import AnyModel, restore, save, without_places


@dataclass(frozen=True)
class Keeping:
    """Where the results of a run go.

    planned: bytes that the run was reckoned to take, None where nothing was. files: all that was
    read; the folders that they lie in stay out of the model file.
    """

    folder: RunFolder
    budget: Budget
    options: Limited
    listen: Listen
    planned: int | None
    files: Sequence[str | Sequence[str] | None]

    def keep(
        self,
        model: AnyModel,
        facts: dict[str, Any],
        rows: Table,
        answers: Callable[[AnyModel], pl.DataFrame],
        apart: Sequence[str] = (),
        beside: Callable[[AnyModel], None] | None = None,
    ) -> dict[str, Any]:
        """Write the folder; what was saved is read back before the run says that it is done.

        rows: that the model learned from. answers: of the model that was read back, for
        ``predictions.parquet``. apart: facts that stay out of the model file. beside: writes what
        else the folder holds.
        Returns the facts with ``files`` and ``limits``. Raises OptionError where a file cannot be
        written, ModelFileError where the model's own answers are not those of before.
        """
        self.listen("stage", name="save")
        folder = self.folder
        facts["files"] = {**FILES, **facts.get("files", {})}
        facts["limits"] = self._limits()
        card = {name: own for name, own in facts.items() if name not in (*NOT_IN_CARD, *apart)}
        read = [one for one in self.files if one is not None]
        save(folder.model, model, without_places(card, read), rows, force=True)
        read_back = restore(folder.model).model
        write_table(folder.predictions, answers(read_back), force=True)
        if beside is not None:
            beside(read_back)
        self.listen("stage", name="report")
        facts["limits"] = self._limits()
        write_page(facts, folder.report, language())
        facts["limits"] = self._limits()
        write_json(folder.result, facts, force=True)
        self.listen("done", seconds=round(self.budget.spent(), 3))
        folder.finish(facts["files"].values())
        return facts

    def _limits(self) -> dict[str, Any]:
        return limits(self.options, self.budget, self.planned)


def limits(options: Limited, budget: Budget, planned: int | None) -> dict[str, Any]:
    """The ``limits`` of result.json: seconds and bytes, asked for, planned and used so far."""
    return {
        "time_limit": options.seconds,
        "seconds": round(budget.spent(), 3),
        "memory_limit": options.memory_bytes,
        "peak_memory_bytes": peak_memory(),
        "planned_memory_bytes": planned,
    }
