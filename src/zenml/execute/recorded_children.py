"""What a run has recorded of the pipelines that it called: which of their runs goes on.

A call whose run has completed is answered by what that run recorded. A call that has no result goes on with
the run that it was, so that nothing which is recorded in there is executed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.run import Run
from zenml.records.status import SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from zenml.records.ids import RunId
    from zenml.records.run import StepRun
    from zenml.store.store import Store


class RecordedChildren:
    """The calls of pipelines in one run that was resumed.

    Args:
        steps: all attempts of all calls.
        completed: the ids of the runs that have completed.
    """

    def __init__(self, steps: Iterable[StepRun], completed: Collection[RunId]) -> None:
        self._completed = completed
        self._last: dict[str, StepRun] = {}
        """By invocation id: the last attempt that was a run."""
        self._taken: set[str] = set()
        for step in steps:
            if step.child_run_id is not None:
                known = self._last.get(step.invocation_id)
                if known is None or known.attempt <= step.attempt:
                    self._last[step.invocation_id] = step

    @classmethod
    def read(cls, store: Store, steps: Iterable[StepRun]) -> RecordedChildren:
        """Read which children of a run have completed, in one read however many there are."""
        listed = [step for step in steps if step.child_run_id is not None]
        ids = tuple({step.child_run_id for step in listed})
        completed = store.select(Run, id=ids, status="completed") if ids else ()
        return cls(listed, {run.id for run in completed})

    def go_on_with(self, identifier: str, key: str, is_free: Callable[[StepRun], bool]) -> RunId | None:
        """Return the run that a call goes on with, which nothing else gets; None if it is to be a new one.

        Args:
            identifier: the call.
            key: its cache key. A run of the same content comes first, also one under another id; else it is that of
                the call itself: what differs in there is found out there.
            is_free: tells whether no other call wants an attempt.
        """
        own = self._last.get(identifier)
        same = [
            one for one in self._last.values() if one.cache_key == key and one is not own and is_free(one)
        ]
        order = [own, *same] if own is not None and own.cache_key == key else [*same, own]
        for step in order:
            if step is None or step.status in SUCCESSFUL or step.id in self._taken:
                continue
            if step.child_run_id in self._completed and step.cache_key != key:
                continue  # it completed, with other arguments or code, and its parent did not learn of it
            self._taken.add(step.id)
            return step.child_run_id
        return None
