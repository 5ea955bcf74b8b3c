"""The function of a dynamic pipeline while it runs: each call of a step is compiled, and given to the engine.

The function has the caller's thread, and never a thread that steps run in. Where it waits for a
step, the thread does the engine's work, which may be to run that very step.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from zenml.compile.handles import OutputHandle, StepHandle
from zenml.config.unmapped import unmapped
from zenml.context import session
from zenml.errors import ContextError
from zenml.execute import failures
from zenml.execute.call_failures import CallFailures
from zenml.execute.events import Added, Cancelled
from zenml.execute.futures import ENDED, SUCCEEDED, StepRunFuture
from zenml.execute.learning import Learning
from zenml.execute.map_session import MapSession
from zenml.execute.signals import Terminated
from zenml.execute.unwinding import PATIENCE, Unwinding, leave_by_force
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zenml.compile.compiler import Compiled
    from zenml.compile.dynamic_calls import CompiledCall, DynamicCalls
    from zenml.execute.engine import Engine
    from zenml.execute.map_future import MapFuture
    from zenml.execute.workers import Workers
    from zenml.records.plan import PipelineOutput
    from zenml.records.run import StepRun


MOST_REFUSALS = 100
"""How many calls of a function are answered with the failure that stops its run; then the function is left."""


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
        self._failures = CallFailures(engine)
        self._calling_back: deque[tuple[Callable[[Any], Any], StepRunFuture[Any] | MapFuture[Any]]] = deque()
        """Functions that are to hear of calls that have ended."""
        self._refusals = 0
        """How often the function was told that its run ends."""
        self._is_over = False
        """Whether the function has ended, and no more calls come."""
        self._lock = threading.Lock()
        self.printer = engine.printer
        """Takes what the function prints, in whatever thread of its own."""
        self._maps = MapSession(self, engine, calls, self._learning, self._futures)
        calls.owner = self
        engine.caller = self

    def run(self) -> None:
        """Call the pipeline's function, and tell the engine what it returned or raised.

        Raises:
            BaseException: a signal, or what keeps the run from going on.
        """
        engine = self._engine
        token = session.active.set(self)
        outputs: tuple[PipelineOutput, ...] = ()
        error: BaseException | None = None
        try:
            try:
                self._leave()
                returned = self._calls.call_function()
                self._maps.passed_on(returned)
                outputs = self._calls.outputs(returned)
            except BaseException as raised:  # whatever a user's function raises
                error = raised
                self._maps.stop()
            self._come_back(error)
            if error is None:
                self._maps.finish()
        finally:
            self._maps.stop()
            session.active.reset(token)
        with self._lock:
            self._is_over = True
        if engine.fatal is not None:
            raise engine.fatal
        if isinstance(error, Unwinding):
            error = next(iter(engine.failures.values()), error)
        elif isinstance(error, Terminated) or (
            error is not None and not isinstance(error, (Exception, SystemExit))
        ):
            raise error
        if error is not None:
            error = error.with_traceback(failures.user_traceback(error.__traceback__))
        engine.finish(outputs, error)
        self._say_what_was_not_refreshed()

    def _come_back(self, error: BaseException | None) -> None:
        """Have the caller's thread be the engine's from now on; a signal may still arrive just before."""
        try:
            self._enter(is_waiting=error is None or isinstance(error, Exception))
        except BaseException:
            self._enter(is_waiting=False)
            raise

    def close(self) -> None:
        """Settle what nothing more becomes of, now that the run has ended."""
        with self._lock:
            self._is_over = True
            left = list(self._futures.values())
            self._futures.clear()
            for future in left:
                future.status = "stopped"
                self._calling_back.extend((function, future) for function in future.callbacks)
                future.callbacks = []
        for future in left:
            future.tell_ended()
        self._engine.wake()
        self.call_back()

    # What steps and pipelines ask

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Run a step and return its artifacts; raise what it failed with."""
        self._maps.passed_on(*args, *kwargs.values(), after)
        with self._away_from_function():
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
        with self._away_from_function(is_waiting=False):
            return self._add(step, args, kwargs, invocation_id, after)

    def map_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: session.MapOptions
    ) -> MapFuture[Any]:
        """Have a step run for each of many items, and return at once."""
        whole = [value.value for value in (*args, *kwargs.values()) if isinstance(value, unmapped)]
        self._maps.passed_on(*whole, options.after)
        with self._away_from_function(is_waiting=False):
            self._refuse_going_on()
            return self._maps.start(step, args, kwargs, options, self._workers.places_of(step))

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the steps of a pipeline part of this run."""
        return self._calls.call_inside(pipeline, args, kwargs)

    # What futures ask

    def wait_for(
        self, futures: Sequence[StepRunFuture[Any]], timeout: float | None, *, is_any: bool = False
    ) -> bool:
        """Wait until all futures, or any of them, are settled; return False if the time was up before."""
        if timeout is None and not is_any and all(one.is_settled for one in futures):
            return True
        with self._away_from_function(is_waiting=timeout is None):
            return self._wait(futures, inf if timeout is None else timeout, is_any=is_any)

    def wait_until(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until something is so that an event of the engine makes so; return False if the time was up before."""
        with self._away_from_function(is_waiting=timeout is None):
            return self._until(is_so, inf if timeout is None else timeout)

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
        with self._away_from_function(is_waiting=False):
            if not future.is_settled and not self._is_over:
                self._failures.cancelled.add(future.invocation_id)
                self._engine.post(Cancelled(future.invocation_id))
                self._engine.advance()
            return future.status in ("skipped", "stopped") and self.is_cancelled(future)

    def cancel_all(self, futures: Sequence[StepRunFuture[Any]]) -> None:
        """Have steps not run, or end their processes."""
        with self._away_from_function(is_waiting=False):
            self.note_cancelled(futures)
            self._engine.put(*(Cancelled(one.invocation_id) for one in futures))
            self._engine.advance()

    def note_cancelled(self, futures: Iterable[StepRunFuture[Any]]) -> None:
        """Keep which steps are to be cancelled."""
        self._failures.cancelled.update(one.invocation_id for one in futures)

    def artifact(self, output: OutputHandle) -> ArtifactView:
        """Return the artifact that an output stands for."""
        artifact = self._engine.admission.artifacts[output.invocation_id, output.name]
        return ArtifactView(artifact, self._engine.store)

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
        self._calling_back.append((function, future))

    def ended_at(self, future: StepRunFuture[Any]) -> int:
        """Return the how manieth of all calls it was to end."""
        return self._ended.get(future.invocation_id, 0)

    def now(self) -> float:
        """Return seconds that never go back, by the clock of the run."""
        return self._engine.now()

    # What the engine tells

    def settle(self, step: StepRun) -> bool:
        """Hear, with the baton, what was recorded of a step; tell whether somebody waits for it."""
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
            self._calling_back.extend((function, future) for function in future.callbacks)
            future.callbacks = []
        future.tell_ended()
        return future.waiting > 0

    def call_back(self) -> None:
        """Call the functions that asked for it, without the baton; one that fails is told of, and no more."""
        while self._calling_back:
            try:
                function, future = self._calling_back.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                function(future)
            except Exception as error:  # a user's function may raise anything
                text = f"{type(error).__name__}: {failures.text_of(error)}"
                self._engine.note(
                    f"A function that was to hear of the end of `{future.invocation_id}` failed: {text}"
                )

    @property
    def was_told(self) -> bool:
        """Whether the function knows that its run ends."""
        return self._refusals > 0

    def refusal(self) -> BaseException:
        """Return what the function is told by, that its run ends: the first time why, then what it does not catch."""
        self._refusals += 1
        fatal = self._engine.fatal
        if fatal is not None and self._refusals == 1:
            return fatal
        if self._refusals > PATIENCE + (0 if fatal is not None else MOST_REFUSALS):
            leave_by_force()
        return Unwinding("The run ends, and so does the function of its pipeline.")

    def feed_maps(self) -> bool:
        """Have maps go on, where they have no threads of their own; generators run as parts of the function."""
        if not self._maps.is_wanted:
            return False
        self._leave()
        try:
            self._maps.feed()
        finally:
            self._enter()
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
        self._refuse_going_on()
        outputs = [(output.name, output.annotation) for output in step.outputs]

        def admit(call: CompiledCall) -> StepRunFuture[Any]:
            identifier = call.invocation.id
            self._learning.learn(call.invocation.definition)
            with self._lock:
                if self._is_over:
                    raise ContextError(
                        f"Step `{identifier}` was called after the function of pipeline "
                        f"`{self._engine.run.pipeline_name}` had ended, perhaps in a thread that goes on. Wait for such "
                        "threads in the function."
                    )
                self._futures[identifier] = StepRunFuture[Any](identifier, outputs, self)
                self._engine.put(Added(call.invocation, call.is_refreshed, is_first))
                return self._futures[identifier]

        future = self._calls.add(step, args, kwargs, invocation_id, after, admit=admit)
        self.go_on(is_urgent=is_first)
        return future

    def go_on(self, *, is_urgent: bool = False) -> None:
        """Have the engine take new calls: now, or if no place is free anyway with the next step that ends."""
        if is_urgent or not self._workers.is_full or self._engine.has_much_to_take:
            self._engine.work_off()

    def _refuse_going_on(self) -> None:
        """Raise if the run ends, so that a function ends that would go on whatever it is told."""
        engine = self._engine
        if engine.fatal is not None:
            raise self.refusal()
        if engine.machine.is_stopping and engine.failures:
            self._refusals += 1
            if self._refusals > MOST_REFUSALS:
                raise self.refusal()

    def _wait(self, futures: Sequence[StepRunFuture[Any]], seconds: float, *, is_any: bool) -> bool:
        met = any if is_any else all

        def is_met() -> bool:
            return met(one.is_settled for one in futures)

        self._count_waiting(futures, 1)
        try:
            return self._until(is_met, seconds)
        finally:
            self._count_waiting(futures, -1)

    def _until(self, is_met: Callable[[], bool], seconds: float) -> bool:
        if threading.get_ident() == self._caller:
            return self._engine.work_until(is_met, seconds=seconds)
        self._engine.wait_elsewhere(is_met, seconds=seconds)
        if not is_met() and self._engine.fatal is not None:
            raise self._engine.fatal
        return is_met()

    def _count_waiting(self, futures: Sequence[StepRunFuture[Any]], change: int) -> None:
        with self._lock:
            for one in futures:
                one.waiting += change

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
        except BaseException as error:
            if error is self._engine.fatal:
                self._refusals += 1
            raise
        finally:
            self._leave()

    def _enter(self, *, is_waiting: bool = True) -> None:
        self._engine.is_interruptible = self._engine.is_in_function = False
        if is_waiting:
            self._workers.caller_came()

    def _leave(self) -> None:
        engine = self._engine
        self._workers.caller_left()
        engine.is_in_function = True
        engine.find_stand_in()
        engine.is_interruptible = True  # last: from here on a signal may raise
        if engine.interrupt is not None:
            engine.raise_problem()

    def _say_what_was_not_refreshed(self) -> None:
        names = self._calls.not_refreshed()
        if names:
            listed = " and ".join(f"`{name}`" for name in names)
            self._engine.note(f"{listed} was to be refreshed, and this run called no step of that name.")
