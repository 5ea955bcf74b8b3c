"""The steps of a run as a tree: what waited for what, and what became of it.

A chain goes straight down. What branches is indented below its source, and a step that joins
branches again stands below the step at which they parted. Many calls of one step are one line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from zenml.cli.style import MARKS, painted
from zenml.cli.tables import display_width, shorten
from zenml.execute.reporter import count, duration
from zenml.records.ids import microseconds_now
from zenml.views.failure_panel import cause

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
_NUMBERED = re.compile(r"(?P<name>.*?)_\d+")


class Call(msgspec.Struct, frozen=True):
    """One call of a step, begun or not."""

    id: str
    upstream: tuple[str, ...]
    step: StepRun | None = None

    @property
    def status(self) -> str:
        """The state of the step run, or `waiting`."""
        return self.step.status if self.step is not None else "waiting"


class Row(msgspec.Struct):
    """A line of the tree: one call, or many calls that look alike."""

    calls: list[Call]
    label: str
    parent: Row | None = None
    depth: int = 0
    children: list[Row] = []


def tree_lines(run: RunView, references: Mapping[str, StepReference]) -> list[str]:
    """Return the tree of a run.

    Args:
        run: the run.
        references: where cached steps have their results from, by id of step run.
    """
    rows = _rows(_calls(run))
    roots = _attach(rows)
    drawn: list[tuple[str, Row]] = []
    _draw(roots, "", is_root=True, drawn=drawn)
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
    rows = _rows([Call(one.id, one.upstream()) for one in plan.invocations])
    definitions = {one.id: plan.definitions[one.definition] for one in plan.invocations}
    drawn: list[tuple[str, Row]] = []
    _draw(_attach(rows), "", is_root=True, drawn=drawn)
    lines = []
    for prefix, row in drawn:
        definition = definitions[row.calls[0].id]
        said = [count(len(row.calls), "step")] if len(row.calls) > 1 else []
        said += ["isolated"] if definition.options.runtime == "isolated" else []
        said += [] if definition.options.enable_cache else ["not cached"]
        given = ", ".join(f"{output.name}: {output.type}" for output in definition.outputs)
        lines.append("  ".join([f"{prefix}{row.label}", *([f"→ {given}"] if given else []), *said]))
    return lines


# From the run to rows


def _calls(run: RunView) -> list[Call]:
    """Return all calls of a run: those that began in that order, then those of the plan that did not."""
    begun = {step.invocation_id: step for step in run.attempts}
    calls = [Call(name, step.invocation.upstream(), step) for name, step in begun.items()]
    waiting = [one for one in run.plan.invocations if one.id not in begun]
    return calls + [Call(one.id, one.upstream()) for one in waiting]


def _rows(calls: Sequence[Call]) -> list[Row]:
    """Return one row for each call, and one for many calls of the same step."""
    families: dict[str, list[Call]] = {}
    for call in calls:
        families.setdefault(_family(call.id), []).append(call)
    rows: list[Row] = []
    for call in calls:
        family = families.get(_family(call.id), [])
        if len(family) < ALIKE:
            rows.append(Row([call], call.id))
        elif family[0] is call:
            numbered = sorted((one.id for one in family), key=lambda name: (len(name), name))
            rows.append(Row(family, f"{numbered[0]} … {numbered[-1]}"))
    return rows


def _family(call_id: str) -> str:
    numbered = _NUMBERED.fullmatch(call_id)
    return numbered["name"] if numbered else call_id


# From rows to a tree


def _attach(rows: Sequence[Row]) -> list[Row]:
    """Give each row its parent; return those without one."""
    row_of = {call.id: row for row in rows for call in row.calls}
    attached: set[int] = set()
    roots: list[Row] = []
    for row in rows:
        above = {
            id(row_of[name]): row_of[name] for call in row.calls for name in call.upstream if name in row_of
        }
        # Calls that are one row may wait for each other through others; only what stands above counts.
        row.parent = _meeting_point([one for one in above.values() if id(one) in attached])
        row.depth = row.parent.depth + 1 if row.parent is not None else 0
        (row.parent.children if row.parent is not None else roots).append(row)
        attached.add(id(row))
    return roots


def _meeting_point(sources: Sequence[Row]) -> Row | None:
    """Return the row below which a row stands that waits for `sources`: the lowest above or among them all."""
    lowest: list[Row] = []
    covered: set[int] = set()
    for source in sorted(sources, key=lambda row: -row.depth):
        if id(source) in covered:
            continue  # it stands above one that was taken
        lowest.append(source)
        above: Row | None = source
        while above is not None and id(above) not in covered:
            covered.add(id(above))
            above = above.parent
    if not lowest:
        return None
    meeting: Row | None = lowest[0]
    for other in lowest[1:]:
        meeting = _common(meeting, other)
    return meeting


def _common(one: Row | None, other: Row | None) -> Row | None:
    while one is not other:
        if one is None or other is None:
            return None
        if one.depth >= other.depth:
            one = one.parent
        else:
            other = other.parent
    return one


# From the tree to lines


def _draw(rows: Sequence[Row], indent: str, *, is_root: bool, drawn: list[tuple[str, Row]]) -> None:
    """List rows with what stands before them; the only child of a row goes straight below it."""
    stack = [(row, indent, is_root, number == len(rows) - 1) for number, row in enumerate(rows)]
    stack.reverse()
    while stack:
        row, before, is_plain, is_last = stack.pop()
        drawn.append((before if is_plain else f"{before}{'└─ ' if is_last else '├─ '}", row))
        below = before if is_plain else f"{before}{'   ' if is_last else '│  '}"
        only = len(row.children) == 1
        following = [
            (child, below, only, number == len(row.children) - 1) for number, child in enumerate(row.children)
        ]
        stack.extend(reversed(following))


def _mark(row: Row) -> str:
    return MARKS.get(_status(row.calls), MARKS["waiting"])


def _painted_label(prefix: str, label: str, row: Row) -> str:
    mark = _mark(row)
    return prefix + painted(_status(row.calls), mark) + label[len(prefix) + len(mark) :]


def _status(calls: Iterable[Call]) -> str:
    """Return the state that matters most to a reader."""
    states = {call.status for call in calls}
    order = ("failed", "interrupted", "stopped", "running", "skipped", "waiting", "completed", "cached")
    return next((state for state in order if state in states), "waiting")


def _details(row: Row, run: RunView, references: Mapping[str, StepReference]) -> str:
    """Return what is said of a row beside its name."""
    if len(row.calls) > 1:
        return _summary(row.calls)
    step = row.calls[0].step
    if step is None:
        return painted("waiting", "waiting" if run.record.ended_at is None else "did not start")
    said = []
    if step.status not in ("cached", "skipped"):
        end = step.ended_at
        said.append(duration(step.started_at, microseconds_now() if end is None else end))
    if step.attempt > 1:
        said.append(f"attempt {step.attempt}")
    if step.status == "cached":
        said.append(painted("cached", _cached_text(step, references)))
    elif step.status == "failed":
        said.append(painted("failed", shorten(cause(step.failure), WIDEST_CAUSE)))
    elif step.status != "completed":
        said.append(painted(step.status) + (f": {step.reason}" if step.reason else ""))
    elif step.reason:
        said.append(f"({step.reason})")
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
