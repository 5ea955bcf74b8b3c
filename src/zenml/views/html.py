"""Views as small pieces of HTML for notebooks: self-contained, and everything of the user's escaped."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from zenml.records.ids import short
from zenml.views.step_states import words
from zenml.views.step_tree import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zenml.views.artifact_view import ArtifactView
    from zenml.views.run_view import RunView
    from zenml.views.step_tree import Call
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
    rows = [
        _map_cells(calls, depth, run) if calls[0].map is not None else _step_cells(calls[0], depth, run)
        for calls, depth in listed[:MOST_ROWS]
    ]
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


def _indented(run: RunView) -> Iterable[tuple[list[Call], int]]:
    """Yield what is a row, a step that began or all elements of a map, with how deep it stands: below the deepest of
    those it waits for.
    """
    maps: dict[str, list[Call]] = {}
    begun = [call for call in run.calls if call.step is not None]
    for call in begun:
        if call.map is not None:
            maps.setdefault(call.map, []).append(call)
    depths: dict[str, int] = {}
    for call in begun:
        above = [depths[one] for one in call.upstream if one in depths]
        depths[call.id] = max(above, default=-1) + 1
        if call.map is None:
            yield [call], depths[call.id]
        elif maps[call.map][0] is call:
            yield in_order(maps[call.map]), depths[call.id]


def _step_cells(call: Call, depth: int, run: RunView) -> tuple[str, ...]:
    step = call.step
    if step is None:
        return _name(call.id, depth), _status(call.status), "", ""
    took = (
        "" if step.status == "cached" or step.ended_at is None else _between(step.started_at, step.ended_at)
    )
    return _name(call.id, depth), _status(step.status), took, _outputs(step.definition, run)


def _map_cells(calls: Sequence[Call], depth: int, run: RunView) -> tuple[str, ...]:
    """Return the cells of a map, which is folded: its counts, and behind them its first elements that failed."""
    steps = [call.step for call in calls if call.step is not None]
    told = words(Counter(call.status for call in calls), run_status=run.record.status)
    counts = ", ".join(_status(state, text) for state, text in told.items())
    failed = [escape(one.invocation_id) for one in steps if one.status == "failed"][:MOST_ROWS]
    summary = f"{len(calls)} elements: {counts}"
    if failed:
        summary = f"<details><summary>{summary}</summary>{'<br>'.join(failed)}</details>"
    ends = [one.ended_at for one in steps if one.ended_at is not None]
    took = _between(min(one.started_at for one in steps), max(ends)) if ends else ""
    return _name(calls[0].map or "", depth), summary, took, _outputs(steps[0].definition, run)


def _name(name: str, depth: int) -> str:
    return f'<span style="padding-left:{min(depth, 20) * 14}px">{escape(name)}</span>'


def _outputs(definition: str, run: RunView) -> str:
    return escape(", ".join(f"{output.name}: {output.type}" for output in run.definition(definition).outputs))


def _between(start: int, end: int) -> str:
    return _seconds((end - start) / 1e6)


def _artifact_cells(artifact: ArtifactView, output: str) -> tuple[str, ...]:
    return escape(output), escape(artifact.data_type), f"{artifact.size} bytes", short(artifact.id)


def _status(status: str, text: str | None = None) -> str:
    said = escape(status if text is None else text)
    return f'<span style="color:{_COLOURS.get(status, "#b06000")}">{said}</span>'


def _seconds(duration: float | None) -> str:
    return "" if duration is None else f"{duration:.3f} s"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th {_CELL}>{heading}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
