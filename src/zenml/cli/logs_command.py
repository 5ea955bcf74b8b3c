"""`zenml logs`: what the steps of a run printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json
from zenml.cli.completing import complete_run, complete_step
from zenml.cli.moments import Moment
from zenml.client.client import Client
from zenml.client.resolving import find_step
from zenml.client.step_reference import find_references
from zenml.errors import NotFoundError
from zenml.records.ids import short
from zenml.store import owners
from zenml.views.step_view import StepView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zenml.store.store import Store
    from zenml.views.logs import StepLogs
    from zenml.views.run_view import RunView

RUN = "run"
"""Stands for a step's name above what was printed outside the steps."""


class Written(msgspec.Struct, frozen=True):
    """A log with what it belongs to."""

    step: str | None
    attempt: int
    logs: Any
    """A `StepLogs`: what a view returns."""
    ended_at: int | None

    @property
    def title(self) -> str:
        """The name that stands above it."""
        return (self.step or RUN) + (f", attempt {self.attempt}" if self.attempt > 1 else "")


@click.command(cls=Command, example="zenml logs nightly train")
@click.argument("run", shell_complete=complete_run)
@click.argument("step", required=False, shell_complete=complete_step)
@click.option("--head", type=click.IntRange(min=0), help="Only the first lines of each log.", metavar="N")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last lines of each log.", metavar="N")
@click.option("--since", type=Moment(), help="Only what was printed after: `10m`, `2h`, or a time.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is printed, until the run ends.")
@json_option
def logs(
    run: str,
    step: str | None,
    head: int | None,
    tail: int | None,
    since: int | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Print what the steps of RUN printed, or only STEP.

    A step that was tried several times has a log for each attempt; what no step printed comes last.
    JSON: run, run_id, and logs, each with step (null: outside the steps), attempt and text.
    """
    if sum((head is not None, tail is not None, follow and as_json)) > 1 or (follow and head is not None):
        raise click.UsageError("--head, --tail and --json with --follow exclude each other. Leave one out.")
    client = Client()
    view = client.get_pipeline_run(run)
    name = find_step(view, step).name if step is not None else None
    if follow:
        from zenml.cli.log_following import follow_run

        follow_run(view, name, tail=tail, since=since)
        return
    written = [one for one in logs_of(view, name) if since is None or (one.ended_at or since) >= since]
    if as_json:
        shapes = [_shape(one, head, tail, since) for one in written]
        print_json({"run": view.name, "run_id": view.id, "logs": shapes})
    elif not written:
        click.echo(_nothing(view, name, client.store), err=True)
    else:
        _print(written, head, tail, since, with_headers=name is None or len(written) > 1)


def logs_of(view: RunView, step: str | None) -> list[Written]:
    """Return the logs of a run or of one step, in the order in which the steps began."""
    found = [
        Written(record.invocation_id, record.attempt, logs, record.ended_at)
        for record in view.attempts
        if (step is None or record.invocation_id == step)
        and (logs := StepView(record, view, view._store).logs) is not None
    ]
    if step is None and view.logs is not None:
        found.append(Written(None, 1, view.logs, view.record.ended_at))
    return found


def _print(
    written: Sequence[Written], head: int | None, tail: int | None, since: int | None, *, with_headers: bool
) -> None:
    """Print logs as they are, each below a line that names its step if there may be several."""
    out = sys.stdout
    for number, one in enumerate(written):
        if with_headers:
            click.secho(f"{'' if number == 0 else chr(10)}==> {one.title} <==", bold=True)
        for text in _texts(one.logs, head, tail, since):
            out.write(text)
    out.flush()


def _texts(logs: StepLogs, head: int | None, tail: int | None, since: int | None) -> Iterator[str]:
    """Yield the part of a log that is asked for, in pieces."""
    if head is not None:
        yield from (f"{line}\n" for line in logs.head(head))
    elif tail is not None:
        yield from (f"{line}\n" for line in logs.tail(tail))
    else:
        for block in logs.blocks(since=since):
            yield b"".join(block).decode(errors="backslashreplace")


def _shape(one: Written, head: int | None, tail: int | None, since: int | None) -> dict[str, Any]:
    return {
        "step": one.step,
        "attempt": one.attempt,
        "text": "".join(_texts(one.logs, head, tail, since)),
    }


def _nothing(run: RunView, step: str | None, store: Store) -> str:
    """Return why there is nothing to print."""
    where = owners.elsewhere(store, run.record.owner_id)
    if where is not None:
        return f"Run `{run.name}` was executed on {where}. Its logs lie there: the store of a team holds no files."
    if step is None:
        return f"No step of run `{run.name}` printed anything."
    record = run.steps[step].record
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
