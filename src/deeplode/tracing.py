"""Tracing: a source and options in, one step of a small net out, and a page of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deeplode.aim import aimed
from deeplode.data.read import read
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.experiments.settings import TraceOptions
from deeplode.experiments.trace import facts_of
from deeplode.experiments.trace import trace as one_step
from deeplode.messages import language as chosen_language
from deeplode.output import check_page_file, write_text
from deeplode.progress import Listen, silent
from deeplode.report.trace import render
from deeplode.runfacts import source_facts
from deeplode.tasks.prepare import Plan, held_out, labelled, lesson
from deeplode.verbs import tell

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Trace:
    """One step. facts: what ``deeplode trace --json`` prints."""

    facts: dict[str, Any]

    def html(self, language: str | None = None) -> str:
        """The page, in ``en`` or ``zh``; as chosen for messages if not given."""
        return render(self.facts, language or chosen_language())

    def save(self, path: str | Path, *, language: str | None = None, force: bool = False) -> None:
        """Write the page. Raises OptionError where it cannot be, or exists (without force)."""
        write_text(path, self.html(language), force=force)


def trace(
    source: Any, options: TraceOptions | None = None, listen: Listen = silent, **settings: Any
) -> Trace:
    """Show one training step of a small net on a table, layer by layer.

    source: what ``deeplode.read`` takes. settings: the flags of ``deeplode trace``::

        trace("customers.csv", target="churned", hidden=(4, 3)).save("step.html")

    Raises DataError for data that cannot be used, OptionError for options that make no sense.
    """
    options = (options or TraceOptions()).with_values(settings)
    if options.out is not None:
        check_page_file(options.out, force=options.force)
    listen("stage", name="read")
    table = _table(source, options)
    options = aimed(options, table)
    listen("stage", name="split")
    roles = Roles(options.target, options.id, None, options.group, options.timestamp)
    plan = Plan(roles, options.kinds, options.split, options.seed)
    rows, code = labelled(table, plan)
    split = held_out(rows, code, plan)
    made, notices = lesson(rows.rows(split.train), code, plan)
    if made.schema.id is not None:
        made = replace(made, table=made.table.with_ids(made.schema.id))
    listen("stage", name="trace")
    facts = {
        "schema_version": SCHEMA_VERSION,
        "verb": "trace",
        "task": code.task,
        "target": code.name,
        "classes": list(code.classes),
        "source": source_facts(table, made.schema, len(rows)),
        "split": {"how": split.how, "train": len(split.train), "test": len(split.test)},
        **one_step(made, options),
        "options": facts_of(options),
        "seed": options.seed,
        "warnings": tell(notices, listen),
        "files": {} if options.out is None else {"page": str(options.out)},
    }
    done = Trace(facts)
    if options.out is not None:
        done.save(options.out, force=options.force)
    return done


def _table(source: Any, options: TraceOptions) -> Table:
    """The source, less the columns to drop. Raises OptionError for one that it lacks."""
    table = read(source, options)
    unknown = [name for name in options.drop if name not in table.names]
    if unknown:
        raise OptionError("E-OPT-094", column=unknown[0], source=table.source)
    return table.without(options.drop)
