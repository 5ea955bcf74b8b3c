"""The list of runs, which two commands print: `zenml run list` and `zenml pipeline runs list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from zenml.cli.commands import json_option, print_json, print_lines, usage_errors
from zenml.cli.completing import complete_pipeline, complete_tag
from zenml.cli.shapes import page_shape, run_shape
from zenml.cli.style import local_time, painted
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.records.ids import microseconds_now, short
from zenml.records.query import MAX_PAGE_SIZE
from zenml.records.status import RunStatus
from zenml.reporting.reporter import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.records.query import Page
    from zenml.views.run_view import RunView

HEADINGS = ("ID", "NAME", "PIPELINE", "STATUS", "STARTED", "DURATION")


def paged(sort: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that gives a command `--sort`, with this default, `--page` and `--size`."""
    options = (
        click.option("--sort", default=sort, show_default=True, help="asc:FIELD or desc:FIELD."),
        click.option("--page", type=click.IntRange(1), default=1, help="Number of the page, from 1."),
        click.option(
            "--size",
            type=click.IntRange(1, MAX_PAGE_SIZE),
            default=20,
            show_default=True,
            help="Items on a page.",
        ),
    )
    return lambda command: _with_options(command, options)


def tag_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a list the filter `--tag`."""
    return click.option(
        "--tag",
        "tags",
        multiple=True,
        shell_complete=complete_tag,
        help="With this tag. Repeat for several, all of which it has.",
    )(command)


def list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the filters, the sort, the page and `--json` of a list of runs."""
    options = (
        click.option(
            "--status",
            multiple=True,
            type=click.Choice(get_args(RunStatus)),
            help="Repeat for several states.",
        ),
        click.option("--pipeline", shell_complete=complete_pipeline, help="Of this pipeline."),
        click.option("--name", help="Of this name; also contains:TEXT, startswith:TEXT (case counts)."),
        tag_option,
        click.option(
            "--children",
            is_flag=True,
            help="Also runs that other runs called; with --pipeline or --name they are there anyway.",
        ),
        paged("desc:created"),
        json_option,
    )
    return _with_options(command, options)


def show_runs(chosen: dict[str, Any], *, as_json: bool) -> None:
    """Print the runs that the options of `list_options` choose."""
    filters: dict[str, Any] = {
        name: chosen[name] for name in ("pipeline", "name") if chosen[name] is not None
    }
    has_children = bool(filters) or chosen["children"]
    if chosen["status"]:
        filters["status"] = chosen["status"]
    with usage_errors():
        found = Client().list_pipeline_runs(
            chosen["sort"],
            chosen["page"],
            chosen["size"],
            tags=chosen["tags"],
            children=has_children,
            **filters,
        )
    if as_json:
        print_json(page_shape(found, run_shape))
        return
    print_lines(
        table(
            HEADINGS,
            [_cells(run) for run in found.items],
            width=terminal_width(),
            cut=(1, 2),
            right=(5,),
            paint={3: painted},
        )
        if found.items
        else []
    )
    if not found.items and not found.total:
        is_filtered = filters or chosen["tags"]
        hint = "" if is_filtered else " Start one with `zenml pipeline run MODULE:PIPELINE`."
        click.echo(f"No runs{' fit' if is_filtered else ' yet'}.{hint}", err=True)
    say_page(found, "run")


def say_page(found: Page, what: str) -> None:
    """Say on standard error that there is more than this page."""
    if found.total_pages > 1:
        more = f" Next: --page {found.page + 1}" if found.page < found.total_pages else ""
        click.echo(f"Page {found.page} of {found.total_pages}, {found.total} {what}s.{more}", err=True)


def _with_options(command: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _cells(run: RunView) -> tuple[str, ...]:
    record = run.record
    end = microseconds_now() if record.ended_at is None else record.ended_at
    return (
        short(record.id),
        record.name,
        record.pipeline_name,
        record.status,
        local_time(record.created_at),
        duration(record.created_at, end),
    )
