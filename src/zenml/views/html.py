"""Views as small pieces of HTML for notebooks: self-contained, and everything of the user's escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from zenml.records.ids import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zenml.views.artifact_view import ArtifactView
    from zenml.views.run_view import RunView
    from zenml.views.step_view import StepView

MOST_ROWS = 200
"""Steps that are listed; more are counted."""
_CELL = 'style="text-align:left;padding:1px 10px 1px 0"'
_COLOURS = {"completed": "#137333", "cached": "#0b7285", "failed": "#c5221f"}


def run_html(run: RunView) -> str:
    """Return a run: its state, and its steps nested below those they wait for."""
    took = _seconds(run.duration)
    reason = f": {escape(run.reason)}" if run.reason else ""
    head = f"<b>{escape(run.name)}</b> ({short(run.id)}) {_status(run.record.status)}{reason} {took}"
    listed = list(_indented(run))
    rows = [_step_cells(step, depth) for step, depth in listed[:MOST_ROWS]]
    more = f"<div>… {len(listed) - MOST_ROWS} more steps</div>" if len(listed) > MOST_ROWS else ""
    return f"<div>{head}</div>{_table(('step', 'status', 'time', 'outputs'), rows)}{more}"


def step_html(step: StepView) -> str:
    """Return a step: its state, why it failed, its outputs."""
    head = f"<b>{escape(step.name)}</b> ({short(step.id)}) of run {escape(step.run.name)} {_status(step.record.status)}"
    failure = f"<pre>{escape(step.failure.traceback or step.failure.message)}</pre>" if step.failure else ""
    rows = [_artifact_cells(artifact, output) for output, artifact in step.outputs.items()]
    return f"<div>{head}</div>{failure}{_table(('output', 'type', 'size', 'id'), rows)}"


def artifact_html(artifact: ArtifactView) -> str:
    """Return an artifact: what it is, and what its materializer noted; the value is not loaded."""
    head = f"<b>{escape(artifact.name)}</b> version {artifact.version} ({short(artifact.id)})"
    noted = {
        "type": artifact.data_type,
        "size": f"{artifact.size} bytes",
        "digest": artifact.digest,
        **artifact.metadata,
    }
    return (
        f"<div>{head}</div>{_table((), [(escape(key), escape(str(value))) for key, value in noted.items()])}"
    )


def _indented(run: RunView) -> Iterable[tuple[StepView, int]]:
    """Yield steps with how deep they stand: below the deepest of those they wait for."""
    depths: dict[str, int] = {}
    for name, step in run.steps.items():
        above = [depths[one] for one in step.record.invocation.upstream() if one in depths]
        depths[name] = max(above, default=-1) + 1
        yield step, depths[name]


def _step_cells(step: StepView, depth: int) -> tuple[str, ...]:
    name = f'<span style="padding-left:{min(depth, 20) * 14}px">{escape(step.name)}</span>'
    took = "" if step.record.status == "cached" else _seconds(step.duration)
    outputs = ", ".join(f"{output.name}: {output.type}" for output in step.definition.outputs)
    return name, _status(step.record.status), took, escape(outputs)


def _artifact_cells(artifact: ArtifactView, output: str) -> tuple[str, ...]:
    return escape(output), escape(artifact.data_type), f"{artifact.size} bytes", short(artifact.id)


def _status(status: str) -> str:
    return f'<span style="color:{_COLOURS.get(status, "#b06000")}">{escape(status)}</span>'


def _seconds(duration: float | None) -> str:
    return "" if duration is None else f"{duration:.3f} s"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th {_CELL}>{heading}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
