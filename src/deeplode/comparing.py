"""Comparing: a source and options in, every combination trained, and a run folder of it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from deeplode.aim import aimed
from deeplode.data.measure import fingerprint
from deeplode.data.read import read
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.evaluate.problem import Problem
from deeplode.experiments.compare import Around, check_ranges
from deeplode.experiments.compare import compare as all_combinations
from deeplode.experiments.settings import CompareOptions
from deeplode.keeping import limits
from deeplode.machine import usable_threads
from deeplode.memory import guard
from deeplode.messages import language as chosen_language
from deeplode.output import write_json, write_text
from deeplode.progress import Listen, silent
from deeplode.report.compare import render
from deeplode.runfacts import SCHEMA_VERSION, source_facts, versions
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget, choose_device, configured
from deeplode.tail import tail
from deeplode.tasks.prepare import Plan, labelled, lesson, tested
from deeplode.verbs import RunResult, Source, tell

FILES = {"result": "result.json", "report": "report.html", "log": "log.jsonl"}


@dataclass(frozen=True)
class Comparison:
    """Training choices side by side. facts: what ``deeplode compare --json`` prints."""

    facts: dict[str, Any]

    def html(self, language: str | None = None) -> str:
        """The page, in ``en`` or ``zh``; as chosen for messages if not given."""
        return render(self.facts, language or chosen_language())

    def save(self, path: str | Path, *, language: str | None = None, force: bool = False) -> None:
        """Write the page. Raises OptionError where it cannot be, or exists (without force)."""
        write_text(path, self.html(language), force=force)


def compare(
    source: Any, options: CompareOptions | None = None, listen: Listen = silent, **settings: Any
) -> Comparison:
    """Train every combination of some choices on the same rows and say which differences are real.

    source: what ``deeplode.read`` takes. settings: the flags of ``deeplode compare``; ``vary`` has
    the values of each option::

        compare("customers.csv", target="churned", vary={"optimizer": ["sgd", "adam"]}, seeds=3)

    Leaves nothing but, where ``out`` is given, a run folder there.
    Raises DataError for data that cannot be used, OptionError for options that make no sense,
    LimitError where the limits leave no room for all nets.
    """
    options = (options or CompareOptions()).with_values(settings)
    check(options)
    if options.out is not None:
        return Comparison(run(source, options, listen).facts)
    with ExitStack() as stack:
        budget = Budget.begin(options.seconds, options.memory_bytes)
        stack.enter_context(guard(budget, lambda error: listen("fatal", error=error.as_json())))
        return Comparison(_facts(source, options, budget, listen))


def run(source: Any, options: CompareOptions, listen: Listen = silent) -> RunResult:
    """Compare and leave a run folder. Raises as ``compare`` does, with nothing left behind."""
    check(options)
    with running(options, _name(source), "compare", listen) as begun:
        folder, log, budget = begun.folder, begun.log, begun.budget
        read = [fingerprint(one) for one in (source, options.test) if one is not None]
        folder.remember(options.as_json(), read, resume=options.resume)
        facts = _facts(source, options, budget, log, folder.checkpoint)
        facts["files"] = FILES
        _keep(facts, options, folder, budget, log)
    return RunResult(folder.path, facts, budget.stop() == "interrupt")


def check(options: CompareOptions) -> None:
    """Raise OptionError for options that no data can make sense of."""
    if not options.varied:
        raise OptionError("E-OPT-125")
    if choose_device(options.device).type != "cpu" and options.device != "auto":
        raise OptionError("E-OPT-096", device=options.device)
    check_ranges(options)


def _facts(
    source: Any,
    options: CompareOptions,
    budget: Budget,
    listen: Listen,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """Read, part, train, judge. checkpoint: folder that a killed comparison goes on from."""
    listen("stage", name="read")
    table = _table(source, options)
    options = aimed(options, table)
    given = None if options.test is None else _table(options.test, options)
    listen("stage", name="split")
    plan = _plan(options)
    rows, code = labelled(table, plan)
    train, test, how, odd = tested(rows, code, plan, given)
    made, notices = lesson(train, code, plan)
    threads = options.threads or usable_threads()
    problem = Problem(code.task, code.n_classes, options.seed, threads)  # type: ignore[arg-type]
    held = sum(2 * int(one.frame.estimated_size()) for one in (table, given) if one is not None)
    learning = budget.until(tail(options.seconds))
    with configured(threads, options.seed):
        found, more = all_combinations(
            made, options, problem, learning, _finite(listen),
            Around(held, checkpoint, None if given is None else test),
        )  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "compare",
        "task": code.task,
        "target": code.name,
        "source": source_facts(table, made.schema, len(train) + len(test)),
        **found,
        "split": {**found["split"], "how": how, "test": len(test)},
        "warnings": tell((*notices, *odd, *more), listen),
        "limits": limits(options, budget, found["cost"]["bytes"]),
        "options": options.as_json(),
        "seed": options.seed,
        "versions": versions(),
        "files": {},
    }


def _plan(told: CompareOptions) -> Plan:
    """The roles and kinds that the user gave."""
    roles = Roles(told.target, told.id, told.weight, told.group, told.timestamp)
    return Plan(roles, told.kinds, told.split, told.seed)


def _table(source: Any, options: CompareOptions) -> Table:
    """The source, less the columns to drop. Raises OptionError for one that it lacks."""
    table = read(source, options)
    unknown = [name for name in options.drop if name not in table.names]
    if unknown:
        raise OptionError("E-OPT-094", column=unknown[0], source=table.source)
    return table.without(options.drop)


def _finite(listen: Listen) -> Listen:
    """Passes events on with None for numbers that are not finite: a net may have diverged."""

    def passed(event: str, /, **facts: Any) -> None:
        plain = {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in facts.items()
        }
        listen(event, **plain)

    return passed


def _keep(
    facts: dict[str, Any], options: CompareOptions, folder: RunFolder, budget: Budget, log: Listen
) -> None:
    """Write the page and the facts."""
    log("stage", name="report")
    write_text(folder.report, render(facts, chosen_language()), force=True)
    facts["limits"] = limits(options, budget, facts["cost"]["bytes"])
    write_json(folder.result, facts, force=True)
    log("done", seconds=round(budget.spent(), 3))
    folder.finish(FILES.values())


def _name(source: Source | Any) -> str:
    """What the run folder is called after."""
    first = source if isinstance(source, str) else source[0] if isinstance(source, list) else ""
    return "stdin" if first == "-" else str(first)
