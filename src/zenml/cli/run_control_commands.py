"""`zenml run wait`, `run stop` and `run delete`."""

from __future__ import annotations

import getpass

import click

from zenml.cli.commands import Command, confirm, json_option, print_json
from zenml.cli.completing import complete_run
from zenml.cli.shapes import run_shape
from zenml.client.run_control import delete_runs, stop_run, wait_for_run
from zenml.records.ids import short
from zenml.records.status import AT_REST
from zenml.store.opening import open_store
from zenml.views.asking import asking_text


@click.command(cls=Command, example="zenml run wait nightly --timeout 60")
@click.argument("run", shell_complete=complete_run)
@click.option("--timeout", type=float, metavar="SECONDS", help="How long to wait at most.")
@json_option
def wait(run: str, timeout: float | None, *, as_json: bool) -> None:
    """Wait until RUN has ended, or is paused.

    The status is 0 if it completed, else 1; also 1 if the time is over first.
    """
    if timeout is not None and not timeout >= 0:
        raise click.BadParameter(
            f"{timeout:g} is no time to wait; give seconds from 0 up.", param_hint="--timeout"
        )
    view = wait_for_run(open_store(), run, timeout)
    if as_json:
        print_json(run_shape(view))
    else:
        seen = f" See: zenml run show {short(view.id)}" if view.record.status == "failed" else ""
        click.echo(f"Run `{view.name}` is {view.record.status}{_why(view.reason)}.{seen}")
    if view.record.status == "paused" and not as_json:
        click.echo(asking_text(view), err=True)
    if view.record.status not in AT_REST:
        click.echo(
            f"It has not ended within {timeout:g} s. Wait on: zenml run wait {short(view.id)}", err=True
        )
    if view.record.status != "completed":
        click.get_current_context().exit(1)


@click.command(cls=Command, example='zenml run stop nightly --reason "wrong data"')
@click.argument("run", shell_complete=complete_run)
@click.option("--force", is_flag=True, help="End its process too: SIGTERM, after 10 s SIGKILL.")
@click.option("--reason", help="Why; the run records it.")
@json_option
def stop(run: str, reason: str | None, *, force: bool, as_json: bool) -> None:
    """Ask RUN to stop.

    Its process notices within a second or two, or when the step that it runs itself has ended.
    Isolated steps are cancelled; what has completed stays. A run whose process is gone is
    interrupted at once.
    """
    said = reason or f"stopped by {getpass.getuser()}"
    outcome, view = stop_run(open_store(), run, reason=said, is_forced=force)
    if as_json:
        print_json({**run_shape(view), "outcome": outcome})
    elif outcome == "asked":
        click.echo(f"Run `{view.name}` was asked to stop. Wait for its end: zenml run wait {short(view.id)}")
    else:
        how = " (its process had to be killed)" if outcome == "killed" else ""
        click.echo(f"Run `{view.name}` is {view.record.status}{_why(view.reason)}{how}.")


@click.command(cls=Command, example="zenml run delete nightly --yes")
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(runs: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Delete RUNS with their steps, and the runs that they called.

    Runs that have not ended are refused. Artifacts stay until `zenml gc`, which keeps those that
    other runs use.
    """
    if not yes:
        confirm(f"Delete {', '.join(f'`{run}`' for run in runs)}?")
    gone = delete_runs(open_store(), runs)
    if as_json:
        print_json({"deleted": [{"id": run.id, "name": run.name} for run in gone]})
    else:
        click.echo(f"Deleted {', '.join(f'`{run.name}`' for run in gone)}. Free their artifacts: zenml gc")


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""
