"""`zenml run resume`: say what differs since the run began, execute what is missing, say what was reused."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, is_verbose, json_option, print_json, quiet_option
from zenml.cli.completing import complete_run
from zenml.cli.pipeline_run import output_for_people
from zenml.cli.run_commands import cached_references
from zenml.cli.shapes import whole_run_shape
from zenml.cli.step_commands import change_lines
from zenml.declare.resuming import carry_out, prepare
from zenml.records.ids import short
from zenml.records.run import Run, StepRun
from zenml.records.status import SUCCESSFUL
from zenml.reporting import screen
from zenml.store.opening import open_store
from zenml.views.asking import asking_text
from zenml.views.failure_panel import failure_panel
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.client.plan_changes import PlanChanges
    from zenml.declare.resuming import Prepared
    from zenml.store.store import Store

NAMED = 10
"""Steps that are named; more are counted."""


@click.command(cls=Command, example="zenml run resume nightly")
@click.argument("run", default="latest", shell_complete=complete_run)
@click.option("--detach", is_flag=True, help="Return as soon as the run goes on; it does so by itself.")
@quiet_option
@json_option
def resume(run: str, *, detach: bool, as_json: bool) -> None:
    """Execute what is missing of RUN, which was interrupted, stopped or failed; by default of the latest.

    It stays the same run, with its arguments and options. What is recorded is reused whatever the cache
    is configured to do; steps whose code or inputs changed since are executed again. The status is 0
    if it completed, else 1.
    """
    go_on(run, is_detached=detach, as_json=as_json)


def go_on(run: str, *, is_detached: bool = False, as_json: bool = False) -> None:
    """Go on with a run, and say what was reused; end with status 1 if it did not complete and is not paused."""
    store = open_store()
    with output_for_people(as_json=as_json):
        prepared = prepare(store, run)
        if not screen.is_quiet():
            for line in changes_lines(prepared.changes):
                click.echo(line, err=True)
        before = {step.id for step in store.select(StepRun, run_id=prepared.run.id)}
        view = _carry_out(prepared, store, is_detached=is_detached)
    executed = [step for step in view.attempts if step.id not in before and step.status not in _NOT_RUN]
    again = {step.invocation_id: step.reason for step in executed}
    reused = [
        name for name, step in view.steps.items() if name not in again and step.record.status in SUCCESSFUL
    ]
    if as_json:
        print_json(_shape(view, store, prepared.changes, reused, again))
    elif is_detached:
        click.echo(
            f"Run `{view.name}` goes on in the background. Follow it: zenml run watch {short(view.id)}"
        )
    elif not screen.is_quiet():
        click.echo(_told("Reused", [f"`{name}`" for name in reused]))
        listed = [f"`{name}`" + (f" ({why})" if why else "") for name, why in again.items()]
        click.echo(_told("Executed", listed))
    if view.record.status == "paused":
        if screen.is_quiet():
            click.echo(asking_text(view), err=True)
        return
    if view.record.status != "completed" and not is_detached:
        if not screen.is_live():  # there the panel was shown when the run ended
            panel = f"\n{failure_panel(view)}\nThe whole run: zenml run show {short(view.id)}"
            click.echo(panel, err=True)
        click.get_current_context().exit(1)


_NOT_RUN = ("cached", "skipped", "retrying")


def changes_lines(changes: PlanChanges) -> list[str]:
    """Return what differs between the pipeline and what the run was begun with, changed code as a diff."""
    lines = []
    for name, found in changes.code.items():
        lines += [f"The code of step `{name}` changed since:", *change_lines(found)]
    for words, names in (("New in the pipeline", changes.added), ("No longer in it", changes.removed)):
        if names:
            lines.append(_told(words, [f"`{name}`" for name in names]))
    if changes.lost:
        lines.append(_told("Options that were given as objects and could not be kept", list(changes.lost)))
    return lines


def _told(words: str, items: list[str]) -> str:
    more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
    return f"{words}: {', '.join(items[:NAMED]) or 'nothing'}{more}."


def _carry_out(prepared: Prepared, store: Store, *, is_detached: bool) -> RunView:
    """Go on with the run, and return it whether it succeeded or not."""
    try:
        return carry_out(prepared, store, in_background=is_detached)
    except Exception as error:  # steps are the user's code
        run = store.get(Run, prepared.run.id)
        if run is None or run.epoch == prepared.run.epoch or run.status == "running":
            raise  # it did not begin
        if is_verbose():
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        return RunView(run, store)


def _shape(
    view: RunView, store: Store, changes: PlanChanges, reused: list[str], executed: dict[str, str | None]
) -> dict[str, Any]:
    producers = [step.record.cached_from or step.record.id for step in view.steps.values()]
    shape = whole_run_shape(view, cached_references(view, store), store.outputs_of(producers))
    resumed = {
        "reused": reused,
        "executed": executed,
        "changed": sorted(changes.code),
        "added": list(changes.added),
        "removed": list(changes.removed),
    }
    return {**shape, "resumed": resumed}
