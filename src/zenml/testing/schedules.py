"""Schedules in a lab: the real scheduler, whose runs begin in the caller's thread and whose days pass at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from zenml.declare.scheduled import compile_scheduled
from zenml.errors import ZenMLError
from zenml.execute.running import Fired, run_plan
from zenml.schedule.scheduler import Scheduler, StartEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.schedule.scheduler import Start
    from zenml.store.database import Database
    from zenml.testing.clock import VirtualClock


class CallersThread:
    """Executes runs in the caller's thread, one after the other, when it is told to."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._waiting: deque[Start] = deque()
        self._current = ""
        self._ended: list[StartEnd] = []

    def start(self, start: Start) -> None:
        """See `Starter.start`."""
        self._waiting.append(start)

    def ended(self) -> list[StartEnd]:
        """See `Starter.ended`."""
        found, self._ended = self._ended, []
        return found

    def has(self, run_id: str) -> bool:
        """See `Starter.has`."""
        return run_id == self._current or any(one.tick.run_id == run_id for one in self._waiting)

    def execute_next(self) -> bool:
        """Execute the run that is next, if there is one; tell whether there was."""
        if not self._waiting:
            return False
        start = self._waiting.popleft()
        self._current = start.tick.run_id
        try:
            compiled = compile_scheduled(start.schedule, start.tick.instant, self._store)
            run_plan(compiled, self._store, fired=Fired(start.tick.run_id, start.schedule.id))
        except Exception as error:  # the border to the user's code
            problem = f"{error}" if isinstance(error, ZenMLError) else f"{type(error).__name__}: {error}"
            self._ended.append(StartEnd(run_id=start.tick.run_id, problem=problem))
        finally:
            self._current = ""
        return True


class _Silence:
    def say(self, text: str) -> None:
        """See `Journal.say`."""


def serve(store: Database, clock: VirtualClock, seconds: float) -> None:
    """Have a scheduler serve the schedules of a store while time passes.

    Args:
        store: the store.
        clock: the time, which goes from one instant at which something is due to the next, also while a run waits.
        seconds: how long; a run that takes longer ends later.
    """
    end = clock.microseconds() + round(seconds * 1e6)
    owner = store.schedules.begin_to_serve(clock.microseconds())
    starter = CallersThread(store)
    scheduler = Scheduler(store, owner.id, starter, clock.microseconds, _Silence())

    def pass_until(instant: int, turn: Callable[[], int | None]) -> None:
        while (due := turn()) is not None and due <= instant:
            clock.advance(_seconds_until(due, clock))
        clock.advance(_seconds_until(instant, clock))

    def turn_and_execute() -> int | None:
        while True:
            due = scheduler.turn()
            if clock.microseconds() > end or not starter.execute_next():
                return due

    try:
        with clock.watched(lambda until: pass_until(until, scheduler.turn)):
            pass_until(end, turn_and_execute)
        turn_and_execute()
    finally:
        store.schedules.end_serving(owner.id)


def _seconds_until(instant: int, clock: VirtualClock) -> float:
    return max(0.0, (instant - clock.microseconds()) / 1e6)
