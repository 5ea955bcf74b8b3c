"""The steps of a run as a tree: what waited for what, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.cli.style import MARKS, painted
from zenml.cli.tables import display_width, shorten
from zenml.execute.reporter import count, duration, progress_text
from zenml.records.ids import microseconds_now, short
from zenml.views.failure_panel import cause
from zenml.views.step_tree import Call, Row, arrange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zenml.client.step_reference import StepReference
    from zenml.records.plan import Plan
    from zenml.records.run import StepRun
    from zenml.views.run_view import RunView

ALIKE = 50
"""From so many calls of one step on, they are one line."""
NAMED_FAILURES = 5
"""Failed calls below such a line that are named."""
WIDEST_LABEL = 60
WIDEST_CAUSE = 120


def tree_lines(run: RunView, references: Mapping[str, StepReference]) -> list[str]:
    """Return the tree of a run.

    Args:
        run: the run.
        references: where cached steps have their results from, by id of step run.
    """
    drawn = arrange(_calls(run), alike=ALIKE)
    labels = [f"{prefix}{_mark(row)} {row.label}" for prefix, row in drawn]
    widest = min(WIDEST_LABEL, max((display_width(label) for label in labels), default=0))
    lines: list[str] = []
    for (prefix, row), label in zip(drawn, labels, strict=True):
        text = shorten(label, max(widest, display_width(prefix) + 12))
        padding = " " * (widest - display_width(text))
        lines.append(
            f"{_painted_label(prefix, text, row)}{padding}  {_details(row, run, references)}".rstrip()
        )
        lines += _failures_below(prefix, row)
    return lines


def plan_lines(plan: Plan) -> list[str]:
    """Return the tree of what a plan would do, with what is special about a step."""
    definitions = {one.id: plan.definitions[one.definition] for one in plan.invocations}
    lines = []
    for prefix, row in arrange([Call(one.id, one.upstream()) for one in plan.invocations], alike=ALIKE):
        definition = definitions[row.calls[0].id]
        said = [count(len(row.calls), "step")] if len(row.calls) > 1 else []
        said += ["isolated"] if definition.options.runtime == "isolated" else []
        said += [] if definition.options.enable_cache else ["not cached"]
        given = ", ".join(f"{output.name}: {output.type}" for output in definition.outputs)
        lines.append("  ".join([f"{prefix}{row.label}", *([f"→ {given}"] if given else []), *said]))
    return lines


def _calls(run: RunView) -> list[Call]:
    """Return all calls of a run: those that began in that order, then those of the plan that did not."""
    begun = {step.invocation_id: step for step in run.attempts}
    calls = [Call(name, step.invocation.upstream(), step) for name, step in begun.items()]
    waiting = [one for one in run.plan.invocations if one.id not in begun]
    return calls + [Call(one.id, one.upstream()) for one in waiting]


def _mark(row: Row) -> str:
    return MARKS.get(_status(row.calls), MARKS["waiting"])


def _painted_label(prefix: str, label: str, row: Row) -> str:
    mark = _mark(row)
    return prefix + painted(_status(row.calls), mark) + label[len(prefix) + len(mark) :]


def _status(calls: Iterable[Call]) -> str:
    """Return the state that matters most to a reader."""
    states = {call.status for call in calls}
    order = (
        "failed",
        "interrupted",
        "stopped",
        "running",
        "retrying",
        "skipped",
        "waiting",
        "completed",
        "cached",
    )
    return next((state for state in order if state in states), "waiting")


def _details(row: Row, run: RunView, references: Mapping[str, StepReference]) -> str:
    """Return what is said of a row beside its name."""
    if len(row.calls) > 1:
        return _summary(row.calls)
    step = row.calls[0].step
    if step is None:
        return painted("waiting", "waiting" if run.record.ended_at is None else "did not start")
    said = []
    if step.status not in ("cached", "skipped", "retrying"):
        end = step.ended_at
        said.append(duration(step.started_at, microseconds_now() if end is None else end))
    if step.attempt > 1 and step.status != "retrying":
        said.append(f"attempt {step.attempt}")
    if step.status == "cached":
        said.append(painted("cached", _cached_text(step, references)))
    elif step.status == "running" and step.id in run.progress:
        said.append(f"{painted('running')}  {progress_text(run.progress[step.id])}")
    elif step.status == "failed":
        said.append(painted("failed", shorten(cause(step.failure), WIDEST_CAUSE)))
    elif step.status != "completed":
        said.append(painted(step.status) + (f": {step.reason}" if step.reason else ""))
    elif step.reason:
        said.append(f"({step.reason})")
    if step.child_run_id is not None:
        said.append(f"run {short(step.child_run_id)}")
    return "  ".join(said)


def _cached_text(step: StepRun, references: Mapping[str, StepReference]) -> str:
    reference = references.get(step.cached_from or "")
    if reference is None:
        return "cached"
    where = f"step `{reference.step}`" if reference.run_id == step.run_id else f"run `{reference.run}`"
    return f"cached from {where}"


def _summary(calls: Sequence[Call]) -> str:
    """Return the number of calls in each state, and how long it took from the first to the last."""
    states: dict[str, int] = {}
    for call in calls:
        states[call.status] = states.get(call.status, 0) + 1
    counts = ", ".join(painted(state, f"{number} {state}") for state, number in states.items())
    begun = [call.step for call in calls if call.step is not None]
    ends = [step.ended_at for step in begun if step.ended_at is not None]
    took = f"  {duration(min(step.started_at for step in begun), max(ends))}" if ends else ""
    return f"{count(len(calls), 'step')}: {counts}{took}"


def _failures_below(prefix: str, row: Row) -> list[str]:
    """Return the failed calls of a row of many."""
    if len(row.calls) == 1:
        return []
    indent = " " * display_width(prefix) + "    "
    failed = [call.step for call in row.calls if call.step is not None and call.step.status == "failed"]
    lines = [
        f"{indent}{painted('failed', MARKS['failed'])} {step.invocation_id}  {painted('failed', shorten(cause(step.failure), WIDEST_CAUSE))}"
        for step in failed[:NAMED_FAILURES]
    ]
    if len(failed) > NAMED_FAILURES:
        lines.append(f"{indent}… and {len(failed) - NAMED_FAILURES} more failed")
    return lines
