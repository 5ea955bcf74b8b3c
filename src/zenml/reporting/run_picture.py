"""What a person sees of a run at one moment, as a value; and the scene that events change and that is pictured.

`Scene` takes events in constant time and keeps counts for each row, so that a picture of ten
thousand steps costs what its rows cost. How a picture becomes text is in `drawing.py`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from zenml.records.ids import short
from zenml.records.run import StepRun
from zenml.views.failure_panel import cause
from zenml.views.step_states import ordered, rank, strip, words
from zenml.views.step_tree import Call, arrange, group_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.records.events import Progress
    from zenml.records.plan import Invocation, Plan
    from zenml.records.run import Run, StepOutline
    from zenml.views.step_tree import Row

ALIKE = 5
"""From so many calls of one step on, they are one row."""
PAUSE = 20
"""The tree of a run that makes up its steps as it goes is arranged anew after so many times the time it took."""
_TELLING = (
    "running", "retrying", "failed", "interrupted", "stopped", "skipped", "waiting", "completed", "cached",
)  # fmt: skip
"""The states of a step; the first that occurs among many calls is the state of their row."""


class PictureRow(msgspec.Struct, frozen=True):
    """One call of a step, or many that are one row."""

    prefix: str
    """The lines of the tree before it."""
    label: str
    counts: dict[str, int]
    """How many calls are in which state."""
    started_at: int | None = None
    ended_at: int | None = None
    attempt: int = 1
    """Which attempt runs or has ended; while the step waits to be tried again, the one that comes next."""
    max_attempts: int | None = None
    """How many there may be, None if only one or if nobody knows."""
    retry_at: int | None = None
    """When the next attempt begins, in microseconds, while the step waits for it."""
    note: str = ""
    """Why it failed, or what else there is to say."""
    progress: Progress | None = None
    """How far its only call is."""
    begun: float = 0.0
    """What many running calls have done, added up: a half for each that is half done."""
    cells: tuple[str, ...] = ()
    """Of a map: the states of its elements, from the first to the last, as a strip."""

    @property
    def is_folded(self) -> bool:
        """Whether it stands for as many calls as there are, and not for a certain one."""
        return self.total > 1 or bool(self.cells)

    @property
    def total(self) -> int:
        """How many calls it stands for."""
        return sum(self.counts.values())

    @property
    def status(self) -> str:
        """The state that matters most to who waits for the run."""
        return next((state for state in _TELLING if self.counts.get(state)), "waiting")


class RunPicture(msgspec.Struct, frozen=True):
    """A run at one moment."""

    name: str
    id: str
    """The last digits of the id: enough on the command line."""
    status: str
    started_at: int
    now: int
    """When the picture was taken, or when the run ended."""
    rows: tuple[PictureRow, ...] = ()
    reason: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are in which state."""
        found: dict[str, int] = {}
        for row in self.rows:
            for state, number in row.counts.items():
                found[state] = found.get(state, 0) + number
        return ordered(found)


