"""`zenml run replay`: say what differs since the run, reproduce it, say what came out otherwise."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, is_verbose, json_option, print_json, print_lines, quiet_option
from zenml.cli.completing import complete_run
from zenml.cli.pipeline_run import output_for_people, run_since
from zenml.cli.resume_command import changes_lines
from zenml.cli.run_commands import cached_references
from zenml.cli.shapes import replay_shape, whole_run_shape
from zenml.declare.replay_request import ReplayRequest, Typed
from zenml.declare.replaying import carry_out, prepare
from zenml.records.ids import new_id, short
from zenml.reporting import screen
from zenml.store.opening import open_store
from zenml.views.asking import asking_text
from zenml.views.failure_panel import failure_panel
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.declare.replaying import PreparedReplay
    from zenml.store.store import Store

_OF_STEP = re.compile(r"(.+?)\.([^\W\d]\w*)=(.*)", re.DOTALL)
"""An argument of a step: `train.rate=0.1`; an id such as `train['a.b']` may have dots too."""


@click.command(cls=Command, example="zenml run replay nightly --skip load --input rate=0.1")
@click.argument("run", default="latest", shell_complete=complete_run)
@click.option(
    "--skip",
    multiple=True,
    metavar="STEP",
    help="A call, or a step, whose recorded outputs are taken. May be repeated.",
)
@click.option("--skip-successful-steps", is_flag=True, help="Take the outputs of everything that succeeded.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another argument of the pipeline. May be repeated.",
)
@click.option(
    "--step-input",
    "step_inputs",
    multiple=True,
    metavar="STEP.NAME=VALUE",
    help="Another argument of a call, or of all calls of a step. May be repeated.",
)
@quiet_option
@json_option
def replay(
    run: str,
    *,
    skip: tuple[str, ...],
    skip_successful_steps: bool,
    inputs: tuple[str, ...],
    step_inputs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Reproduce RUN, by default the latest, as a new run: the source of now, its arguments and options of then.

    Everything is executed but what is skipped; then the outputs are compared with those of RUN. VALUE is read as
    its annotation asks. The status is 0 if the new run completed, whatever its outputs are, else 1.
    """
    request = ReplayRequest.read(
        skip, _read_inputs(inputs), _read_step_inputs(step_inputs), skips_successful=skip_successful_steps
    )
    store = open_store()
    with output_for_people(as_json=as_json):
        prepared = prepare(store, run, request)
        if not screen.is_quiet():
            for line in changes_lines(prepared.changes):
                click.echo(line, err=True)
        view = _carry_out(prepared, store)
    report = view.replay_report
    if as_json:
        producers = [step.record.cached_from or step.record.id for step in view.steps.values()]
        shape = whole_run_shape(view, cached_references(view, store), store.outputs_of(producers))
        print_json({**shape, "replay": None if report is None else replay_shape(report)})
    elif report is not None and not screen.is_quiet():
        both = f"{short(prepared.original.id)} {short(view.id)}"
        print_lines([*report.lines(), f"All that differs: zenml run diff {both}"])
    if view.record.status == "paused":
        if screen.is_quiet():
            click.echo(asking_text(view), err=True)
        return
    if view.record.status != "completed":
        if not screen.is_live():  # there the panel was shown when the run ended
            panel = f"\n{failure_panel(view)}\nThe whole run: zenml run show {short(view.id)}"
            click.echo(panel, err=True)
        click.get_current_context().exit(1)


def _carry_out(prepared: PreparedReplay, store: Store) -> RunView:
    """Execute a replay, and return its run whether it succeeded or not."""
    begin = new_id()
    try:
        return carry_out(prepared, store)
    except Exception as error:  # steps are the user's code
        run = run_since(store, begin, original_id=prepared.original.id)
        if run is None or run.status == "running":
            raise  # it did not begin
        if is_verbose():
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        return RunView(run, store)


def _read_inputs(given: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"`--input {text}` has no value. Write `--input NAME=VALUE`.")
        if name in found:
            raise click.UsageError(f"`--input {name}` is given twice. Give it once.")
        found[name] = Typed(value)
    return found


def _read_step_inputs(given: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        match = _OF_STEP.fullmatch(text)
        if match is None:
            raise click.UsageError(
                f"`--step-input {text}` is not an argument of a step. Write `--step-input STEP.NAME=VALUE`."
            )
        step, name, value = match.groups()
        if name in found.get(step, {}):
            raise click.UsageError(f"`--step-input {step}.{name}` is given twice. Give it once.")
        found.setdefault(step, {})[name] = Typed(value)
    return found
