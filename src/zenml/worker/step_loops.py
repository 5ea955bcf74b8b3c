"""The loops of one step that `track` goes through, and telling how far they are.

A loop only counts. The thread that takes what is printed to the log files looks at the count ten times
a second, and tells the owner of the run what has changed; so an item costs an addition, and a loop that
ends between two looks costs nothing more. A step without `track` has none of this.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from zenml.logs import log_writer
from zenml.records.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.records.events import StepEvent


class Loop:
    """One loop, and how many of its items are done."""

    def __init__(self, total: float | None, description: str) -> None:
        self.total = total
        self.description = description
        self.done = 0

    def progress(self, inner: tuple[Progress, ...] = ()) -> Progress:
        """Return how far it is."""
        return Progress(self.done, self.total, self.description, inner)


class StepLoops:
    """The loops of a step that go on, the outermost first.

    Args:
        emit: tells the owner of the run.
    """

    def __init__(self, emit: Callable[[StepEvent], None]) -> None:
        self._emit = emit
        self._loops: list[Loop] = []
        self._last: Loop | None = None
        """The first loop there was; once all have ended, the one that ended last."""
        self._told: Progress | None = None
        self._telling = threading.Lock()
        self._is_closed = False

    def begin(self, total: float | None, description: str) -> Loop:
        """Return a new loop."""
        loop = Loop(total, description)
        self._loops.append(loop)
        if not self._is_closed:
            log_writer.watch(self)
        return loop

    def end(self, loop: Loop) -> None:
        """Count a loop no more."""
        self._loops.remove(loop)
        self._last = loop

    def flush(self) -> None:
        """Tell how far the step is, if that has changed."""
        if self._is_closed:
            log_writer.forget(self)  # a loop began while the step ended
            return
        with self._telling:
            loops = list(self._loops) or ([self._last] if self._last is not None else [])
            if not loops:
                return
            outermost, *others = loops
            progress = outermost.progress(tuple(loop.progress() for loop in others))
            if progress != self._told:
                self._told = progress
                try:
                    self._emit(progress)
                except (OSError, RuntimeError):  # the owner is gone, or this is a fork of the step's process
                    self._is_closed = True

    def close(self) -> None:
        """Tell the last state; the step has ended."""
        log_writer.forget(self)
        self.flush()
        self._is_closed = True

    def begin_anew(self) -> None:
        """In a fork: its parent tells."""
        self._telling = threading.Lock()
        self._is_closed = True
