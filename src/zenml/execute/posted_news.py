"""What the hooks of one run have posted, so that nobody is told the same twice.

News has a subject, such as a step, and a group, such as the cause of a failure. What was posted is recorded in the row of the hook
that posted it, right after the alerter took it: a hook that is called again, because the owner of its run
died meanwhile, posts nothing again. Between the two lies a moment in which an owner that dies has the
message sent twice; the key that goes with it is the same then.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from zenml.records.hooks import HookRun
from zenml.records.query import MAX_PAGE_SIZE, Condition, Query

if TYPE_CHECKING:
    from zenml.records.run import Run
    from zenml.store.store import Store

PAUSE = 60.0
"""Seconds for which an alerter is left alone that took long to fail, so that it does not hold up each step."""
SLOW = 1.0
"""Seconds that a post takes at least for its failure to be one that holds up."""


class PostedNews:
    """What was posted in one run, by any of its owners; asked from any thread."""

    def __init__(self, run: Run, store: Store) -> None:
        self._run_id = run.id
        self._store = store
        self._lock = threading.Lock()
        # Only a run that was resumed has hooks of another owner; for others the store is not asked.
        self._groups: dict[str, list[str]] | None = None if run.epoch else {}
        self._silent_until = 0.0
        self._problem = ""

    def claim(self, group: str, subject: str) -> int | None:
        """Return the place of news in its group, from 1; None if it was posted, or is being posted now."""
        with self._lock:
            if self._groups is None:
                self._groups = self._recorded()
            subjects = self._groups.setdefault(group, [])
            if subject in subjects:
                return None
            subjects.append(subject)
            return len(subjects)

    def give_back(self, group: str, subject: str) -> None:
        """Take back a claim: the news could not be posted."""
        with self._lock:
            if self._groups is not None and subject in self._groups.get(group, ()):
                self._groups[group].remove(subject)

    def record(self, group: str, subject: str, hook_run_id: str) -> None:
        """Record that a hook has posted news."""
        self._store.update(HookRun, hook_run_id, posted=f"{group}/{subject}")

    @property
    def problem(self) -> str | None:
        """Why nothing can be posted at the moment; None where it can be tried."""
        return self._problem if time.monotonic() < self._silent_until else None

    def tell_failure(self, seconds: float, problem: str) -> None:
        """Take note that a post failed, and how long that took."""
        if seconds >= SLOW:
            self._problem, self._silent_until = problem, time.monotonic() + PAUSE

    def _recorded(self) -> dict[str, list[str]]:
        conditions = (Condition("run_id", "equals", self._run_id), Condition("posted", "gt", ""))
        found: dict[str, list[str]] = {}
        for row in self._store.find(HookRun, Query(conditions, size=MAX_PAGE_SIZE, needs_total=False)):
            group, _, subject = (row.posted or "").partition("/")
            found.setdefault(group, []).append(subject)
        return found
