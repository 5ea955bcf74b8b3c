"""An engine that runs every step in the caller's thread, one after the other, in the order of the plan.

It is the real engine: only where steps run, which ready step is next, and when what a step says is
written are other than usual. So no thread and no process is started.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Self

from zenml.execute.admission import Admission
from zenml.execute.engine import Engine
from zenml.execute.run_stack import RunStack
from zenml.execute.step_events import StepEvents
from zenml.execute.workers import Workers
from zenml.logs.output import Capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.execute.admission import Places
    from zenml.execute.known_results import Candidate
    from zenml.records.events import StepEvent
    from zenml.records.plan import Place, StepDefinition
    from zenml.records.run import StepRun
    from zenml.records.stacks import Component


class PlanOrder(Admission):
    """Starts the ready step that comes first in the pipeline's function."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._positions = {one.id: position for position, one in enumerate(self._plan.invocations)}

    def _choose(self, free: dict[Place, int], places: Places) -> list[Candidate]:
        for one in reversed(
            self._candidates
        ):  # next comes last; calls of a dynamic pipeline are in their order
            self._positions.setdefault(one.id, len(self._positions))
        self._candidates.sort(key=lambda one: self._positions[one.id], reverse=True)  # the last one is next
        return super()._choose(free, places)


class WrittenAtOnce(StepEvents):
    """Has the engine write each word of a step before the step goes on."""

    def put(self, event: StepEvent) -> None:
        """Take a word and have it written; after the end of the run nobody listens any more."""
        if not self._closing.is_set():
            self._waiting.append(event)
            self._write()


class SerialWorkers(Workers):
    """The caller's thread as the only place to run a step, also one that asks for a process of its own."""

    works_in_caller = True

    def free(self) -> dict[Place, int]:
        """Return one place, if no step runs."""
        return {"inline": 0 if self._running else 1, "isolated": 0}

    def kind_of(self, definition: StepDefinition) -> Place:
        """Return that a step runs in this process."""
        return "inline"

    def hand_out(self, started: list[StepRun]) -> None:
        """Leave a step to the caller's thread."""
        for step in started:
            self._running[step.id] = ("inline", step)
            self._for_caller = step

    def caller_left(self) -> None:
        """Keep the step that waits for the caller's thread: there is no other one."""


class NoComponents(RunStack):
    """The default stack: steps that name a component run without it, in the caller."""

    def component_of(self, kind: str, definition: StepDefinition) -> Component | None:
        """Return None."""
        return None


class NoCapture(Capture):
    """Leaves the standard streams alone: what steps print goes where everything goes that a test prints."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class SerialEngine(Engine):
    """The execution of one run in the caller's thread."""

    admission_type = PlanOrder
    step_events_type = WrittenAtOnce
    feeds_in_caller = True

    @property
    def needs_caller(self) -> bool:
        """Tell that the caller's thread is free for steps and hooks, whatever is due at some time."""
        return False

    def find_stand_in(self) -> None:
        """Have nothing done meanwhile: time stands still while the caller's thread is in a hook."""

    def wait_elsewhere(self, is_done: Callable[[], bool], *, seconds: float = inf) -> bool:
        """Run steps in the very thread that waits for them: the caller's may wait for this one."""
        while not is_done():
            step = self._workers.take_for_caller()
            if step is not None:
                self._workers.run_here(step)
            elif not super().wait_elsewhere(
                lambda: is_done() or self._workers.has_for_caller(), seconds=seconds
            ):
                return False  # the time is up
            elif self.fatal is not None or self.run.status != "running":
                return is_done()
        return True

    def _wait(self, seconds: float, look: float) -> None:
        self.is_interruptible = True
        try:
            if self._timers or (seconds < inf and not self.admission.waits_elsewhere):
                until = self._clock.monotonic() + seconds
                self._clock.wait(self._changed, min(until, self._timers.next_at()))
            else:  # another thread of the test computes the same result
                self._changed.wait(look)
        finally:
            self.is_interruptible = False
