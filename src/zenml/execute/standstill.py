"""Where the function of a dynamic pipeline waits, and what it waits for may be a person.

A question of the function pauses its run once what was called has ended. A question of a child pauses the child
alone; what else was called goes on, and so does the function, until it waits for what only the answer can bring. Then the
run is paused too: no process waits for a person.
"""

from __future__ import annotations

import threading
from math import inf
from typing import TYPE_CHECKING, Any

from zenml.execute.events import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zenml.execute.call_book import CallBook
    from zenml.execute.caller_thread import CallerThread
    from zenml.execute.child_runs import ChildRuns
    from zenml.execute.engine import Engine
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_session import MapSession
    from zenml.execute.pausing import Questions


class Standstill:
    """The waiting of one execution of a pipeline's function."""

    def __init__(
        self,
        engine: Engine,
        thread: CallerThread,
        book: CallBook,
        maps: MapSession,
        children: ChildRuns,
        questions: Questions,
    ) -> None:
        self._engine = engine
        self._thread = thread
        self._book = book
        self._maps = maps
        self._children = children
        self._questions = questions
        self._waiting: set[int] = set()
        """Threads that wait without a limit."""

    def until(self, is_met: Callable[[], bool], seconds: float = inf) -> bool:
        """Wait until something is so; return False if the time is up before.

        Raises:
            RunPaused: it waited without a limit, for what only a person's answer to a child can bring.
            BaseException: what keeps the run from going on.
        """
        if seconds < inf:
            return self._thread.until(is_met, seconds)
        thread = threading.get_ident()
        self._waiting.add(thread)
        try:
            self._thread.until(lambda: is_met() or self.is_here, seconds)
        finally:
            self._waiting.discard(thread)
        if not is_met():
            self.pause()
        return True

    @property
    def is_here(self) -> bool:
        """Whether nothing goes on but that children wait for people."""
        return self._engine.is_at_standstill() and self._maps.are_idle(self._waiting)

    @property
    def may_come(self) -> bool:
        """Whether children were called, which may ask."""
        return self._children.were_called

    def pause(self) -> None:
        """Pause the run because its children are, and leave the function.

        Raises:
            RunPaused: when that is done.
        """
        names = [f"`{name}`" for name in self._engine.machine.paused_children]
        listed = " and ".join(names if len(names) < 3 else [*names[:2], f"{len(names) - 2} more"])
        self._questions.check_stopping(listed)
        self._questions.pause_because(f"it waits for {listed}, paused until there is an answer")

    def ask(
        self,
        wanted: Any,
        question: str,
        timeout: float | None,
        name: str,
        fallback: tuple[Any, ...],
        *,
        is_in_function: bool,
    ) -> Any:
        """Return a person's answer; if there is none yet, let what was called end, and leave the function.

        Raises:
            RunPaused: the run is paused until there is an answer.
            WaitTimeoutError: nobody answered in time, and there is no default.
            ContextError: it was called in another thread than the function's.
        """
        self._questions.check(question, is_in_function=is_in_function)
        wait = self._questions.find(wanted, question, timeout, name)
        if wait.status == "open":
            with self._thread.away_from_function():
                self._thread.until(lambda: self._maps.are_fed or self.is_here, inf)
                called = list(self._book.open.values())
                with self._book.waiting_for(called):
                    self._thread.until(lambda: _are_settled(called) or self.is_here, inf)
                self._questions.check_stopping(f"`{question}`")
                self._questions.pause(wait)
        return self._questions.answer(wait, wanted, fallback)

    def finish(self) -> None:
        """Wait, as the function has ended well, until all elements of all maps are started, and all children have ended."""
        self.until(lambda: self._maps.are_fed)
        if self.may_come:
            found = [self._book.open.get(one) for one in self._children.called]
            called = [one for one in found if one is not None]
            with self._book.waiting_for(called):
                self.until(lambda: _are_settled(called))

    def give_up(self) -> None:
        """Have the run end without what waits for people: its function has failed."""
        paused = self._engine.machine.paused_children
        self._engine.put(*map(Cancelled, paused))


def _are_settled(futures: Iterable[StepRunFuture[Any]]) -> bool:
    return all(one.is_settled for one in futures)
