"""A thread that looks after what is due while the caller's thread runs a user's code: a hook, or a pipeline's function.

There is none in most runs. It comes when something is due that the caller's thread would wait for otherwise;
while the function of a dynamic pipeline runs it stays, and looks whether somebody asked for the run to stop.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from zenml.execute.gathering import LONGEST

if TYPE_CHECKING:
    from zenml.execute.clock import Clock
    from zenml.execute.engine import Engine
    from zenml.execute.timers import Timers

FIRST_POLL = 0.005
"""Seconds until work in flight elsewhere is looked at again; doubles up to the last one."""
LAST_POLL = 0.5
LOOK = 1.0
"""Seconds between two looks at whether somebody asked for the run to stop."""


class StandIn:
    """The thread of one run, while there is one."""

    def __init__(self, engine: Engine, timers: Timers, clock: Clock) -> None:
        self._engine = engine
        self._timers = timers
        self._news = threading.Condition()
        """Its own: what wakes those who wait for steps, many times a second, is nothing to it."""
        self._clock = clock
        self._is_here = False
        self._has_late_turn = False
        """Whether something was put off, so that it looks every few milliseconds."""

    def come(self) -> None:
        """Begin, or look again at what is due."""
        with self._news:
            if self._is_here:
                if self._engine.needs_caller:
                    self._news.notify_all()
                return
            if not self._is_needed:
                return
            self._is_here = True
        threading.Thread(target=self._work, name="zenml-stand-in", daemon=True).start()

    def look(self) -> None:
        """Look at once whether there is something to do, or to leave."""
        with self._news:
            self._news.notify_all()

    def looks_soon(self) -> bool:
        """Have it catch up within milliseconds with what was put off; return False if it is not there."""
        if not self._has_late_turn:
            with self._news:
                if not self._is_here:
                    return False
                self._has_late_turn = True
                self._news.notify_all()
        return True

    @property
    def _is_needed(self) -> bool:
        engine = self._engine
        if engine.run.status != "running":
            return False
        return engine.machine.is_open or (engine.needs_caller and engine.is_caller_away)

    def _work(self) -> None:
        engine, poll, polled_at = self._engine, FIRST_POLL, float("-inf")
        while True:
            with self._news:
                if not self._is_needed:
                    self._is_here = False
                    return
                if not self._has_late_turn:
                    self._wait(poll)
            if self._has_late_turn:
                time.sleep(LONGEST)
                self._has_late_turn = (
                    False  # before, so that whoever puts something off meanwhile says so again
                )
                engine.gathering.catch_up()
            if not engine.is_caller_away:
                poll = FIRST_POLL
                continue
            try:
                engine.do_what_is_due()
                if engine.admission.waits_elsewhere and self._clock.monotonic() >= polled_at + poll:
                    poll, polled_at = min(poll * 2, LAST_POLL), self._clock.monotonic()
                    engine.advance()
                if engine.is_in_function and engine.fatal is None:
                    engine.look_for_stop()
            except BaseException as error:  # the caller's thread raises it
                engine.fatal = engine.fatal or error
                engine.wake()
            if engine.fatal is not None and engine.is_in_function:
                if engine.caller is not None and engine.caller.was_told:
                    self._pause()  # it may be cleaning up
                if engine.is_in_function:
                    engine.interrupt_function()
                    self._pause()

    def _wait(self, poll: float) -> None:
        """Wait for what is due next, with the condition held."""
        waits_elsewhere = self._engine.admission.waits_elsewhere
        if not self._engine.is_caller_away or not (self._timers or waits_elsewhere):
            self._news.wait(LOOK)  # a real second also where the time of the run is another one
            return
        look = self._clock.monotonic() + (poll if waits_elsewhere else LOOK)
        self._clock.wait(self._news, min(look, self._timers.next_at()))

    def _pause(self) -> None:
        """Give the function a moment to end before it is interrupted again."""
        end = time.monotonic() + LOOK
        with self._news:
            while self._engine.is_in_function and (left := end - time.monotonic()) > 0:
                self._news.wait(left)
