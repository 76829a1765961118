"""Inspect: what the columns of a source hold and what training on them would need."""

from __future__ import annotations

from typing import Any

from deeplode.aim import aimed
from deeplode.data.schema import Roles, infer
from deeplode.evaluate.problem import Problem
from deeplode.machine import usable_threads
from deeplode.mapped import POSSIBLE
from deeplode.options import TrainOptions
from deeplode.pretrained.read import read as read_encoders
from deeplode.progress import Listen, silent
from deeplode.runfacts import SCHEMA_VERSION, source_facts
from deeplode.tasks.plan import plan
from deeplode.tasks.prepare import Plan
from deeplode.tasks.prepared import prepared, prepared_forecast
from deeplode.verbs import Source, read_table, tell


def inspect(source: Source, options: TrainOptions, listen: Listen = silent) -> dict[str, Any]:
    """Kinds, gaps, suspects and the memory plan of a source; trains nothing."""
    listen("stage", name="read")
    table = read_table(source, options, silent).without(options.drop)
    listen("stage", name="look")
    if options.target is not None or table.reading.get("target") in table.names:
        options = aimed(options, table)
    roles = Roles(options.target, options.id, options.weight, options.group, options.timestamp)
    memory = None
    if options.target is None:
        schema = infer(table, roles, options.kinds)
        notices = (*table.notices, *schema.notices)
        rows = len(table)
    else:
        split = Plan(roles, options.kinds, options.split, options.seed, options.split_column)
        given = None if options.test is None else read_table(options.test, options, silent)
        if options.horizon is not None:
            found = prepared_forecast(table, split, options.horizon)
        else:
            found = prepared(table, split, given, options.looks_back, options.memory_bytes)
        train, schema, notices = found.lesson.table, found.lesson.schema, found.notices
        code, rows = found.lesson.code, len(train) + (0 if given else len(found.test))
        held = 2 * int(table.frame.estimated_size())
        problem = Problem(code.task, code.n_classes, options.seed, usable_threads())  # type: ignore[arg-type]
        models = read_encoders(options.text_encoder, options.image_encoder, options.fine_tune)
        limit, told = options.memory_bytes, options.net()
        memory = plan(train, schema, problem, told, limit, held, models, POSSIBLE)
        notices = (*notices, *memory.notices)
    facts = source_facts(table, schema, rows)
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "inspect",
        "source": {name: facts[name] for name in ("name", "rows", "columns", "kinds")},
        "reading": dict(table.reading),
        "columns": facts["features"],
        "warnings": tell(notices, silent),
        "plan": None if memory is None else memory.as_json(),
    }
