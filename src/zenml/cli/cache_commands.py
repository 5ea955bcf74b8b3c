"""`zenml cache`: the stored results that steps are answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.completing import complete_run
from zenml.cli.moments import read_age
from zenml.cli.style import iso_time, readable
from zenml.cli.tables import table
from zenml.client.cached_results import invalidate_cached, list_cached
from zenml.records.ids import microseconds_now
from zenml.reporting.reporter import count, duration
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from zenml.store.cached_results import CachedResult

_SHOWN_DIGITS = 10


@click.group(cls=Group)
def cache() -> None:
    """Look at the results that steps are answered with, and take some out of use."""


@cache.command("ls", example="zenml cache ls --limit 20")
@click.option("--step", help="Of this step, by its id in the run.")
@click.option("--pipeline", help="Of this pipeline.")
@click.option("--run", help="Made by this run, by name or id.", shell_complete=complete_run)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Results at most.")
@json_option
def list_results(
    step: str | None, pipeline: str | None, run: str | None, limit: int, *, as_json: bool
) -> None:
    """List the newest results that the cache would answer with."""
    found = list_cached(open_store(), step=step, pipeline=pipeline, run=run, limit=limit)
    if as_json:
        print_json({"items": [_shape(one) for one in found]})
        return
    if not found:
        click.echo("The cache has no such results.", err=True)
        return
    now = microseconds_now()
    rows = [
        (
            one.key[:_SHOWN_DIGITS],
            one.step,
            one.pipeline,
            one.run,
            duration(one.made_at, now),
            readable(one.size),
        )
        for one in found
    ]
    print_lines(table(("KEY", "STEP", "PIPELINE", "RUN", "AGE", "SIZE"), rows, right=(4, 5)))


def _shape(one: CachedResult) -> dict[str, Any]:
    """Return a result for programs."""
    return {**msgspec.structs.asdict(one), "made_at": iso_time(one.made_at)}


@cache.command(example="zenml cache invalidate --step train_model")
@click.option("--step", help="Those of this step, by its id in the run.")
@click.option("--pipeline", help="Those of this pipeline.")
@click.option("--run", help="Those made by this run, by name or id.", shell_complete=complete_run)
@click.option("--key", help="Those whose key begins so.")
@click.option("--older-than", callback=read_age, metavar="AGE", help="Those made longer ago: 30d, 12h, 2w.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def invalidate(*, as_json: bool, **chosen: Any) -> None:
    """Take results out of use, so that the steps run again.

    What the steps made stays where it is and can still be loaded. Several options narrow it down.
    """
    if not any(chosen.values()):
        raise click.UsageError("Say which results: --step, --pipeline, --run, --key, --older-than or --all.")
    number = invalidate_cached(open_store(), **chosen)
    if as_json:
        print_json({"invalidated": number})
    else:
        click.echo(f"{count(number, 'result')} will not be used again.")
