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
from zenml.errors import RunStoppedError, StepCancelledError
from zenml.execute.child_runs import ChildRuns, output_names
from zenml.execute.events import Added, Cancelled
from zenml.execute.futures import ENDED, StepRunFuture
from zenml.execute.learning import Learning
from zenml.execute.pipeline_future import PipelineFuture
from zenml.execute.returned import Returned, read_returned
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zenml.compile.compiler import Compiled
    from zenml.compile.dynamic_calls import DynamicCalls
    from zenml.execute.awaiting import Loop
    from zenml.execute.engine import Engine
    from zenml.execute.output import Printer
    from zenml.execute.workers import Workers
    from zenml.records.ids import RunId
    from zenml.records.run import StepRun
    from zenml.views.run_view import RunView

_OWN = ("id", "after")
"""Keywords of a call that are not the function's, unless it has parameters of these names."""


class DynamicSession:
    """The active session while the function of a dynamic pipeline runs."""

    def __init__(
        self,
        engine: Engine,
        workers: Workers,
        compiled: Compiled,
        calls: DynamicCalls,
        printer: Printer | None = None,
    ) -> None:
        self.printer = printer
        """Takes what the function prints."""
        self.loop: Loop | None = None
        """The event loop of an `async` function, in which calls do not wait."""
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
        self._children = workers.children = ChildRuns(engine, calls)
        self._child_ids: dict[str, RunId] = {}
        engine.caller = self

    def run(self) -> None:
        """Call the pipeline's function, and tell the engine what it returned or raised."""
        engine = self._engine
        token = session.active.set(self)
        self._leave()
        try:
            returned = self._call_function()
            for one in returned if isinstance(returned, (list, tuple)) else (returned,):
                if isinstance(one, PipelineFuture):
                    one.wait()  # only its end tells what it returned
            outputs = read_returned(
                self._calls.pipeline, returned, self._calls.outside, self._workers.artifacts
            )
        except Exception as error:  # whatever a user's function raises
            self._enter()
            if error is engine.fatal:
                raise
            engine.finish(Returned(), error)
        except BaseException:
            self._enter(is_waiting=False)
            raise
        else:
            self._enter()
            engine.finish(outputs)
        finally:
            session.active.reset(token)

    def _call_function(self) -> Any:
        returned = self._calls.call_function()
        if not hasattr(type(returned), "cr_frame"):  # no coroutine
            return returned
        from zenml.execute.awaiting import Loop  # asyncio is loaded where it is used only

        self.loop = Loop(self._engine)
        return self.loop.run(returned)

    # What steps and pipelines ask

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Run a step and return its artifacts, raise what it failed with; in an `async` function submit it."""
        if self.loop is not None:
            return self.submit_step(step, args, kwargs, invocation_id, after)
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
        """Run a pipeline as a run of its own and return its artifacts; raise what it failed with."""
        if self.loop is not None:
            return self.submit_pipeline(pipeline, args, kwargs)
        with self._away_from_function():
            future = self._add_child(pipeline, args, kwargs)
            self._wait([future], inf, is_any=False)
            self.raise_failure(future)
        return future.result() if future.outputs else StepHandle(future.invocation_id)

    def submit_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PipelineFuture:
        """Have a pipeline run, as a run of its own, as soon as it can; return at once."""
        with self._away_from_function(is_waiting=False):
            return self._add_child(pipeline, args, kwargs)

    def embed_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the steps of a pipeline part of this run."""
        return self._calls.call_inside(pipeline, args, kwargs)

    # What futures ask

    def wait_for(
        self, futures: Sequence[StepRunFuture[Any]], timeout: float | None, *, is_any: bool = False
    ) -> bool:
        """Wait until all futures, or any of them, are settled; return False if the time was up before."""
        if timeout is None and not is_any and all(one.is_settled for one in futures):
            return True
        with self._away_from_function(is_waiting=timeout is None and self.loop is None):
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

    def child_run(self, future: PipelineFuture) -> RunView | None:
        """Return the run of a pipeline that was called, None before it is recorded."""
        return self._children.view_of_run(self._child_ids.get(future.invocation_id))

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

    @property
    def works_in_caller(self) -> bool:
        """Whether steps run in the caller's thread only, which has to wait for them then."""
        return self._workers.works_in_caller

    # What the engine tells, with the baton

    def alarm(self) -> None:
        """Hear that the run cannot go on."""
        if self.loop is not None:
            self.loop.alarm()

    def settle(self, step: StepRun) -> bool:
        """Hear what was recorded of a step; tell whether somebody waits for it."""
        future = self._futures.get(step.invocation_id)
        if future is None:
            return False
        if step.child_run_id is not None:
            self._child_ids[step.invocation_id] = step.child_run_id
        if step.status not in ENDED:
            future.status = step.status
            return False
        del self._futures[step.invocation_id]
        self._ended[step.invocation_id] = len(self._ended)
        if isinstance(future, PipelineFuture) and step.status == "completed":
            future.settle_outputs(self._children.names.get(step.invocation_id, ()))
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

    def _add_child(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PipelineFuture:
        accepts = pipeline.signature.accepts
        values = {name: value for name, value in kwargs.items() if name not in _OWN or accepts(name)}
        own = [None if name in values else kwargs.get(name) for name in _OWN]
        call = self._calls.add_child(pipeline, args, values, *own)
        self._children.add(call)
        self._learning.learn(call.invocation.definition)
        names = output_names(pipeline.signature.returns)
        future = self._futures[call.invocation.id] = PipelineFuture(call.invocation.id, names, self)
        self._engine.post(Added(call.invocation))
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
        self._engine.is_interruptible = self._engine.is_in_function = True
        if self._engine.needs_caller:
            self._engine.find_stand_in()
        if self._engine.interrupt is not None:
            self._engine.raise_problem()


def _grouped(message: str, errors: list[BaseException]) -> BaseException:
    if all(isinstance(error, Exception) for error in errors):
        return ExceptionGroup(message, [error for error in errors if isinstance(error, Exception)])
    return BaseExceptionGroup(message, errors)
