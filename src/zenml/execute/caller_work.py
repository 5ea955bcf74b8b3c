"""What the thread that called a pipeline does while the run goes on: it works, waits, and looks after what is due.

It is the part of the engine that belongs to one thread; the rest is a monitor that any thread enters.
"""

from __future__ import annotations

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, ClassVar

from zenml.errors import RunStoppedError
from zenml.execute.events import Due
from zenml.execute.stand_in import FIRST_POLL, LAST_POLL, LOOK
from zenml.records.run import Run

if TYPE_CHECKING:
    import threading
    from collections import deque
    from collections.abc import Callable

    from zenml.execute.admission import Admission
    from zenml.execute.caller import Caller
    from zenml.execute.clock import Clock
    from zenml.execute.events import Event
    from zenml.execute.hooks import Hooks
    from zenml.execute.machine import Machine
    from zenml.execute.stand_in import StandIn
    from zenml.execute.timers import Timers
    from zenml.execute.workers import Workers
    from zenml.store.store import Store


class CallerWork:
    """The part of the engine that has the caller's thread."""

    store: Store
    run: Run
    machine: Machine
    admission: Admission
    hooks: Hooks | None
    feeds_in_caller: ClassVar[bool] = False
    """Whether the elements of maps are added by the caller's thread where it waits, and not by threads."""
    caller: Caller | None
    is_in_function: bool
    is_interruptible: bool
    fatal: BaseException | None
    interrupt: BaseException | None
    _clock: Clock
    _timers: Timers
    _changed: threading.Condition
    _inbox: deque[Event]
    _workers: Workers
    _stand_in: StandIn
    _next_look: float

    @abstractmethod
    def advance(self) -> None:
        """Do a turn now, whoever else is at it."""
        raise NotImplementedError

    @abstractmethod
    def work_off(self) -> None:
        """Do what follows from the events that were taken."""
        raise NotImplementedError

    @property
    def needs_caller(self) -> bool:
        """Tell whether the caller's thread has to wait for something, and can run nothing meanwhile."""
        return self.admission.waits_elsewhere or bool(self._timers)

    def work_until(self, is_done: Callable[[], bool], *, seconds: float = inf) -> bool:
        """Do what is for the caller's thread until something is so; return False if the time is up before.

        Raises:
            BaseException: a signal, or what keeps the run from going on.
        """
        poll, end = FIRST_POLL, self._clock.monotonic() + seconds
        self.work_off()
        while not self.raise_problem():
            # First, so that a step's hooks are called before the next step, and before its caller goes on.
            if self.hooks is not None and self.run.status == "running" and self.hooks.run_here():
                continue
            if is_done():
                return True
            if self.feeds_in_caller and self.caller is not None and self.caller.feed_maps():
                continue
            step = self._workers.take_for_caller(unless=is_done)
            if step is not None:
                self._workers.run_here(step)
                poll = FIRST_POLL
                continue
            left = end - self._clock.monotonic()
            if left <= 0:
                return False
            with self._changed:
                if not self.raise_problem() and not is_done() and not self._workers.has_for_caller():
                    self._wait(left, poll if self.admission.waits_elsewhere else LOOK)
            self.do_what_is_due()
            if not self.machine.is_over:
                self.look_for_stop()
            if self.admission.waits_elsewhere:
                poll = min(poll * 2, LAST_POLL)
                self.advance()
        return False  # `raise_problem` raises

    def wait_elsewhere(self, is_done: Callable[[], bool], *, seconds: float = inf) -> bool:
        """Wait in another thread than the caller's until something is so; return False if the time is up before."""
        self.work_off()
        with self._changed:
            return self._changed.wait_for(
                lambda: is_done() or self.fatal is not None or self.run.status != "running",
                None if seconds == inf else seconds,
            )

    def _wait(self, seconds: float, look: float) -> None:
        """Wait until something happens; at most for so long, and until it is time to look again."""
        self.is_interruptible = True
        try:
            until = self._clock.monotonic() + min(seconds, look)
            self._clock.wait(self._changed, min(until, self._timers.next_at()))
        finally:
            self.is_interruptible = False

    def do_what_is_due(self) -> None:
        """Start attempts whose wait is over; end isolated steps whose time is up."""
        due = self._timers.take_due() if self._timers else ()
        for step in due:
            if step.status == "retrying":
                self._inbox.append(Due(step))
            else:
                self._workers.processes.end_overdue(step)
        if due:
            self.work_off()

    @property
    def is_caller_away(self) -> bool:
        """Whether the caller's thread runs a user's code and does not look after what is due."""
        return self.is_in_function or (self.hooks is not None and self.hooks.is_caller_busy)

    def find_stand_in(self) -> None:
        """Have another thread look after what is due while the caller's is in a hook or in the pipeline's function."""
        if self.is_caller_away:
            self._stand_in.come()

    def look_for_stop(self) -> None:
        """Raise if somebody asked for the run to stop; asks the store once a second at most."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + LOOK
        recorded = self.store.get(Run, self.run.id)
        if recorded is not None and recorded.status == "stopping":
            # Also where the code of a user catches it: nothing goes on from here.
            self.fatal = self.fatal or RunStoppedError.asked(recorded.name, recorded.reason)
            raise self.fatal
        if recorded is None or recorded.epoch != self.run.epoch:
            self.fatal = self.fatal or (
                RunStoppedError.taken_over(self.run.name, "deleted", None)
                if recorded is None
                else RunStoppedError.taken_over(recorded.name, recorded.status, recorded.reason)
            )
            raise self.fatal

    def wake(self) -> None:
        """Have everybody who waits look again."""
        with self._changed:
            self._changed.notify_all()

    def raise_problem(self) -> bool:
        """Raise what arrived at a bad moment; return False if nothing did."""
        if self.interrupt is not None:
            error, self.interrupt = self.interrupt, None
            raise error
        if self.fatal is not None:
            raise self.fatal
        return False
