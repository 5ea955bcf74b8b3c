"""Time that a test moves: what would be waited for passes at once, and is counted."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from zenml.errors import ArgumentError
from zenml.records.ids import microseconds_now

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator


class VirtualClock:
    """Time that stands still until something waits for it, or `advance` is called."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds that have passed by waits and by `advance`."""
        self.waits: list[float] = []
        """Seconds of each wait that passed at once, in their order."""
        self._watch: Callable[[int], None] | None = None

    def advance(self, time: float | timedelta) -> None:
        """Let time pass.

        Args:
            time: seconds, or a `timedelta`; time does not go back.

        Raises:
            ArgumentError: it is less than nothing.
        """
        self._move_to(self.now + seconds_of(time))

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
            if self._watch is not None:
                self._watch(self.microseconds() + round((until - self.now) * 1e6))
            self._move_to(max(until, self.now))

    @contextmanager
    def watched(self, watch: Callable[[int], None]) -> Iterator[None]:
        """Call a function before a wait passes, with the time at which that ends, as records hold it."""
        self._watch = watch
        try:
            yield
        finally:
            self._watch = None

    def _move_to(self, now: float) -> None:
        self.now = now


def seconds_of(time: float | timedelta) -> float:
    """Return a span of time in seconds.

    Raises:
        ArgumentError: it is less than nothing.
    """
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    if not seconds >= 0:
        raise ArgumentError(f"The clock cannot be advanced by {seconds:g} s: time does not go back.")
    return seconds
