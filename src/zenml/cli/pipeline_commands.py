"""`zenml pipeline`: running pipelines, and listing them and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import (
    LateGroup,
    config_option,
    json_option,
    print_json,
    print_lines,
    quiet_option,
    usage_errors,
)
from zenml.cli.completing import complete_file
from zenml.cli.run_list import list_options, paged, say_page, show_runs, tag_option
from zenml.cli.shapes import page_shape, run_shape
from zenml.cli.style import local_time, painted
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.store.store import Store
    from zenml.views.pipeline_view import PipelineView

    # A pipeline with the number of its runs and the newest one.
    Listed = tuple[PipelineView, int, RunView | None]


COMMANDS = {
    "show": ("zenml.cli.pipeline_show:show", "Show a pipeline and its last runs."),
    "check": ("zenml.cli.pipeline_check:check", "Check a pipeline without running it."),
    "image": (
        "zenml.cli.pipeline_image:image",
        "Show the image that steps would run in; build or export it.",
    ),
    "config": ("zenml.cli.pipeline_config:config", "Show the options that would hold; write files of them."),
}


@click.group(cls=LateGroup, table=COMMANDS)
def pipeline() -> None:
    """Run pipelines; check them, list them and their runs."""


@pipeline.command(example="zenml pipeline run flow.py:train_pipeline --param rate=0.5")
@click.argument("target", shell_complete=complete_file)
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="An argument. Repeat for several."
)
@click.option("--no-cache", is_flag=True, help="Execute every step, whatever is stored.")
@click.option(
    "--refresh", multiple=True, metavar="STEP", help="Execute this step, whatever is stored. Repeatable."
)
@click.option("--name", help="Name of the run.")
@click.option("--detach", is_flag=True, help="Return as soon as the run has begun; it goes on by itself.")
@config_option
@quiet_option
@json_option
def run(target: str, params: tuple[str, ...], **chosen: Any) -> None:
    """Run the pipeline that TARGET names.

    TARGET is `package.module:pipeline`, `module.pipeline`, `file.py:pipeline`, or `file.py` alone if
    it holds one pipeline. The status is 0 if every step succeeded, else 1.
    """
    from zenml.cli.pipeline_run import run_target

    run_target(
        target,
        params,
        name=chosen["name"],
        config_file=chosen["config_file"],
        refresh=chosen["no_cache"] or chosen["refresh"],
        is_detached=chosen["detach"],
        as_json=chosen["as_json"],
    )


@pipeline.command("list", example="zenml pipeline list --name contains:train")
@click.option("--name", help="Of this name; also contains:TEXT, startswith:TEXT (case counts).")
@tag_option
@paged("asc:name")
@json_option
def list_pipelines(name: str | None, tags: tuple[str, ...], *, as_json: bool, **chosen: Any) -> None:
    """List pipelines, with the number of their runs and the last one."""
    client = Client()
    client.store.interrupt_dead_runs()
    filters = {} if name is None else {"name": name}
    with usage_errors():
        found = client.list_pipelines(chosen["sort"], chosen["page"], chosen["size"], tags=tags, **filters)
    if as_json:
        listed = _with_runs(client.store, found.items)
        print_json(page_shape(found, lambda item: _shape(listed[item.name])))
        return
    rows = [_cells(listed) for listed in _with_runs(client.store, found.items).values()]
    headings = ("NAME", "RUNS", "LAST RUN", "STATUS", "STARTED")
    if rows:
        print_lines(
            table(headings, rows, width=terminal_width(), cut=(0, 2), right=(1,), paint={3: _paint_status})
        )
    elif not found.total:
        is_filtered = filters or tags
        hint = "" if is_filtered else " Start one with `zenml pipeline run MODULE:PIPELINE`."
        click.echo(f"No pipelines{' fit' if is_filtered else ' yet'}.{hint}", err=True)
    say_page(found, "pipeline")


@pipeline.group()
def runs() -> None:
    """Look at the runs of pipelines."""


@runs.command("list", example="zenml pipeline runs list --pipeline train_pipeline")
@list_options
def list_runs(*, as_json: bool, **chosen: Any) -> None:
    """List runs, the newest first."""
    show_runs(chosen, as_json=as_json)


def _with_runs(store: Store, items: list[PipelineView]) -> dict[str, Listed]:
    """Return the pipelines of a page by name, each with its number of runs and its newest run."""
    found = store.runs_of_pipelines([item.name for item in items])
    listed: dict[str, Listed] = {}
    for item in items:
        number, newest = found.get(item.name, (0, None))
        listed[item.name] = item, number, None if newest is None else RunView(newest, store)
    return listed


def _shape(listed: Listed) -> dict[str, Any]:
    """Return a pipeline for programs: id, name, runs (their number), last_run as in `run_shape`."""
    item, number, last = listed
    return {
        "id": item.id,
        "name": item.name,
        "runs": number,
        "last_run": run_shape(last) if last is not None else None,
    }


def _cells(listed: Listed) -> tuple[str, ...]:
    item, number, last = listed
    if last is None:
        return item.name, str(number), "", "", ""
    return item.name, str(number), last.name, last.record.status, local_time(last.record.created_at)


def _paint_status(status: str, text: str) -> str:
    return painted(status, text) if status else text
