"""`zenml schedule`: what runs by itself, when, and what became of it."""

from __future__ import annotations

import click

from zenml.cli.commands import Group
from zenml.cli.schedule_serve import serve_schedules


@click.group(cls=Group)
def schedule() -> None:
    """Run pipelines by themselves: at times, at intervals, after other runs."""


schedule.add_command(serve_schedules)
