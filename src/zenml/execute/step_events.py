"""What running steps have said and the engine has not written yet.

The first word wakes a thread that has the engine do a turn, and then rests; what is said
meanwhile waits for the next turn, whoever does it. So a word is in the store after the pause at
the latest, and a thousand words are not a thousand transactions. Where no step says anything
there is no thread.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from zenml.records.events import LoggedMetadata, LoggedTags, SavedArtifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.records.events import StepEvent
    from zenml.store.store import Batch

PAUSE = 0.05
"""Seconds between two transactions that only hold what steps said."""


class StepEvents:
    """The words of the steps of one run."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._waiting: deque[StepEvent] = deque()
        # A plain lock used as a binary semaphore: a signal that interrupts a step cannot leave it half taken.
        self._wake = threading.Lock()
        self._wake.acquire()
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether everything that was said has been taken."""
        return not self._waiting

    def put(self, event: StepEvent) -> None:
        """Take a word, from whatever thread; after the end of the run nobody listens any more."""
        if self._closing.is_set():
            return
        self._waiting.append(event)
        if self._thread is None:
            self._start()
        self._rouse()

    def add_to(self, batch: Batch) -> None:
        """Move all words to a batch, in their order; with the engine's baton."""
        while self._waiting:
            event = self._waiting.popleft()
            if isinstance(event, LoggedMetadata):
                batch.notes.metadata += event.records()
            elif isinstance(event, LoggedTags):
                (batch.notes.untag if event.is_removal else batch.notes.tag)(event.records())
            elif isinstance(event, SavedArtifact):
                batch.saved.append(event.artifact)

    def close(self) -> None:
        """Send the thread home."""
        self._closing.set()
        if self._thread is not None:
            self._rouse()

    def _rouse(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            pass  # already awake

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._loop, name="zenml-step-events", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while True:
            self._wake.acquire()
            if self._closing.is_set():
                return
            self._write()
            self._closing.wait(PAUSE)
