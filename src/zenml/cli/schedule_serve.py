"""`zenml schedule serve`: the process that starts what is due."""

from __future__ import annotations

import os
from datetime import datetime

import click

from zenml.cli.commands import Command
from zenml.schedule.serving import serve
from zenml.store.opening import open_store


class _Lines:
    """Writes what the scheduler does, a line each, with the time."""

    def say(self, text: str) -> None:
        """Write one line."""
        click.echo(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}")  # noqa: DTZ005  local time: people read it


@click.command("serve", cls=Command, example="zenml schedule serve")
@click.option(
    "--at-once",
    "most",
    type=click.IntRange(1, 10_000),
    default=32,
    show_default=True,
    help="How many scheduled runs go on at the same time; others begin when one has ended.",
)
def serve_schedules(*, most: int) -> None:
    """Start what is due, until Ctrl-C or SIGTERM; runs that have begun go on.

    Several of them may serve the same store, on one machine or on many: each fire happens once.
    """
    store = open_store()
    lines = _Lines()
    lines.say(f"Serving the schedules of {store.file.path} as process {os.getpid()}; Ctrl-C ends it.")
    serve(store, lines, most_at_once=most)
    lines.say("Ended. Runs that had begun go on.")
