"""Time that a test moves: what would be waited for passes at once, and is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zenml.errors import ArgumentError
from zenml.records.ids import microseconds_now

if TYPE_CHECKING:
    import threading


class VirtualClock:
    """Time that stands still until something waits for it, or `advance` is called."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds that have passed by waits and by `advance`."""
        self.waits: list[float] = []
        """Seconds of each wait that passed at once, in their order."""

    def advance(self, time: float | timedelta) -> None:
        """Let time pass.

        Args:
            time: seconds, or a `timedelta`; time does not go back.

        Raises:
            ArgumentError: it is less than nothing.
        """
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        if not seconds >= 0:
            raise ArgumentError(f"The clock cannot be advanced by {seconds:g} s: time does not go back.")
        self._move_to(self.now + seconds)

    def microseconds(self) -> int:
        """Return the time as records hold it: whole microseconds since 1970, UTC."""
        return microseconds_now()

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self.now

    def wait(self, condition: threading.Condition, until: float) -> None:
        """Pass to an instant at once."""
        if until > self.now:
            self.waits.append(round(until - self.now, 6))
            self._move_to(until)

    def _move_to(self, now: float) -> None:
        self.now = now
