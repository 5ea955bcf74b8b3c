"""The caller's thread in a dynamic run: its function has it, and the engine has it where the function waits.

It is here that a function learns that its run ends: by what it asks next, or by an exception at any moment.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zenml.execute.unwinding import PATIENCE, Unwinding, leave_by_force

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zenml.execute.engine import Engine
    from zenml.execute.workers import Workers

MOST_REFUSALS = 100
"""How many calls of a function are answered with the failure that stops its run; then the function is left."""


class CallerThread:
    """Who has the thread; made in that thread."""

    def __init__(self, engine: Engine, workers: Workers, check_going_on: Callable[[], None]) -> None:
        self._engine = engine
        self._check_going_on = check_going_on
        """Raises if the run is paused, and its function went on."""
        self._workers = workers
        self._id = threading.get_ident()
        self._refusals = 0
        """How often the function was told that its run ends."""

    @property
    def is_here(self) -> bool:
        """Whether this is the thread."""
        return threading.get_ident() == self._id

    @property
    def was_told(self) -> bool:
        """Whether the function knows that its run ends."""
        return self._refusals > 0

    def refusal(self) -> BaseException:
        """Return what the function is told by, that its run ends: the first time why, then what it does not catch."""
        self._refusals += 1
        fatal = self._engine.fatal
        if fatal is not None and self._refusals == 1:
            return fatal
        if self._refusals > PATIENCE + (0 if fatal is not None else MOST_REFUSALS):
            leave_by_force()
        return Unwinding("The run ends, and so does the function of its pipeline.")

    def refuse_going_on(self) -> None:
        """Raise if the run ends, so that a function ends that would go on whatever it is told."""
        engine = self._engine
        if engine.fatal is not None:
            raise self.refusal()
        if engine.machine.is_stopping and engine.failures:
            self._refusals += 1
            if self._refusals > MOST_REFUSALS:
                raise self.refusal()

    def until(self, is_met: Callable[[], bool], seconds: float) -> bool:
        """Wait in whatever thread until something is so; return False if the time is up before.

        Raises:
            BaseException: what keeps the run from going on; in the caller's thread also a signal.
        """
        if self.is_here:
            return self._engine.work_until(is_met, seconds=seconds)
        self._engine.wait_elsewhere(is_met, seconds=seconds)
        if not is_met() and self._engine.fatal is not None:
            raise self._engine.fatal
        return is_met()

    @contextmanager
    def away_from_function(self, *, is_waiting: bool = True) -> Iterator[None]:
        """Have the thread be the engine's for a moment; other threads just do what they do.

        Args:
            is_waiting: whether it waits for as long as it takes, and may run a step meanwhile.
        """
        self._check_going_on()
        if not self.is_here:
            yield
            return
        self.enter_engine(is_waiting=is_waiting)
        try:
            yield
        except BaseException as error:
            if error is self._engine.fatal:
                self._refusals += 1
            raise
        finally:
            self.enter_function()

    def enter_engine(self, *, is_waiting: bool = True) -> None:
        """Have the thread be the engine's."""
        self._engine.is_interruptible = self._engine.is_in_function = False
        if is_waiting:
            self._workers.caller_came()

    def enter_function(self) -> None:
        """Have the thread be the function's."""
        engine = self._engine
        self._workers.caller_left()
        if engine.run.status == "paused":
            return  # it is being left
        engine.is_in_function = True
        engine.find_stand_in()
        engine.is_interruptible = True  # last: from here on a signal may raise
        if engine.interrupt is not None:
            engine.raise_problem()

    def come_back(self, error: BaseException | None) -> None:
        """Have the thread be the engine's from now on, as the function has ended; a signal may still arrive just before."""
        try:
            self.enter_engine(is_waiting=error is None or isinstance(error, Exception))
        except BaseException:
            self.enter_engine(is_waiting=False)
            raise
