"""What is due when: attempts that wait for their time, and isolated steps whose time is limited."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from zenml.execute.clock import Clock
    from zenml.records.run import StepRun


class Timers:
    """Attempts with an instant each; whoever waits on `changed` hears of a new one. Safe for threads."""

    def __init__(self, clock: Clock, changed: threading.Condition) -> None:
        self._clock = clock
        self._changed = changed
        self._steps: dict[str, tuple[float, StepRun]] = {}
        self._heap: list[tuple[float, str]] = []
        """Instants and ids in order, those that were dropped included: they are passed over on top."""

    def __bool__(self) -> bool:
        """Tell whether anything is due at some time."""
        return bool(self._steps)

    def set(self, step: StepRun, seconds: float) -> None:
        """Have an attempt become due after so many seconds."""
        at = self._clock.monotonic() + seconds
        with self._changed:
            self._steps[step.id] = at, step
            heappush(self._heap, (at, step.id))
            self._changed.notify_all()

    def drop(self, step: StepRun) -> None:
        """Forget an attempt, if it is known."""
        if self._steps:
            with self._changed:
                self._steps.pop(step.id, None)

    def next_at(self) -> float:
        """Return when the next attempt is due; infinity if there is none."""
        with self._changed:
            while self._heap and self._heap[0][1] not in self._steps:
                heappop(self._heap)
            return self._heap[0][0] if self._heap else float("inf")

    def take_due(self) -> list[StepRun]:
        """Return the attempts that are due by now, the earliest first, and forget them."""
        due: list[StepRun] = []
        with self._changed:
            while self.next_at() <= self._clock.monotonic():
                _, identifier = heappop(self._heap)
                due.append(self._steps.pop(identifier)[1])
        return due
