"""Threads for hooks whose steps did not run in the caller's thread; made when needed, at most a few."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 8
"""Hooks that run at once: they wait for networks, and a slow one must not hold up the others."""


class HookThreads:
    """A few daemon threads that do pieces of work in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._unfinished = 0
        self._changed = threading.Condition()

    @property
    def are_idle(self) -> bool:
        """Tell whether everything that was put in is done."""
        return not self._unfinished

    def put(self, work: Callable[[], None]) -> None:
        """Have a piece of work done; it must not raise."""
        with self._changed:
            self._waiting.append(work)
            self._unfinished += 1
            if self._threads < min(MOST, self._unfinished):
                self._threads += 1
                threading.Thread(target=self._loop, name="zenml-hooks", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait until everything is done, so long at most; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unfinished, seconds)

    def _loop(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._threads -= 1
                    return
                work = self._waiting.popleft()
            try:
                work()
            finally:
                with self._changed:
                    self._unfinished -= 1
                    self._changed.notify_all()
