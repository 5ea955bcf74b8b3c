"""The function of a dynamic pipeline while it runs: each call of a step is compiled, and given to the engine.

The function has the caller's thread, and never a thread that steps run in. Where it waits for a
step, the thread does the engine's work, which may be to run that very step.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from zenml.compile.handles import OutputHandle, StepHandle
from zenml.config.unmapped import unmapped
from zenml.context import session
from zenml.errors import Terminated
from zenml.execute.call_book import CallBook
from zenml.execute.call_failures import CallFailures
from zenml.execute.caller_thread import CallerThread
from zenml.execute.child_runs import ChildRuns, output_names
from zenml.execute.events import Added, Cancelled
from zenml.execute.futures import SUCCEEDED, StepRunFuture
from zenml.execute.learning import Learning
from zenml.execute.map_session import MapSession
from zenml.execute.pausing import Questions, RunPaused, is_pause
from zenml.execute.pipeline_future import PipelineFuture
from zenml.execute.returned import Returned, read_returned
from zenml.execute.standstill import Standstill
from zenml.execute.unwinding import Unwinding
from zenml.views.artifact_view import ArtifactView
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zenml.compile.child_calls import ChildCall
    from zenml.compile.compiler import Compiled
    from zenml.compile.dynamic_calls import CompiledCall, DynamicCalls
    from zenml.execute.awaiting import Loop
    from zenml.execute.engine import Engine
    from zenml.execute.map_future import MapFuture
    from zenml.execute.workers import Workers
    from zenml.records.run import StepRun
    from zenml.views.run_view import RunView

_OWN = ("id", "after")
"""Keywords of a call of a pipeline that are not the function's, unless it has parameters of these names."""


