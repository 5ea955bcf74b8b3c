"""How far the steps of a run are, and which calls wait: told to its reporter, and left in a file for other processes.

The file is written by the thread that writes the logs, once a second at most, and never waits for
the disk: it is replaced as a whole, and what it says is worth nothing after a crash. It names the
running steps only, counts the calls of a dynamic pipeline that have not begun, and goes with the run.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.logs import log_writer
from zenml.views.progress import Standing, progress_path
from zenml.views.step_tree import group_of

if TYPE_CHECKING:
    from zenml.records.events import Progress
    from zenml.records.plan import Invocation
    from zenml.reporting.reporter import Reporter

INTERVAL = 1.0
"""Seconds between two states of the file."""


class RunProgress:
    """How far the steps of one run are.

    Args:
        reporter: hears of every change.
        root: of the store; where it is ":memory:" there is no other process to read a file.
        run_id: the run.
    """

    def __init__(self, reporter: Reporter, root: str, run_id: str) -> None:
        self._reporter = reporter
        self._path = progress_path(root, run_id) if root != ":memory:" else ""
        self._steps: dict[str, Progress] = {}
        self._called: dict[str, int] = {}
        """How many calls there were, by group."""
        self._waiting: set[str] = set()
        """The ids of the calls that have not begun."""
        self._is_called = False
        """Whether there were calls that the file does not count."""
        self._has_changed = False
        self._next_write = 0.0
        self._writing = threading.Lock()
        self._process = os.getpid()
        self._is_closed = False

    def take(self, step_run_id: str, progress: Progress) -> None:
        """Take how far a step is, from whatever thread; not in a fork, which speaks for nobody."""
        if self._is_closed or os.getpid() != self._process:
            return
        self._reporter.progress(step_run_id, progress)
        if self._path:
            self._steps[step_run_id] = progress
            self._has_changed = True
            log_writer.watch(self)

    def ended(self, step_run_id: str) -> None:
        """Forget a step."""
        self._steps.pop(step_run_id, None)

    def added(self, invocation: Invocation) -> None:
        """Take that a dynamic pipeline called a step. For the holder of the baton, as `begun` and `turn_ended` are."""
        self._reporter.step_added(invocation)
        if self._path:
            group = group_of(invocation.id, invocation.map)
            self._called[group] = self._called.get(group, 0) + 1
            self._waiting.add(invocation.id)
            self._is_called = True

    def begun(self, invocation_id: str) -> None:
        """Take that something became of a call."""
        self._waiting.discard(invocation_id)

    def turn_ended(self) -> None:
        """Take that what has not begun by now waits: a plain call never does, and needs no file."""
        if self._is_called and self._waiting and not self._is_closed:
            self._is_called, self._has_changed = False, True
            log_writer.watch(self)

    def flush(self) -> None:
        """Write the file, if there is news and the last state is old enough."""
        now = time.monotonic()
        if self._is_closed:
            log_writer.forget(self)  # a step spoke while the run ended
        if not self._has_changed or now < self._next_write:
            return
        with self._writing:
            if self._is_closed:
                return
            self._next_write, self._has_changed = now + INTERVAL, False
            fs.make_folder(os.path.dirname(self._path))
            fs.write_whole(self._path, msgspec.json.encode(Standing(self._steps.copy(), self._called.copy())))

    def close(self) -> None:
        """Remove the file: what was reached is in no way worth more than how it ended."""
        with self._writing:
            self._is_closed = True
        if os.getpid() != self._process:
            return
        log_writer.forget(self)
        if self._next_write:
            try:
                fs.remove(self._path)
            except OSError:  # it never came to be, or the folder was deleted
                pass

    def begin_anew(self) -> None:
        """In a fork: its parent writes."""
        self._writing = threading.Lock()
        self._is_closed = True
