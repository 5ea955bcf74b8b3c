"""`zenml pipeline show`: one pipeline, its steps as they last ran, its last runs."""

from __future__ import annotations

import click

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_pipeline
from zenml.cli.run_tree import step_lines
from zenml.cli.shapes import run_shape
from zenml.cli.style import local_time, painted
from zenml.cli.tables import fitted, table, terminal_width
from zenml.client.client import Client
from zenml.records.ids import microseconds_now, short
from zenml.reporting.reporter import duration

LAST = 5
"""Runs that are listed."""


@click.command(cls=Command, example="zenml pipeline show train_pipeline")
@click.argument("name", shell_complete=complete_pipeline)
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show the pipeline NAME: its steps in the newest run, and the last runs."""
    client = Client()
    item = client.get_pipeline(name)
    found = client.list_pipeline_runs(size=LAST, pipeline_name=item.name)
    newest = found.items[0] if found.items else None
    plan = newest.stored_plan if newest else None
    calls = newest.calls if newest else []
    if as_json:
        steps = [{"id": one.id, "upstream": list(one.upstream)} for one in calls]
        print_json(
            {
                "id": item.id,
                "name": item.name,
                "doc": plan.doc if plan else None,
                "tags": item.tags,
                "runs": found.total,
                "steps": steps,
                "last_runs": [run_shape(run) for run in found.items],
            }
        )
        return
    tags = [("Tags", ", ".join(item.tags))] if item.tags else []
    lines = table((), [("Pipeline", item.name), ("Runs", str(found.total)), *tags])
    lines += ["", plan.doc.strip()] if plan and plan.doc else []
    if newest is not None and plan is not None:
        if plan.is_dynamic:
            lines += ["", "It is dynamic: these are the steps of its newest run."]
        lines += ["", *fitted(step_lines(newest), terminal_width())]
    rows = [
        (
            short(run.id),
            run.name,
            run.record.status,
            local_time(run.record.created_at),
            duration(run.record.created_at, run.record.ended_at or microseconds_now()),
        )
        for run in found.items
    ]
    print_lines([*lines, "", *table((), rows, width=terminal_width(), cut=(1,), paint={2: painted})])
