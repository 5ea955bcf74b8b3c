"""The function of a dynamic pipeline while it runs: each call of a step is compiled, and given to the engine.

The function has the caller's thread, and never a thread that steps run in. Where it waits for a
step, the thread does the engine's work, which may be to run that very step.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from zenml.compile.handles import OutputHandle, StepHandle
from zenml.context import session
from zenml.errors import ContextError, RunStoppedError, StepCancelledError
from zenml.execute.events import Added, Cancelled
from zenml.execute.futures import ENDED, StepRunFuture
from zenml.execute.learning import Learning
from zenml.execute.pausing import Questions, RunPaused
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zenml.compile.compiler import Compiled
    from zenml.compile.dynamic_calls import DynamicCalls
    from zenml.execute.engine import Engine
    from zenml.execute.workers import Workers
    from zenml.records.run import StepRun


class DynamicSession:
    """The active session while the function of a dynamic pipeline runs."""

    def __init__(self, engine: Engine, workers: Workers, compiled: Compiled, calls: DynamicCalls) -> None:
        self._engine = engine
        self._workers = workers
        self._calls = calls
        self._learning = Learning(engine, workers, compiled)
        self._caller = threading.get_ident()
        self._futures: dict[str, StepRunFuture[Any]] = {}
        """By invocation id: what has not ended yet."""
        self._ended: dict[str, int] = {}
        """By invocation id: the how manieth it was to end."""
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()
        self._questions = Questions(engine)
        engine.caller = self

    def run(self) -> None:
        """Call the pipeline's function, and tell the engine what it returned or raised."""
        engine = self._engine
        token = session.active.set(self)
        self._leave()
        try:
            returned = self._calls.call_function()
        except RunPaused:
            self._enter(is_waiting=False)
        except Exception as error:  # whatever a user's function raises
            self._enter()
            if self._questions.has_paused(error):
                return
            if error is engine.fatal:
                raise
            engine.finish((), error)
        except BaseException:
            self._enter(is_waiting=False)
            raise
        else:
            self._enter()
            if not self._questions.has_paused(None):
                engine.finish(self._calls.outputs(returned))
        finally:
            session.active.reset(token)

    # What steps and pipelines ask

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Run a step and return its artifacts; raise what it failed with."""
        with self._away_from_function():
            future = self._add(step, args, kwargs, invocation_id, after)
            self._wait([future], inf, is_any=False)
            self.raise_failure(future)
        if not future.outputs:
            return StepHandle(future.invocation_id)
        return future.result()

    def submit_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> StepRunFuture[Any]:
        """Have a step run as soon as it can, and return at once."""
        with self._away_from_function(is_waiting=False):
            return self._add(step, args, kwargs, invocation_id, after)

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the steps of a pipeline part of this run."""
        return self._calls.call_inside(pipeline, args, kwargs)

    def ask(
        self, wanted: Any, question: str, timeout: float | None, name: str, fallback: tuple[Any, ...]
    ) -> Any:
        """Return a person's answer; if there is none yet, let what was called end, and leave the function.

        Raises:
            RunPaused: the run is paused until there is an answer.
            WaitTimeoutError: nobody answered in time, and there is no default.
            ContextError: it was called in another thread than the function's.
        """
        if threading.get_ident() != self._caller:
            raise ContextError(
                f"`wait({question!r})` was called in another thread than that of the pipeline's function. Ask in the "
                "function itself: it is left while a person thinks, and other threads cannot be."
            )
        self._questions.check_going_on()
        wait = self._questions.find(wanted, question, timeout, name)
        if wait.status == "open":
            with self._away_from_function():
                self._let_end(question)
                self._questions.pause(wait)
        return self._questions.answer(wait, wanted, fallback)

    def _let_end(self, question: str) -> None:
        """Wait until everything that was called has ended; raise where a failure ends the run."""
        self._wait(list(self._futures.values()), inf, is_any=False)
        machine = self._engine.machine
        if machine.is_stopping and machine.first_failure is not None:
            raise self._engine.failures[machine.first_failure]
        if machine.is_stopping:
            raise RunStoppedError(f"Run `{self._engine.run.name}` is stopping; `{question}` is not asked.")

    # What futures ask

    def wait_for(
        self, futures: Sequence[StepRunFuture[Any]], timeout: float | None, *, is_any: bool = False
    ) -> bool:
        """Wait until all futures, or any of them, are settled; return False if the time was up before."""
        if timeout is None and not is_any and all(one.is_settled for one in futures):
            return True
        with self._away_from_function(is_waiting=timeout is None):
            return self._wait(futures, inf if timeout is None else timeout, is_any=is_any)

    def raise_failure(self, future: StepRunFuture[Any]) -> None:
        """Raise what a settled call failed with; from then on it is the function's, and not the run's."""
        if future.status in ("completed", "cached"):
            return
        found = self._causes(future.invocation_id)
        for identifier in found:
            self._engine.machine.handle(identifier)
        errors = list(dict.fromkeys(found.values()))
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise _grouped(f"{len(errors)} steps failed that step `{future.invocation_id}` needs", errors)
        node = self._engine.machine.nodes[future.invocation_id]
        what = f"Step `{future.invocation_id}` of run `{self._engine.run.name}`"
        if self.is_cancelled(future):
            raise StepCancelledError(f"{what} has no result: it, or a step that it needs, was cancelled.")
        raise RunStoppedError(f"{what} did not run: {node.reason or 'the run was stopped'}.")

    def is_cancelled(self, future: StepRunFuture[Any]) -> bool:
        """Tell whether a call was cancelled, or was skipped because one that it needs was."""
        nodes = self._engine.machine.nodes
        waiting, seen = [future.invocation_id], set()
        while waiting:
            node = nodes.get(waiting.pop())
            if node is None or node.invocation.id in seen or node.state not in ("skipped", "stopped"):
                continue
            if node.invocation.id in self._cancelled:
                return True
            seen.add(node.invocation.id)
            waiting += node.invocation.upstream()
        return False

    def cancel(self, future: StepRunFuture[Any]) -> bool:
        """Have a step not run, or end its process; return whether it did not end otherwise."""
        with self._away_from_function(is_waiting=False):
            if not future.is_settled:
                self._cancelled.add(future.invocation_id)
                self._engine.post(Cancelled(future.invocation_id))
                self._engine.advance()
            return future.status in ("skipped", "stopped") and self.is_cancelled(future)

    def artifact(self, output: OutputHandle) -> ArtifactView:
        """Return the artifact that an output stands for."""
        artifact = self._engine.admission.artifacts[output.invocation_id, output.name]
        return ArtifactView(artifact, self._engine.store)

    def add_callback(self, future: StepRunFuture[Any], function: Callable[[Any], Any]) -> bool:
        """Have a function called when a call ends; return False if it has."""
        with self._lock:
            if future.is_settled:
                return False
            future.callbacks.append(function)
            return True

    def ended_at(self, future: StepRunFuture[Any]) -> int:
        """Return the how manieth of all calls it was to end."""
        return self._ended.get(future.invocation_id, 0)

    # What the engine tells, with the baton

    def settle(self, step: StepRun) -> bool:
        """Hear what was recorded of a step; tell whether somebody waits for it."""
        future = self._futures.get(step.invocation_id)
        if future is None:
            return False
        if step.status not in ENDED:
            future.status = step.status
            return False
        del self._futures[step.invocation_id]
        self._ended[step.invocation_id] = len(self._ended)
        with self._lock:
            future.status = step.status
            callbacks, future.callbacks = future.callbacks, []
        for function in callbacks:
            function(future)
        return future.waiting > 0

    # Inside

    def _add(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> StepRunFuture[Any]:
        call = self._calls.add(step, args, kwargs, invocation_id, after)
        invocation = call.invocation
        self._learning.learn(invocation.definition)
        outputs = [(output.name, output.annotation) for output in step.outputs]
        future = self._futures[invocation.id] = StepRunFuture[Any](invocation.id, outputs, self)
        self._engine.post(Added(invocation, call.is_refreshed))
        return future

    def _wait(self, futures: Sequence[StepRunFuture[Any]], seconds: float, *, is_any: bool) -> bool:
        for one in futures:
            one.waiting += 1
        met = any if is_any else all
        try:
            if threading.get_ident() == self._caller:
                return self._engine.work_until(
                    lambda: met(one.is_settled for one in futures), seconds=seconds
                )
            self._engine.wait_elsewhere(lambda: met(one.is_settled for one in futures), seconds=seconds)
            return met(one.is_settled for one in futures)
        finally:
            for one in futures:
                one.waiting -= 1

    def _causes(self, identifier: str) -> dict[str, BaseException]:
        """Return the failures because of which a step has no result, by invocation id: its own, or of what it needs."""
        engine, nodes = self._engine, self._engine.machine.nodes
        found: dict[str, BaseException] = {}
        waiting, seen = [identifier], {identifier}
        while waiting:
            current = waiting.pop(0)
            if nodes[current].state == "failed":
                found[current] = engine.failures[current]
            elif nodes[current].state == "skipped":
                upstream = [one for one in nodes[current].invocation.upstream() if one not in seen]
                seen.update(upstream)
                waiting += upstream
        if not found and engine.machine.is_stopping and engine.failures:
            first = next(iter(engine.failures))
            found[first] = engine.failures[first]
        return found

    @contextmanager
    def _away_from_function(self, *, is_waiting: bool = True) -> Iterator[None]:
        """Have the caller's thread be the engine's for a moment; other threads just do what they do.

        Args:
            is_waiting: whether it waits for as long as it takes, and may run a step meanwhile.
        """
        self._questions.check_going_on()
        if threading.get_ident() != self._caller:
            yield
            return
        self._enter(is_waiting=is_waiting)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, *, is_waiting: bool = True) -> None:
        self._engine.is_interruptible = self._engine.is_in_function = False
        if is_waiting:
            self._workers.caller_came()

    def _leave(self) -> None:
        self._workers.caller_left()
        if self._engine.run.status == "paused":
            return
        self._engine.is_interruptible = self._engine.is_in_function = True
        if self._engine.needs_caller:
            self._engine.find_stand_in()
        if self._engine.interrupt is not None:
            self._engine.raise_problem()


def _grouped(message: str, errors: list[BaseException]) -> BaseException:
    if all(isinstance(error, Exception) for error in errors):
        return ExceptionGroup(message, [error for error in errors if isinstance(error, Exception)])
    return BaseExceptionGroup(message, errors)
