"""`zenml step show`: one step of a run, with what it was given, what it made, and its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_run, complete_step
from zenml.cli.run_commands import cached_references
from zenml.cli.shapes import failure_shape, step_shape, usage_shape
from zenml.cli.style import iso_time, local_time, painted, readable, used_text
from zenml.cli.tables import table, terminal_width
from zenml.client.input_changes import shown_value
from zenml.client.resolving import find_run, find_step
from zenml.records.ids import short
from zenml.records.plan import Value
from zenml.reporting.reporter import duration
from zenml.store.opening import open_store
from zenml.views.failure_panel import cause, last_lines
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.client.step_reference import StepReference
    from zenml.records.plan import StepOptions
    from zenml.records.run import StepRun
    from zenml.views.artifact_view import ArtifactView
    from zenml.views.step_view import StepView

LOG_LINES = 10


@click.command(cls=Command, example="zenml step show nightly train")
@click.argument("run", shell_complete=complete_run)
@click.argument("step", shell_complete=complete_step)
@json_option
def show(run: str, step: str, *, as_json: bool) -> None:
    """Show STEP of RUN: its arguments, outputs, options, attempts, and the end of its log.

    STEP is its id inside the run, as `zenml run show` lists it.
    """
    store = open_store()
    view = RunView(find_run(store, run), store)
    found = find_step(view, step)
    references = cached_references(view, store)
    if as_json:
        producer = found.record.cached_from or found.record.id
        print_json({**step_shape(found, references, store.outputs_of([producer])), **_more(found)})
    else:
        print_lines(_lines(found, references))


def _more(step: StepView) -> dict[str, Any]:
    """Return what `run show` does not tell of a step.

    source: file and line of the function; parameters, as stored JSON by name; inputs, by argument the
    artifacts, each id, name, version; options, those that are not the default; cache_key; metadata;
    attempts, each number, status, started_at, ended_at, cpu_seconds, peak_memory, memory_guard, reason, failure.
    """
    source = step.definition.source
    return {
        "source": {"module": source.module, "name": source.name, "file": source.file, "line": source.line},
        "parameters": {name: msgspec.json.decode(raw) for name, raw in _parameters(step.record)},
        "inputs": {
            name: [{"id": one.id, "name": one.name, "version": one.version} for one in given]
            for name, given in _inputs(step)
        },
        "options": _options(step.definition.options),
        "cache_key": step.cache_key,
        "metadata": step.run_metadata,
        "attempts": [
            {
                "number": one.attempt,
                "status": one.status,
                "started_at": iso_time(one.started_at),
                "ended_at": iso_time(one.ended_at),
                **usage_shape(one),
                "reason": one.reason,
                "failure": failure_shape(one.failure),
            }
            for one in _attempts(step)
        ],
    }


def _lines(step: StepView, references: Mapping[str, StepReference]) -> list[str]:
    record, source = step.record, step.definition.source
    where = f"{source.dotted}" + (f", {source.file}:{source.line}" if source.file else "")
    rows = [
        ("Step", f"{record.invocation_id} of run {step.run.name} ({short(step.run.id)})"),
        ("Id", f"{short(record.id)} ({record.id})"),
        ("Status", painted(record.status) + (f": {record.reason}" if record.reason else "")),
        ("Function", where),
        ("Started", local_time(record.started_at)),
    ]
    if record.ended_at is not None:
        rows.append(("Duration", duration(record.started_at, record.ended_at)))
    if used := used_text(record):
        rows.append(("Used", used))
    reference = references.get(record.cached_from or "")
    if reference is not None:
        rows.append(("Cached", f"from step {reference.step} of run {reference.run}"))
    given = [(name, shown_value(name, raw)) for name, raw in _parameters(record)]
    given += [(name, ", ".join(map(_artifact, made))) for name, made in _inputs(step)]
    rows += _rows("Arguments", given)
    rows += _rows("Outputs", [(name, _artifact(made)) for name, made in step.outputs.items()])
    rows += _rows(
        "Options", [(name, str(value)) for name, value in _options(step.definition.options).items()]
    )
    rows += _rows("Metadata", [(name, str(value)) for name, value in step.run_metadata.items()])
    attempts = _attempts(step)
    if len(attempts) > 1:
        rows += _rows("Attempts", [(str(one.attempt), _told(one)) for one in attempts], " ")
    lines = table((), rows, width=terminal_width(), cut=(1,))
    if record.failure is not None:
        lines += ["", painted("failed", cause(record.failure))]
    logs = step.logs
    if logs is not None:
        whole = f"zenml logs {short(step.run.id)} {record.invocation_id}"
        lines += [
            "",
            f"The end of its log ({whole}):",
            *(f"  {one}" for one in last_lines(logs.uri, LOG_LINES)),
        ]
    return lines


def _rows(heading: str, named: list[tuple[str, str]], between: str = " = ") -> Iterator[tuple[str, str]]:
    for number, (name, text) in enumerate(named):
        yield ("" if number else heading), f"{name}{between}{text}"


def _artifact(artifact: ArtifactView) -> str:
    return f"{artifact.name}@{artifact.version} ({artifact.data_type}, {readable(artifact.size)})"


def _told(attempt: StepRun) -> str:
    took = f" in {duration(attempt.started_at, attempt.ended_at)}" if attempt.ended_at is not None else ""
    failed = f": {cause(attempt.failure)}" if attempt.failure is not None else ""
    used = used_text(attempt)
    return f"{painted(attempt.status)}{took}{f' ({used})' if used else ''}{failed}"


def _parameters(step: StepRun) -> list[tuple[str, msgspec.Raw]]:
    return [(name, given.data) for name, given in step.invocation.inputs.items() if isinstance(given, Value)]


def _inputs(step: StepView) -> list[tuple[str, list[ArtifactView]]]:
    return [(name, made if isinstance(made, list) else [made]) for name, made in step.inputs.items()]


def _options(options: StepOptions) -> dict[str, Any]:
    """Return the options that were set to something else than the default."""
    return {name: value for name, value in msgspec.to_builtins(options).items() if value != {}}


def _attempts(step: StepView) -> list[StepRun]:
    return [one for one in step.run.attempts if one.invocation_id == step.record.invocation_id]
