"""`zenml schedule`: what runs by itself, when, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from zenml.cli.commands import Group, json_option, print_json, print_lines, usage_errors
from zenml.cli.completing import complete_pipeline, complete_schedule
from zenml.cli.moments import Moment
from zenml.cli.run_list import paged, say_page
from zenml.cli.schedule_changes import CHANGES
from zenml.cli.schedule_lines import NOBODY_SERVES, coming_lines, list_lines, schedule_lines, tick_lines
from zenml.cli.schedule_serve import serve_schedules
from zenml.cli.schedule_shapes import coming_shape, schedule_shape, tick_shape, whole_schedule_shape
from zenml.cli.shapes import page_shape
from zenml.client.client import Client
from zenml.config.zones import zone_named
from zenml.records.query import MAX_PAGE_SIZE

_SHOWN = 5
_HOW = (
    'No schedules yet. Make one: my_pipeline.with_options(schedule=Schedule(cron_expression="0 2 * * *"))(), or with '
    "`schedule:` in a file: zenml pipeline run MODULE:PIPELINE --config FILE"
)


@click.group(cls=Group)
def schedule() -> None:
    """Run pipelines by themselves: at times, at intervals, after other runs."""


schedule.add_command(serve_schedules)


@schedule.command("list", example="zenml schedule list")
@click.option("--pipeline", shell_complete=complete_pipeline, help="Of this pipeline.")
@paged("desc:created")
@json_option
def list_schedules(pipeline: str | None, sort: str, page: int, size: int, *, as_json: bool) -> None:
    """List the schedules, with the next run in the zone of each, and what came of the last time."""
    client = Client()
    with usage_errors():
        found = client.list_schedules(sort, page, size, pipeline_name=pipeline)
    if as_json:
        print_json(page_shape(found, schedule_shape))
    elif found.items:
        print_lines(list_lines(found.items))
    elif not found.total:
        click.echo(_HOW if pipeline is None else f"Pipeline `{pipeline}` has no schedules.", err=True)
    say_page(found, "schedule")
    if found.total and not client.store.schedules.schedulers():
        click.echo(NOBODY_SERVES, err=True)


@schedule.command(example="zenml schedule show nightly")
@click.argument("name", shell_complete=complete_schedule)
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show all that is set of NAME, what comes next, and what came of the last times."""
    client = Client()
    view = client.get_schedule(name)
    # The times of one that is set aside may be what cannot be read.
    coming = [] if view.problem is not None else view.preview(_SHOWN)
    ticks, schedulers = view.history(_SHOWN), client.store.schedules.schedulers()
    if as_json:
        print_json(whole_schedule_shape(view, coming, ticks, schedulers))
    else:
        print_lines(schedule_lines(view, coming, ticks, schedulers))


@schedule.command(example="zenml schedule preview nightly --next 5 --tz Europe/Berlin")
@click.argument("name", shell_complete=complete_schedule)
@click.option(
    "--next", "size", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many times."
)
@click.option("--tz", "timezone", metavar="ZONE", help="Show them by the clocks of this zone.")
@click.option("--after", type=Moment(), help="From when on: an ISO time; by default now.")
@json_option
def preview(name: str, size: int, timezone: str | None, after: int | None, *, as_json: bool) -> None:
    """Show the next times of NAME, paused or not; what a change of clocks does is said with each."""
    view = Client().get_schedule(name)
    if timezone is not None:
        with usage_errors():
            zone_named(timezone, "a preview")
    begin = None if after is None else datetime.fromtimestamp(after / 1e6, UTC)
    coming = view.preview(size, timezone=timezone, after=begin)
    if as_json:
        shown_in = timezone or view.timezone or "UTC"
        print_json(
            {"schedule": view.name, "timezone": shown_in, "items": [coming_shape(one) for one in coming]}
        )
    else:
        print_lines(coming_lines(coming))
    if not coming:
        event = view.record.event is not None
        why = f"it has no times; {view.coming}" if event else "nothing is to come any more"
        click.echo(f"Of schedule `{view.name}` {why}.", err=True)


@schedule.command(example="zenml schedule history nightly --size 50")
@click.argument("name", shell_complete=complete_schedule)
@click.option("--page", type=click.IntRange(1), default=1, help="Number of the page, from 1.")
@click.option(
    "--size", type=click.IntRange(1, MAX_PAGE_SIZE), default=20, show_default=True, help="Rows on a page."
)
@json_option
def history(name: str, page: int, size: int, *, as_json: bool) -> None:
    """Show what came of the times of NAME, the latest first: which run began, how late, or why none did."""
    client = Client()
    view = client.get_schedule(name)
    ticks = client.list_ticks(view.id, page=page, size=size)
    if as_json:
        items = [tick_shape(one) for one in ticks]
        print_json({"schedule": view.name, "page": page, "size": size, "items": items})
    elif ticks:
        print_lines(tick_lines(ticks, has_headings=True))
    elif page > 1:
        click.echo(f"Page {page} is empty. Begin with --page 1.", err=True)
    else:
        click.echo(f"Nothing came of schedule `{view.name}` yet: {view.coming}.", err=True)
    if len(ticks) == size and client.list_ticks(view.id, page=page * size + 1, size=1):
        click.echo(f"There is more: --page {page + 1}", err=True)
    if not client.store.schedules.schedulers():
        click.echo(NOBODY_SERVES, err=True)


for _change in CHANGES:
    schedule.add_command(_change)