class Scene:
    """A run that goes on: takes its events, and is pictured whenever somebody looks."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run = run
        self._most = {
            one.id: retry.max_retries + 1
            for one in plan.invocations
            if (retry := plan.definitions[one.definition].options.retry) is not None
        }
        """How many attempts a call may take, by id, where that is more than one."""
        self._causes: dict[str, str] = {}
        """What the last attempt of a call failed with that is tried again, by id."""
        self.progress: dict[str, Progress] = {}
        """By id of step run; written by whoever hears of it."""
        self.waiting: Mapping[str, int] = {}
        """How many calls wait that were not added, by `group_of`."""
        self.children: Mapping[str, Mapping[str, int]] = {}
        """By id of the run of a child: how many of its steps are in which state."""
        self._calls = {one.id: Call(one.id, one.upstream(), map=one.map) for one in plan.invocations}
        self._lines: list[_Line] = []
        self._line_of_group: dict[str, _Line] = {}
        self._line_of: dict[str, _Line] = {}
        self._has_unplaced = True
        """Whether there are calls without a place in the tree."""
        self._arranged_at = self._arranging_took = 0.0

    def add(self, invocation: Invocation) -> None:
        """Take that a dynamic pipeline called a step."""
        self._place(Call(invocation.id, invocation.upstream(), map=invocation.map))

    def step(self, step: StepRun) -> None:
        """Take the beginning or the end of an attempt."""
        name = step.invocation_id
        if step.status == "retried":
            self._causes[name] = cause(step.failure)
        before = self._calls.get(name)
        upstream = before.upstream if before else step.invocation.upstream()
        call = Call(name, upstream, step, step.invocation.map)
        line = self._line_of.get(name)
        if line is None or before is None:
            self._place(call)
        else:
            self._calls[name] = call
            line.change(before, call)

    def _place(self, call: Call) -> None:
        """Take a call without a place in the tree: it goes to its like, if they are one row already."""
        is_new = call.id not in self._calls
        self._calls[call.id] = call
        line = self._line_of_group.get(group_of(call.id, call.map)) if is_new else None
        if line is None:
            self._has_unplaced = True
        else:
            line.add(call)
            self._line_of[call.id] = line

    def picture(self, now: int) -> RunPicture:
        """Return the run as it is now."""
        run = self.run
        is_due = time.monotonic() - self._arranged_at > PAUSE * self._arranging_took
        if self._has_unplaced and (is_due or run.ended_at is not None):
            self._arrange()
        return RunPicture(
            name=run.name,
            id=short(run.id),
            status=run.status,
            started_at=run.created_at,
            now=run.ended_at or now,
            rows=(*(line.picture(self) for line in self._lines), *self._others()),
            reason=run.reason,
        )

    def _others(self) -> Iterator[PictureRow]:
        """Yield rows for calls that wait, and that no row is there for."""
        for group, number in self.waiting.items():
            if number and group not in self._line_of_group:
                label = group.removesuffix("[]")
                yield PictureRow(prefix="", label=label, counts={"waiting": number})

    def _arrange(self) -> None:
        begin = time.monotonic()
        self._has_unplaced = False
        self._lines, self._line_of, self._line_of_group = [], {}, {}
        for prefix, row in arrange(list(self._calls.values()), alike=ALIKE):
            most = self._most.get(row.calls[0].id) if row.group is None else None
            line = _Line(prefix, row, most, self._causes)
            self._lines.append(line)
            self._line_of.update((call.id, line) for call in row.calls)
            if row.group is not None:
                self._line_of_group[row.group] = line
        self._arranged_at = time.monotonic()
        self._arranging_took = self._arranged_at - begin


class _Line:
    """A row while the run goes on."""

    def __init__(self, prefix: str, row: Row, most: int | None, causes: dict[str, str]) -> None:
        self._prefix = prefix
        self._label = row.label
        self._group = row.group
        self._is_map = row.is_map
        self._max_attempts = most
        self._causes = causes
        self._counts: dict[str, int] = {}
        self._step: StepRun | None = None
        """The attempt that a row of one call tells of; of many, the first that failed."""
        self._started_at: int | None = None
        self._ended_at: int | None = None
        self._is_single = row.group is None
        self._running: set[str] = set()
        """The ids of the step runs that are running."""
        self._place_of: dict[str, int] = {}
        """Of a map: which element a call is, by invocation id."""
        self._ranks = bytearray()
        """Of a map: the states of its elements."""
        self._first = row.calls[0].id
        for call in row.calls:
            self._count(call)

    def add(self, call: Call) -> None:
        """Take one more call."""
        self._count(call)
        if not self._is_map:
            self._label = f"{self._first} … {call.id}"

    def change(self, before: Call, after: Call) -> None:
        """Take what became of a call."""
        self._counts[before.status] -= 1
        self._counts[after.status] = self._counts.get(after.status, 0) + 1
        if self._is_map:
            self._ranks[self._place_of[after.id]] = rank(after.status)
        self._take(after.step)

    def _count(self, call: Call) -> None:
        self._counts[call.status] = self._counts.get(call.status, 0) + 1
        if self._is_map:
            self._place_of[call.id] = len(self._ranks)
            self._ranks.append(rank(call.status))
        self._take(call.step)

    def picture(self, scene: Scene) -> PictureRow:
        """Return the row as it is now."""
        step, progress, waiting = self._step, scene.progress, scene.waiting
        is_running = bool(self._counts.get("running"))
        single = step if self._is_single else None
        more = waiting.get(self._group, 0) if self._group is not None else 0
        return PictureRow(
            prefix=self._prefix,
            label=self._label,
            counts=ordered({**self._counts, "waiting": self._counts.get("waiting", 0) + more}),
            started_at=self._started_at,
            ended_at=None if is_running else self._ended_at,
            attempt=single.attempt if single is not None else 1,
            max_attempts=self._max_attempts,
            retry_at=single.started_at if single is not None and single.status == "retrying" else None,
            note=self._note(scene.children),
            progress=progress.get(single.id) if single is not None and is_running else None,
            begun=0.0 if self._is_single else sum(_share(progress.get(one)) for one in self._running),
            cells=strip(self._ranks + bytes([rank("waiting")]) * more) if self._is_map else (),
        )

    def _take(self, step: StepRun | StepOutline | None) -> None:
        if not isinstance(step, StepRun):
            return
        (self._running.add if step.status == "running" else self._running.discard)(step.id)
        if self._is_single or (step.status == "failed" and self._step is None):
            self._step = step
        if step.status in ("cached", "skipped", "retrying"):
            return  # it took no time
        if self._started_at is None or self._is_single:
            self._started_at = step.started_at
        self._started_at = min(self._started_at, step.started_at)
        if step.ended_at is not None:
            self._ended_at = max(self._ended_at or 0, step.ended_at)

    def _note(self, children: Mapping[str, Mapping[str, int]]) -> str:
        step = self._step
        if step is None:
            return ""
        if step.status == "failed":
            said = cause(step.failure) if self._is_single else f"{step.invocation_id}: {cause(step.failure)}"
        elif step.status == "retrying":
            said = self._causes.get(step.invocation_id) or step.reason or ""
        elif step.status in ("skipped", "stopped", "interrupted"):
            said = step.reason or ""
        elif step.child_run_id is not None and self._is_single:
            counts = words(children.get(step.child_run_id, {}), run_status=step.status)
            said = f"run {short(step.child_run_id)}" + (f": {', '.join(counts.values())}" if counts else "")
        else:
            return ""
        return "".join(letter if letter.isprintable() else " " for letter in said)


def _share(progress: Progress | None) -> float:
    return 0.0 if progress is None else progress.share or 0.0
