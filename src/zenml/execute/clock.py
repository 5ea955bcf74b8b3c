"""The time as the engine knows it: what it asks to know when a retry or a timeout is due.

Another clock than the real one lets waits of hours pass at once, without a real wait.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from zenml.records.ids import microseconds_now

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """Tells the time and waits."""

    def microseconds(self) -> int:
        """Return the time as records hold it: whole microseconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""

    def wait(self, condition: threading.Condition, until: float) -> None:
        """Return when a condition, which the caller holds, is notified, or at an instant of `monotonic`.

        It may return earlier: who waits looks again. A signal may raise in it.
        """


class RealClock:
    """The clock of this machine."""

    def microseconds(self) -> int:
        """Return the time since 1970, UTC."""
        return microseconds_now()

    def monotonic(self) -> float:
        """Return the seconds since some instant."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, until: float) -> None:
        """Wait on a condition, at most until an instant."""
        condition.wait(max(0.0, until - time.monotonic()))
