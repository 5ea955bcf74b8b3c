"""`zenml logs`: what the steps of a run printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, json_option, print_json
from zenml.client.client import Client
from zenml.client.resolving import find_step
from zenml.client.step_reference import find_references
from zenml.errors import NotFoundError
from zenml.records.ids import short
from zenml.views.step_view import StepView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.store.store import Store
    from zenml.views.run_view import RunView


@click.command(cls=Command, example="zenml logs nightly train")
@click.argument("run")
@click.argument("step", required=False)
@json_option
def logs(run: str, step: str | None, *, as_json: bool) -> None:
    """Print what the steps of RUN printed, or only STEP.

    A step that was tried several times has a log for each attempt. JSON: run, run_id, and logs,
    each with step, attempt and text.
    """
    client = Client()
    view = client.get_pipeline_run(run)
    name = find_step(view, step).name if step is not None else None
    attempts = [
        StepView(record, view, client.store)
        for record in view.attempts
        if name is None or record.invocation_id == name
    ]
    written = [attempt for attempt in attempts if attempt.logs is not None]
    if as_json:
        print_json({"run": view.name, "run_id": view.id, "logs": [_shape(attempt) for attempt in written]})
    elif not written:
        click.echo(_nothing(view, name, attempts, client.store), err=True)
    else:
        _print(written, with_headers=name is None or len(written) > 1)


def _print(written: Sequence[StepView], *, with_headers: bool) -> None:
    """Print logs as they are, each below a line that names its step if there may be several."""
    for number, attempt in enumerate(written):
        if with_headers:
            which = f", attempt {attempt.record.attempt}" if attempt.record.attempt > 1 else ""
            click.secho(f"{'' if number == 0 else os.linesep}==> {attempt.name}{which} <==", bold=True)
        if attempt.logs is not None:
            with open(attempt.logs.uri, encoding="utf-8", errors="backslashreplace") as file:
                for line in file:
                    click.echo(line, nl=False)


def _nothing(run: RunView, step: str | None, attempts: Sequence[StepView], store: Store) -> str:
    """Return why there is nothing to print."""
    if step is None:
        return f"No step of run `{run.name}` printed anything."
    record = attempts[-1].record
    if record.cached_from is None:
        return f"Step `{step}` of run `{run.name}` printed nothing."
    source = find_references(store, [record.cached_from]).get(record.cached_from)
    if source is None:
        raise NotFoundError(
            f"Step `{step}` of run `{run.name}` was cached, and the run that computed it was deleted with its log."
        )
    return (
        f"Step `{step}` of run `{run.name}` was cached. It was computed in run `{source.run}`: "
        f"zenml logs {short(source.run_id)} {source.step}"
    )


def _shape(attempt: StepView) -> dict[str, Any]:
    return {"step": attempt.name, "attempt": attempt.record.attempt, "text": str(attempt.logs or "")}
