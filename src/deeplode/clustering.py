"""Clustering: read, encode, form groups, name them, save, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deeplode.aim import bare
from deeplode.clusteroptions import ClusterOptions
from deeplode.data.measure import fingerprint
from deeplode.data.schema import Roles, Schema, infer
from deeplode.data.table import Table
from deeplode.groupfacts import facts_of
from deeplode.keeping import Keeping
from deeplode.linking import read_edges
from deeplode.partitioning import Formed, partitioned
from deeplode.progress import Listen, silent
from deeplode.runfacts import source_name
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget
from deeplode.tail import tail
from deeplode.tasks.cluster import Clustered, Settings, check_rows, cluster
from deeplode.tasks.clustermodel import Assigned
from deeplode.tasks.grouproom import graph_room, room
from deeplode.verbs import RunResult, Source, read_to_run, tell

# Facts that stay out of a model file.
OF_ROWS = ("map", "periods", "drawing", "central", "communities")


def run(
    source: Source,
    options: ClusterOptions,
    listen: Listen = silent,
    budget: Budget | None = None,
) -> RunResult:
    """Look for groups of like rows and leave a run folder.

    budget: what the run may use; from the options and the start of the process if not given.
    Raises DeeplodeError, with nothing left behind, when no model can be made.
    """
    with running(options, source_name(source), "cluster", listen, budget) as begun:
        facts = _Run(source, options, begun.folder, begun.budget, begun.log, begun.threads).all()
    return RunResult(begun.folder.path, facts, begun.budget.stop() == "interrupt")


@dataclass(frozen=True)
class _Run:
    """One search, step by step."""

    source: Source
    options: ClusterOptions
    folder: RunFolder
    budget: Budget
    listen: Listen
    threads: int

    def all(self) -> dict[str, Any]:
        """Everything from the source to the report; returns the facts."""
        self.listen("stage", name="read")
        told = self.options
        named = (told.target, told.id, told.timestamp, *(told.kinds or ()))
        table = bare(read_to_run(self.source, told), named)
        files = [one for one in (self.source, told.edges, told.features) if one is not None]
        self.folder.remember(told.as_json(), [*map(fingerprint, files)], resume=told.resume)
        check_rows(table, told.wanted)
        schema = schema_of(table, told)
        if schema.id is not None:
            table = table.with_ids(schema.id)
        budget = self.budget.until(tail(told.seconds))
        if told.edges is None:
            planned = room(table, schema, told.memory_bytes)
            found = self.grouped(table, schema, budget)
        else:
            ends = read_edges(told.edges, told)
            planned = graph_room(table, ends, schema, told.memory_bytes)
            found = partitioned(table, ends, schema, told, budget, self.listen)
        notices = (*table.notices, *schema.notices, *found.notices)
        found.facts["warnings"] = tell(notices, self.listen)
        keeping = Keeping(self.folder, self.budget, told, self.listen, planned, files)
        return keeping.keep(found.model, found.facts, table, lambda _: found.frame, OF_ROWS)

    def grouped(self, table: Table, schema: Schema, budget: Budget) -> Formed:
        """Groups of like rows."""
        told, checkpoint = self.options, self.folder.checkpoint
        settings = Settings(told.seed, self.threads, told.wanted, told.most_bad, checkpoint)
        found = cluster(table, schema, settings, budget, self.listen)
        self.listen("stage", name="traits")
        return formed(found, table, schema, told, budget)


def schema_of(table: Table, told: ClusterOptions) -> Schema:
    """The kinds of the columns; those with a role form no group. Linked rows need no column."""
    roles = Roles(told.target, told.id, None, None, told.timestamp)
    return infer(table, roles, told.kinds, bare=told.edges is not None)


def formed(
    found: Clustered, table: Table, schema: Schema, told: ClusterOptions, budget: Budget
) -> Formed:
    """Groups with their facts and what the model says of the rows."""
    facts = facts_of(found, table, schema, told, budget.stop)
    answers = Assigned(found.probabilities, found.labels, found.encoded.flags)
    frame = found.model.frame(table.ids, answers)
    return Formed(found.model, found.labels, frame, facts, found.notices)
