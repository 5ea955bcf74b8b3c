"""SIGINT and SIGTERM while a run is active: end the run in good order, then end the program.

A signal interrupts the main thread only while it waits or is in the code of a step. Anywhere
else it would tear a turn of the engine apart, so the exception waits until the turn is over.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from zenml.execute.engine import Engine


class Terminated(SystemExit):
    """SIGTERM arrived: the program is to end with status 143. Not to be taken for a step's `sys.exit`."""


class Signals:
    """Handles SIGINT and SIGTERM for one run, in the main thread only; restores what was there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, default in (
                (signal.SIGINT, signal.default_int_handler),
                (signal.SIGTERM, signal.SIG_DFL),
            ):
                # A handler of the user's own stays in charge.
                if signal.getsignal(number) == default:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error: BaseException = KeyboardInterrupt() if number == signal.SIGINT else Terminated(128 + number)
        # A second signal does not wait: whoever sends it has waited long enough.
        if self._engine.is_interruptible or self._engine.interrupt is not None:
            self._engine.is_interruptible = False
            raise error
        self._engine.interrupt = error
