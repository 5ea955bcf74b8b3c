"""The event loop of an `async` pipeline: its function runs in it, and waits for steps without blocking it.

The loop has the caller's thread, and no step ever gets that one. Beside the function a watcher waits for
what ends a run early, and cancels the function then, so that nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from zenml.errors import RunStoppedError
from zenml.execute.stand_in import LOOK

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from zenml.execute.engine import Engine
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_future import MapFuture

GLANCE = 0.1
"""Seconds between two looks at whether the task in which an `async` pipeline was called is cancelled."""
PATIENCE = 5
"""How often a function that does not want to end is cancelled, once a second."""


class Loop:
    """The event loop of one pipeline's function."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.Event | None = None
        self._thread = 0

    def run(self, function: Awaitable[Any]) -> Any:
        """Run a coroutine to its end; beside this thread where a loop runs here already, as in notebooks.

        Raises:
            BaseException: what it raised; a signal; what keeps the run from going on.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._run(function))
        return self._run_beside(function)

    @property
    def is_here(self) -> bool:
        """Whether this is the thread that it runs in."""
        return threading.get_ident() == self._thread

    def alarm(self) -> None:
        """Have the function end, from whatever thread, because the run cannot go on."""
        if self._loop is not None and self._alarm is not None:
            _tell(self._loop, self._alarm.set)

    def _run_beside(self, function: Awaitable[Any]) -> Any:
        ended: list[tuple[Any, BaseException | None]] = []
        context = copy_context()

        def work() -> None:
            try:
                ended.append((context.run(asyncio.run, self._run(function)), None))
            except BaseException as error:  # it is raised where the pipeline was called
                ended.append((None, error))

        thread = threading.Thread(target=work, name="zenml-async", daemon=True)
        thread.start()
        task = asyncio.current_task()
        try:
            while thread.is_alive():
                thread.join(GLANCE)
                if task is not None and task.cancelling():  # as Ctrl-C does under `asyncio.run`
                    raise asyncio.CancelledError("the task that called it was cancelled")
        except BaseException:  # mostly a signal; it is raised here, and the function ends there
            name = self._engine.run.name
            self._engine.fatal = self._engine.fatal or RunStoppedError(f"Run `{name}` was stopped.")
            self.alarm()
            thread.join(LOOK * PATIENCE)
            raise
        returned, problem = ended[0]
        if problem is not None:
            raise problem
        return returned

    async def _run(self, function: Awaitable[Any]) -> Any:
        self._thread = threading.get_ident()
        self._loop, self._alarm = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.ensure_future(function)
        watcher = asyncio.ensure_future(self._watch(self._alarm))
        try:
            await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                for _ in range(PATIENCE):
                    task.cancel()
                    await asyncio.wait({task}, timeout=LOOK)
                    if task.done():
                        break
                watcher.result()  # raises
        finally:
            watcher.cancel()
            self._alarm = None
        return task.result()

    async def _watch(self, alarm: asyncio.Event) -> None:
        """Raise what keeps the run from going on, once there is something."""
        while not self._engine.raise_problem():
            self._engine.look_for_stop()
            try:
                await asyncio.wait_for(alarm.wait(), LOOK)
            except TimeoutError:
                continue


async def settled(future: StepRunFuture[Any] | MapFuture[Any]) -> None:
    """Return when a step, or all elements of a map, have ended; the loop does other things meanwhile."""
    if future.session.works_in_caller:
        future.wait()
        return
    loop = asyncio.get_running_loop()
    has_ended = asyncio.Event()
    future.add_done_callback(lambda _: _tell(loop, has_ended.set))
    standstill = future.session.standstill
    while standstill.may_come and not has_ended.is_set():
        try:
            await asyncio.wait_for(has_ended.wait(), GLANCE)
        except TimeoutError:
            if standstill.is_here:
                standstill.pause()
    await has_ended.wait()


def _tell(loop: asyncio.AbstractEventLoop, function: Any) -> None:
    """Call something in a loop, if that is still there."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # it was closed; nobody waits in it any more
        return