class DynamicSession:
    """The active session while the function of a dynamic pipeline runs."""

    def __init__(self, engine: Engine, workers: Workers, compiled: Compiled, calls: DynamicCalls) -> None:
        self._engine = engine
        self._workers = workers
        self._calls = calls
        self._learning = Learning(engine, workers, compiled)
        self._questions = Questions(engine)
        self._thread = CallerThread(engine, workers, self._questions.check_going_on)
        self._failures = CallFailures(engine)
        self.printer = engine.printer
        """Takes what the function prints, in whatever thread of its own."""
        self._children = workers.children = ChildRuns(engine, calls)
        self._book = CallBook(engine, self._children)
        self._maps = MapSession(self, engine, calls, self._learning, self._book.open)
        self.standstill = Standstill(
            engine, self._thread, self._book, self._maps, self._children, self._questions
        )
        """Where it waits for what children ask people."""
        self.loop: Loop | None = None
        """The event loop of an `async` function, in which calls do not wait."""
        calls.owner = self
        engine.caller = self

    def run(self) -> None:
        """Call the pipeline's function, and tell the engine what it returned or raised.

        Raises:
            BaseException: a signal, or what keeps the run from going on.
        """
        engine = self._engine
        token = session.active.set(self)
        returned = Returned()
        error: BaseException | None = None
        try:
            try:
                self._thread.enter_function()
                returned = self._call_function()
            except BaseException as raised:  # whatever a user's function raises
                error = raised
                self._maps.stop()
            self._thread.come_back(error)
            if error is None:
                try:
                    self.standstill.finish()
                except (RunPaused, Exception) as raised:
                    error = raised
        finally:
            self._maps.stop()
            session.active.reset(token)
        self._book.no_more()
        if error is not None and _is_signal(error):
            raise error
        if self._questions.has_paused(error):
            return
        if engine.fatal is not None:
            raise engine.fatal
        self.standstill.give_up()
        if isinstance(error, Unwinding):
            error = next(iter(engine.failures.values()), error)
        if error is not None:
            error = error.with_traceback(failures.user_traceback(error.__traceback__))
        engine.finish(returned, error)
        self._say_what_was_not_refreshed()

    def _call_function(self) -> Returned:
        """Call the function, and make what it returned the outputs of the run."""
        returned = self._calls.call_function()
        if hasattr(type(returned), "cr_frame"):  # a coroutine
            from zenml.execute.awaiting import Loop  # asyncio is loaded where it is used only

            self.loop = Loop(self._engine)
            returned = self.loop.run(returned)
        self._maps.passed_on(returned)
        for one in returned if isinstance(returned, (list, tuple)) else (returned,):
            if isinstance(one, PipelineFuture):
                one.wait()  # only its end tells what it returned
        calls = self._calls
        return read_returned(calls.pipeline, returned, calls.outside, self._workers.artifacts)

    def close(self) -> None:
        """Settle what nothing more becomes of, now that the run has ended."""
        self._book.close()
        self._engine.wake()
        self._book.call_back()

    # What steps and pipelines ask

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Run a step and return its artifacts, raise what it failed with; in an `async` function submit it."""
        if self.loop is not None:
            return self.submit_step(step, args, kwargs, invocation_id, after)
        self._maps.passed_on(*args, *kwargs.values(), after)
        with self._thread.away_from_function():
            future = self._add(step, args, kwargs, invocation_id, after, is_first=True)
            self._wait([future], inf, is_any=False)
            error = self.failure_of(future)
            if error is not None:
                raise error
        if not future.outputs:
            return StepHandle(future.invocation_id)
        return future.result()

    def submit_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> StepRunFuture[Any]:
        """Have a step run as soon as it can, and return at once."""
        self._maps.passed_on(*args, *kwargs.values(), after)
        with self._thread.away_from_function(is_waiting=False):
            return self._add(step, args, kwargs, invocation_id, after)

    def map_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: session.MapOptions
    ) -> MapFuture[Any]:
        """Have a step run for each of many items, and return at once."""
        whole = [value.value for value in (*args, *kwargs.values()) if isinstance(value, unmapped)]
        self._maps.passed_on(*whole, options.after)
        with self._thread.away_from_function(is_waiting=False):
            self._thread.refuse_going_on()
            return self._maps.start(step, args, kwargs, options, self._workers.places_of(step))

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a pipeline as a run of its own and return its artifacts; raise what it failed with."""
        if self.loop is not None:
            return self.submit_pipeline(pipeline, args, kwargs)
        self._maps.passed_on(*args, *kwargs.values())
        with self._thread.away_from_function():
            future = self._add_child(pipeline, args, kwargs)
            self._wait([future], inf, is_any=False)
            error = self.failure_of(future)
            if error is not None:
                raise error
        return future.result() if future.outputs else StepHandle(future.invocation_id)

    def submit_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PipelineFuture:
        """Have a pipeline run, as a run of its own, as soon as it can; return at once."""
        self._maps.passed_on(*args, *kwargs.values())
        with self._thread.away_from_function(is_waiting=False):
            return self._add_child(pipeline, args, kwargs)

    def embed_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the steps of a pipeline part of this run."""
        return self._calls.call_inside(pipeline, args, kwargs)

    def ask(
        self, wanted: Any, question: str, timeout: float | None, name: str, fallback: tuple[Any, ...]
    ) -> Any:
        """Return a person's answer; if there is none yet, let what was called end, and leave the function."""
        is_here = self._thread.is_here or (self.loop is not None and self.loop.is_here)
        return self.standstill.ask(wanted, question, timeout, name, fallback, is_in_function=is_here)

    # What futures ask

    def wait_for(
        self, futures: Sequence[StepRunFuture[Any]], timeout: float | None, *, is_any: bool = False
    ) -> bool:
        """Wait until all futures, or any of them, are settled; return False if the time was up before."""
        if timeout is None and not is_any and all(one.is_settled for one in futures):
            return True
        with self._thread.away_from_function(is_waiting=timeout is None and self.loop is None):
            return self._wait(futures, inf if timeout is None else timeout, is_any=is_any)

    def wait_until(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until something is so that an event of the engine makes so; return False if the time was up before."""
        with self._thread.away_from_function(is_waiting=timeout is None and self.loop is None):
            return self.standstill.until(is_so, inf if timeout is None else timeout)

    def failure_of(self, future: StepRunFuture[Any]) -> BaseException | None:
        """Return what a settled call failed with, None if it succeeded; it is the function's now, and not the run's."""
        return None if future.status in SUCCEEDED else self._failures.take(future.invocation_id)

    def take_causes(self, future: StepRunFuture[Any]) -> list[BaseException]:
        """Return all that a settled call failed with; it is the function's now, and not the run's."""
        return list(dict.fromkeys(self._failures.take_causes(future.invocation_id).values()))

    def is_cancelled(self, future: StepRunFuture[Any]) -> bool:
        """Tell whether a call was cancelled, or was skipped because one that it needs was."""
        return self._failures.is_cancelled(future.invocation_id)

    def cancel(self, future: StepRunFuture[Any]) -> bool:
        """Have a step not run, or end its process; return whether it did not end otherwise."""
        with self._thread.away_from_function(is_waiting=False):
            if not future.is_settled and not self._book.is_over:
                self._failures.cancelled.add(future.invocation_id)
                self._engine.post(Cancelled(future.invocation_id))
                self._engine.advance()
                self._children.withdraw(future.invocation_id, "it was cancelled")
            return future.status in ("skipped", "stopped") and self.is_cancelled(future)

    def cancel_all(self, futures: Sequence[StepRunFuture[Any]]) -> None:
        """Have steps not run, or end their processes."""
        with self._thread.away_from_function(is_waiting=False):
            self.note_cancelled(futures)
            self._engine.put(*(Cancelled(one.invocation_id) for one in futures))
            self._engine.advance()

    def note_cancelled(self, futures: Iterable[StepRunFuture[Any]]) -> None:
        """Keep which steps are to be cancelled."""
        self._failures.cancelled.update(one.invocation_id for one in futures)

    def child_run(self, future: PipelineFuture) -> RunView | None:
        """Return the run of a pipeline that was called, None before it is recorded."""
        return self._children.view_of_run(self._book.child_ids.get(future.invocation_id))

    def artifact(self, output: OutputHandle) -> ArtifactView:
        """Return the artifact that an output stands for."""
        artifact = self._engine.admission.artifacts[output.invocation_id, output.name]
        return ArtifactView(artifact, self._engine.store)

    def add_callback(self, future: StepRunFuture[Any], function: Callable[[Any], Any]) -> None:
        """Have a function called when a call ends; at once if it has."""
        self._book.add_callback(future, function)

    def tell(self, function: Callable[[Any], Any], future: StepRunFuture[Any] | MapFuture[Any]) -> None:
        """Have a function hear soon, without the baton, that a call has ended."""
        self._book.tell(function, future)

    def ended_at(self, future: StepRunFuture[Any]) -> int:
        """Return the how manieth of all calls it was to end."""
        return self._book.ended.get(future.invocation_id, 0)

    def now(self) -> float:
        """Return seconds that never go back, by the clock of the run."""
        return self._engine.now()

    @property
    def works_in_caller(self) -> bool:
        """Whether steps run in the caller's thread only, which has to wait for them then."""
        return self._workers.works_in_caller

    # What the engine tells

    def alarm(self) -> None:
        """Hear that the run cannot go on."""
        if self.loop is not None:
            self.loop.alarm()

    def settle(self, step: StepRun) -> bool:
        """Hear, with the baton, what was recorded of a step; tell whether somebody waits for it."""
        return self._book.settle(step)

    def is_awaited(self, identifier: str) -> bool:
        """Tell whether somebody waits for the end of a call, or is to hear of it."""
        return self.loop is not None or self._book.is_awaited(identifier)

    def call_back(self) -> None:
        """Call the functions that asked for it, without the baton."""
        self._book.call_back()

    @property
    def was_told(self) -> bool:
        """Whether the function knows that its run ends."""
        return self._thread.was_told

    def refusal(self) -> BaseException:
        """Return what the function is told by, that its run ends."""
        return self._thread.refusal()

    def feed_maps(self) -> bool:
        """Have maps go on, where they have no threads of their own; generators run as parts of the function."""
        if not self._maps.is_wanted:
            return False
        self._thread.enter_function()
        try:
            self._maps.feed()
        finally:
            self._thread.enter_engine()
        return True

    # Inside

    def _add(
        self,
        step: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
        *,
        is_first: bool = False,
    ) -> StepRunFuture[Any]:
        self._thread.refuse_going_on()
        outputs = [(output.name, output.annotation) for output in step.outputs]

        def admit(call: CompiledCall) -> StepRunFuture[Any]:
            self._learning.learn(call.invocation.definition)
            future = StepRunFuture[Any](call.invocation.id, outputs, self)
            self._book.add(future, Added(call.invocation, call.is_refreshed, is_first))
            return future

        future = self._calls.add(step, args, kwargs, invocation_id, after, admit=admit)
        if is_first:
            self._engine.work_off()
        elif self.loop is not None or not self._engine.gathering.puts_off_call():
            self.go_on()  # an `async` function may wait for one call after the other, and nobody sees it
        return future

    def _add_child(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PipelineFuture:
        self._thread.refuse_going_on()
        accepts = pipeline.signature.accepts
        values = {name: value for name, value in kwargs.items() if name not in _OWN or accepts(name)}
        own = [None if name in values else kwargs.get(name) for name in _OWN]
        names = output_names(pipeline.signature.returns)

        def admit(call: ChildCall) -> PipelineFuture:
            self._children.add(call)
            self._learning.learn(call.invocation.definition)
            future = PipelineFuture(call.invocation.id, names, self)
            self._book.add(future, Added(call.invocation))
            return future

        future = self._calls.add_child(pipeline, args, values, *own, admit=admit)
        self._engine.work_off()
        return future

    def go_on(self) -> None:
        """Have the engine take new calls: now, or if no place is free anyway with the next step that ends."""
        if not self._workers.is_full or self._engine.has_much_to_take:
            self._engine.work_off()

    def _wait(self, futures: Sequence[StepRunFuture[Any]], seconds: float, *, is_any: bool) -> bool:
        met = any if is_any else all

        def is_met() -> bool:
            return met(one.is_settled for one in futures)

        with self._book.waiting_for(futures):
            return self.standstill.until(is_met, seconds)

    def _say_what_was_not_refreshed(self) -> None:
        names = self._calls.not_refreshed()
        if names:
            listed = " and ".join(f"`{name}`" for name in names)
            self._engine.note(f"{listed} was to be refreshed, and this run called no step of that name.")


def _is_signal(error: BaseException) -> bool:
    """Tell whether a function was ended from outside, and by something else than that its run ends."""
    if is_pause(error):
        return False
    return isinstance(error, Terminated) or not isinstance(error, (Exception, SystemExit, Unwinding))
