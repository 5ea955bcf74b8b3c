"""The calls that the function of a dynamic pipeline has made, and what became of them.

The engine says, with its baton, what was recorded; functions of the user that want to hear of it are
called later, without the baton.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zenml.errors import ContextError
from zenml.execute.futures import ENDED, SUCCEEDED
from zenml.execute.pipeline_future import PipelineFuture
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zenml.execute.child_runs import ChildRuns
    from zenml.execute.engine import Engine
    from zenml.execute.events import Added
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_future import MapFuture
    from zenml.records.ids import RunId
    from zenml.records.run import StepRun


class CallBook:
    """The calls of one run."""

    def __init__(self, engine: Engine, children: ChildRuns) -> None:
        self._engine = engine
        self._children = children
        self.open: dict[str, StepRunFuture[Any]] = {}
        """By invocation id: what has not ended yet."""
        self.ended: dict[str, int] = {}
        """By invocation id: the how manieth it was to end."""
        self.child_ids: dict[str, RunId] = {}
        """By invocation id: the runs of pipelines that were called."""
        self._to_tell: deque[tuple[Callable[[Any], Any], StepRunFuture[Any] | MapFuture[Any]]] = deque()
        """Functions that are to hear of calls that have ended."""
        self.is_over = False
        """Whether the function has ended, and no more calls come."""
        self._lock = threading.Lock()

    def add(self, future: StepRunFuture[Any], event: Added) -> None:
        """Take a new call, and give it to the engine, which takes it in its next turn.

        Raises:
            ContextError: the function has ended.
        """
        with self._lock:
            if self.is_over:
                raise ContextError(
                    f"`{future.invocation_id}` was called after the function of pipeline "
                    f"`{self._engine.run.pipeline_name}` had ended, perhaps in a thread that goes on. Wait for such "
                    "threads in the function."
                )
            self.open[future.invocation_id] = future
            self._engine.put(event)

    def settle(self, step: StepRun) -> bool:
        """Hear, with the baton, what was recorded of a step; tell whether somebody waits for it."""
        future = self.open.get(step.invocation_id)
        if future is None:
            return False
        if step.child_run_id is not None:
            self.child_ids[step.invocation_id] = step.child_run_id
        if step.status not in ENDED:
            future.status = step.status
            return False
        del self.open[step.invocation_id]
        self.ended[step.invocation_id] = len(self.ended)
        if isinstance(future, PipelineFuture) and step.status in SUCCEEDED:
            future.settle_outputs(self._children.names.get(step.invocation_id, ()))
        with self._lock:
            future.status = step.status
            self._to_tell.extend((function, future) for function in future.callbacks)
            future.callbacks = []
        future.tell_ended()
        return future.waiting > 0

    def is_awaited(self, identifier: str) -> bool:
        """Tell whether somebody waits for the end of a call, or is to hear of it."""
        future = self.open.get(identifier)
        return future is not None and bool(future.waiting or future.callbacks or future.on_end)

    def no_more(self) -> None:
        """Take that the function has ended."""
        with self._lock:
            self.is_over = True

    def close(self) -> None:
        """Settle what nothing more becomes of, now that the run has ended."""
        with self._lock:
            self.is_over = True
            left = list(self.open.values())
            self.open.clear()
            for future in left:
                future.status = "stopped"
                self._to_tell.extend((function, future) for function in future.callbacks)
                future.callbacks = []
        for future in left:
            future.tell_ended()

    @contextmanager
    def waiting_for(self, futures: Sequence[StepRunFuture[Any]]) -> Iterator[None]:
        """Note that a thread waits for calls, and is to be woken when they end."""
        self._count_waiting(futures, 1)
        try:
            yield
        finally:
            self._count_waiting(futures, -1)

    def _count_waiting(self, futures: Sequence[StepRunFuture[Any]], change: int) -> None:
        with self._lock:
            for one in futures:
                one.waiting += change

    def add_callback(self, future: StepRunFuture[Any], function: Callable[[Any], Any]) -> None:
        """Have a function called when a call ends; at once if it has."""
        with self._lock:
            if not future.is_settled:
                future.callbacks.append(function)
                return
        self.tell(function, future)
        self.call_back()

    def tell(self, function: Callable[[Any], Any], future: StepRunFuture[Any] | MapFuture[Any]) -> None:
        """Have a function hear soon, without the baton, that a call has ended."""
        self._to_tell.append((function, future))

    def call_back(self) -> None:
        """Call the functions that asked for it, without the baton; one that fails is told of, and no more."""
        while self._to_tell:
            try:
                function, future = self._to_tell.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                function(future)
            except Exception as error:  # a user's function may raise anything
                text = f"{type(error).__name__}: {failures.text_of(error)}"
                self._engine.note(
                    f"A function that was to hear of the end of `{future.invocation_id}` failed: {text}"
                )
