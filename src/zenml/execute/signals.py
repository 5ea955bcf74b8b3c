"""SIGINT and SIGTERM while a run is active: end the run in good order, then end the program.

A signal interrupts the main thread only while it waits or is in the code of a step. Anywhere
else it would tear a turn of the engine apart, so the exception waits until the turn is over.

Python drops an exception that a signal raises in a destructor, or wherever else nobody can take it. Then
the signal is sent again, or a step that sleeps would go on for as long as it likes.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from zenml.errors import Terminated

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from zenml.execute.engine import Engine


AGAIN = 0.05
"""Seconds until a signal whose exception was dropped is sent again."""


class Signals:
    """Handles SIGINT and SIGTERM for one run, in the main thread only; restores what was there.

    It begins before the run is recorded: a signal that arrives until the engine is there waits
    for it, so that no recorded run is left without an end.
    """

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._early: BaseException | None = None
        self._previous: dict[int, Any] = {}
        self._is_ours = False
        """Whether the next SIGINT is our own, to interrupt the function of a dynamic pipeline."""
        self._is_over = False
        self._sending = threading.Lock()
        self._raised: BaseException | None = None
        """What the last signal has raised in the main thread."""
        self._number = 0
        self._drop: Any = None
        """What hears of exceptions that Python drops, beside this."""

    def attach(self, engine: Engine) -> None:
        """Hand over to the engine, with the signal that has arrived already, if one has."""
        self._engine = engine
        engine.interrupt = self._early
        if signal.SIGINT in self._previous:
            engine.interrupter = self._interrupt_function

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, default in (
                (signal.SIGINT, signal.default_int_handler),
                (signal.SIGTERM, signal.SIG_DFL),
            ):
                # A handler of the user's own stays in charge.
                if signal.getsignal(number) == default:
                    self._previous[number] = signal.signal(number, self._handle)
        if self._previous:
            self._drop, sys.unraisablehook = sys.unraisablehook, self._was_dropped
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._sending:
            self._is_over = True
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._previous and sys.unraisablehook == self._was_dropped:
            sys.unraisablehook = self._drop
        pending = self._early if self._engine is None else self._engine.interrupt
        if pending is not None and error is None:
            raise pending

    def _interrupt_function(self) -> None:
        """Have the main thread be told that its run ends, from another thread; a real signal ends a sleep too."""
        with self._sending:  # never when the handler of another one is there again
            if not self._is_over:
                self._is_ours = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._is_ours and number == signal.SIGINT:
            self._is_ours = False
            engine = self._engine
            if engine is not None and engine.is_in_function and engine.is_interruptible and engine.caller:
                raise engine.caller.refusal()
            if engine is not None and engine.is_interruptible and engine.fatal is not None:
                engine.is_interruptible = False
                raise engine.fatal  # in the code of a step whose run is not ours any more
            return  # it has left the function, and hears of it there
        error: BaseException = KeyboardInterrupt() if number == signal.SIGINT else Terminated(128 + number)
        engine = self._engine
        if engine is None:
            is_second, self._early = self._early is not None, error
            if is_second:
                raise error
            return
        # A second signal does not wait: whoever sends it has waited long enough.
        if engine.is_interruptible or engine.interrupt is not None:
            engine.is_interruptible = engine.is_in_function  # a function may catch it, and go on
            self._raised, self._number = error, number
            raise error
        engine.interrupt = error

    def _was_dropped(self, dropped: Any) -> None:
        """Hear of an exception that nobody can take; if a signal raised it, the main thread is still where it was."""
        if self._engine is None or self._raised is None or dropped.exc_value is not self._raised:
            self._drop(dropped)
            return
        self._raised = None
        self._engine.is_interruptible = True
        timer = threading.Timer(
            AGAIN, self._send_again
        )  # not at once: it is the destructor that would get it
        timer.daemon = True
        timer.start()

    def _send_again(self) -> None:
        with self._sending:
            if not self._is_over:
                signal.pthread_kill(threading.main_thread().ident or 0, self._number)
