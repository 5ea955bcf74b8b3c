"""The steps of a run as a tree: what waited for what, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.cli.style import MARKS, painted, used_text
from zenml.cli.tables import display_width, shorten
from zenml.client.step_reference import find_references
from zenml.records.ids import microseconds_now, short
from zenml.reporting.reporter import count, duration, progress_text
from zenml.views.failure_panel import cause
from zenml.views.step_states import CELLS, SIGNS, strip, words, worst
from zenml.views.step_tree import Call, Row, add_waiting, arrange, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.client.step_reference import StepReference
    from zenml.records.plan import Plan, StepDefinition
    from zenml.records.run import StepOutline, StepRun
    from zenml.store.store import Store
    from zenml.views.run_view import RunView

ALIKE = 50
"""From so many calls of one step on, they are one line."""
NAMED_FAILURES = 5
"""Failed calls below such a line that are named."""
WIDEST_LABEL = 60
WIDEST_CAUSE = 120
ALL = "*"
"""What unfolds every line of many."""


class TreeLines:
    """The lines of a run's tree.

    Args:
        run: the run.
        store: where the results of cached steps come from.
        unfold: the map or step whose calls are listed one by one, or `ALL`.
        has_strips: whether a line of many has a strip below it, as a terminal can show.
    """

    def __init__(
        self, run: RunView, store: Store, *, unfold: str | None = None, has_strips: bool = False
    ) -> None:
        self._run = run
        self._unfold = unfold
        self._has_strips = has_strips
        self._drawn = arrange(run.calls, alike=ALIKE)
        add_waiting(self._drawn, run.waiting)
        listed = [call for _, row in self._drawn if self._is_listed(row) for call in row.calls]
        cached = [call.step.cached_from for call in listed if call.step and call.step.cached_from]
        self._references = find_references(store, cached) if cached else {}

    @property
    def folded(self) -> list[str]:
        """The names by which what is one line can be unfolded."""
        return [_name_of(row) for _, row in self._drawn if not self._is_listed(row) and row.calls]

    @property
    def has_unfolded(self) -> bool:
        """Whether there was something to unfold."""
        return any(row.group is not None and self._is_listed(row) for _, row in self._drawn)

    def lines(self) -> list[str]:
        """Return the lines, painted."""
        labels = [f"{prefix}{_mark(row)} {row.label}" for prefix, row in self._drawn]
        widest = min(WIDEST_LABEL, max((display_width(label) for label in labels), default=0))
        found: list[str] = []
        for (prefix, row), label in zip(self._drawn, labels, strict=True):
            text = shorten(label, max(widest, display_width(prefix) + 12))
            padding = " " * (widest - display_width(text))
            found.append(f"{_painted_label(prefix, text, row)}{padding}  {self._details(row)}".rstrip())
            found += self._below(" " * display_width(prefix) + "    ", row)
        return found

    def _is_listed(self, row: Row) -> bool:
        """Tell whether each call of a row has a line."""
        return row.group is None or self._unfold in (ALL, _name_of(row), row.label)

    def _details(self, row: Row) -> str:
        """Return what is said of a row beside its name."""
        if row.group is not None:
            return self._summary(row)
        return self._of_call(row.calls[0])

    def _of_call(self, call: Call) -> str:
        step = call.step
        if step is None:
            return painted("waiting", "waiting" if self._run.record.ended_at is None else "did not start")
        said = []
        if step.status not in ("cached", "skipped", "retrying"):
            end = step.ended_at
            said.append(duration(step.started_at, microseconds_now() if end is None else end))
        if "resources" in self._run.definition(step.definition).options.settings and (
            used := used_text(step)
        ):
            said.append(used)
        if step.attempt > 1 and step.status != "retrying":
            said.append(f"attempt {step.attempt}")
        if step.status == "cached":
            said.append(painted("cached", _cached_text(step, self._run.id, self._references)))
        elif step.status == "running" and step.id in self._run.progress:
            said.append(f"{painted('running')}  {progress_text(self._run.progress[step.id])}")
        elif step.status == "failed":
            handled = "handled: " if self._run.record.status == "completed" else ""
            said.append(painted("failed", handled + shorten(cause(step.failure), WIDEST_CAUSE)))
        elif step.status != "completed":
            said.append(painted(step.status) + (f": {step.reason}" if step.reason else ""))
        elif step.reason:
            said.append(f"({step.reason})")
        if step.child_run_id is not None:
            said.append(self._child(step))
        return "  ".join(said)

    def _child(self, step: StepRun | StepOutline) -> str:
        """Return which run a call of a pipeline is, and how its steps stand."""
        counts = self._run.counts_of_children.get(step.child_run_id or "", {})
        told = words(counts, run_status=step.status)
        listed = ", ".join(painted(state, text) for state, text in told.items())
        return f"run {short(step.child_run_id or '')}" + (f": {listed}" if listed else "")

    def _summary(self, row: Row) -> str:
        """Return the number of calls in each state, how long they took in all, and the slowest."""
        if row.counts == {"waiting": 1} and not row.is_map:
            return painted("waiting")
        told = words(row.counts, run_status=self._run.record.status)
        counts = ", ".join(painted(state, text) for state, text in told.items())
        noun = "element" if row.is_map else "step"
        return "  ".join([f"{count(row.total, noun)}: {counts}", *_times(row)])

    def _below(self, indent: str, row: Row) -> list[str]:
        """Return what stands below a row of many: a strip, and the calls that failed, or all of them."""
        if row.group is None:
            return []
        lines = [indent + _painted_strip(row)] if self._has_strips and len(row.calls) > 1 else []
        if self._is_listed(row):
            listed = row.calls
        else:
            listed = [call for call in row.calls if call.status == "failed"]
        shown = listed if self._is_listed(row) else listed[:NAMED_FAILURES]
        widest = max((display_width(call.id) for call in shown), default=0)
        for call in shown:
            mark = painted(call.status, MARKS.get(call.status, MARKS["waiting"]))
            padding = " " * (widest - display_width(call.id))
            lines.append(f"{indent}{mark} {call.id}{padding}  {self._of_call(call)}".rstrip())
        if len(listed) > len(shown):
            lines.append(f"{indent}… and {len(listed) - len(shown)} more failed")
        return lines


def _name_of(row: Row) -> str:
    """Return the name by which a row of many is unfolded."""
    return row.label if row.is_map else family_of(row.calls[0].id if row.calls else row.label)


def plan_lines(plan: Plan) -> list[str]:
    """Return the tree of what a plan would do, with what is special about a step."""
    definitions = {one.id: plan.definitions[one.definition] for one in plan.invocations}
    calls = [Call(one.id, one.upstream(), map=one.map) for one in plan.invocations]
    return _declared_lines(calls, definitions.__getitem__)


def step_lines(run: RunView) -> list[str]:
    """Return the tree of the steps of a run, with what is special about them, and not what became of them."""
    digests = {one.id: one.definition for one in run.stored_plan.invocations}
    digests |= {call.id: call.step.definition for call in run.calls if call.step is not None}
    return _declared_lines(run.calls, lambda call_id: run.definition(digests[call_id]))


def _declared_lines(calls: list[Call], definition_of: Callable[[str], StepDefinition]) -> list[str]:
    lines = []
    for prefix, row in arrange(calls, alike=ALIKE):
        definition = definition_of(row.calls[0].id)
        said = [] if row.group is None else [count(row.total, "element" if row.is_map else "step")]
        said += ["isolated"] if definition.options.runtime == "isolated" else []
        said += [] if definition.options.enable_cache else ["not cached"]
        given = ", ".join(f"{output.name}: {output.type}" for output in definition.outputs)
        lines.append("  ".join([f"{prefix}{row.label}", *([f"→ {given}"] if given else []), *said]))
    return lines


def _mark(row: Row) -> str:
    return MARKS.get(worst(row.counts), MARKS["waiting"])


def _painted_label(prefix: str, label: str, row: Row) -> str:
    mark = _mark(row)
    return prefix + painted(worst(row.counts), mark) + label[len(prefix) + len(mark) :]


def _cached_text(step: StepRun | StepOutline, run_id: str, references: Mapping[str, StepReference]) -> str:
    reference = references.get(step.cached_from or "")
    if reference is None:
        return "cached"
    where = f"step `{reference.step}`" if reference.run_id == run_id else f"run `{reference.run}`"
    return f"cached from {where}"


def _times(row: Row) -> list[str]:
    """Return how long calls took from the first to the last, and the slowest of them."""
    begun = [call.step for call in row.calls if call.step is not None and call.status != "cached"]
    ended = [step for step in begun if step.ended_at is not None and step.status != "skipped"]
    if not ended:
        return []
    took = duration(min(step.started_at for step in begun), max(step.ended_at or 0 for step in ended))
    slowest = max(ended, key=lambda step: (step.ended_at or 0) - step.started_at)
    which = f"slowest {duration(slowest.started_at, slowest.ended_at)} ({slowest.invocation_id})"
    return [took, which] if len(ended) > 1 else [took]


def _painted_strip(row: Row) -> str:
    """Return where among the calls which states are."""
    cells = strip(row.ranks, CELLS)
    parts: list[tuple[str, str]] = []
    for state in cells:
        if parts and parts[-1][0] == state:
            parts[-1] = state, parts[-1][1] + SIGNS[state]
        else:
            parts.append((state, SIGNS[state]))
    return "".join(text if state == "waiting" else painted(state, text) for state, text in parts)
