"""Runs that are called by the function of another run: each has a thread, an engine and a record of its own.

To the run that calls it, its parent, a child is one invocation. It is compiled in its thread once its
arguments are there, and answers with artifacts that its own run has recorded. It has no place among the
workers of its parent, so a pool of one cannot wait for itself.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.edges import annotated_names
from zenml.context import session
from zenml.errors import (
    ConfigurationError,
    ContextError,
    DeclarationError,
    ResumeError,
    RunStoppedError,
)
from zenml.execute.events import Finished, Paused
from zenml.execute.pausing import RunPaused
from zenml.execute.recorded import PAUSED
from zenml.execute.resumption import Resumption
from zenml.execute.running import Family, failure_of, run_plan
from zenml.records.ids import RunId, microseconds_now, short
from zenml.records.plan import Replay
from zenml.records.run import Artifact, Run, StepRun
from zenml.records.status import RESUMABLE
from zenml.records.task import StepOutcome
from zenml.views.artifact_view import ArtifactView
from zenml.views.run_view import RunView
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zenml.compile.child_calls import ChildCall
    from zenml.compile.compiler import Compiled
    from zenml.compile.dynamic_calls import DynamicCalls
    from zenml.execute.engine import Engine
    from zenml.records.plan import OutputRef
    from zenml.store.store import Store

AT_ONCE = 32
"""Children of one run that run at once; each has a thread, and places for steps of its own."""
DEEPEST = 50
"""How many runs may be inside each other: enough for a search in a tree, and well before the threads run out."""
GRACE = 5.0
"""Seconds that a child which was stopped gets to end by itself, with its hooks."""
LOOK = 0.02
"""Seconds between two looks at whether it has."""


class ChildRun:
    """One child while it runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_ended = threading.Event()
        self._engine: Engine | None = None
        self._problem: RunStoppedError | None = None
        self._lock = threading.Lock()

    def attach(self, engine: Engine) -> None:
        """Learn of its engine; it begins with its end if it was stopped before."""
        with self._lock:
            self._engine = engine
            engine.fatal = self._problem

    def check(self) -> None:
        """Raise if it was stopped before it was recorded."""
        if self._problem is not None:
            raise self._problem

    def stop(self, reason: str) -> None:
        """Record the child as stopped, and have its thread end as soon as it can."""
        error = RunStoppedError(f"Pipeline `{self.name}` was stopped: {reason}.", reason=reason)
        with self._lock:
            is_first, self._problem = self._problem is None, self._problem or error
            engine = self._engine
        if engine is not None and is_first:
            engine.end_with(error)

    def hurry(self) -> None:
        """Have what it waits for be ended at once."""
        if self._engine is not None:
            self._engine.hurry()

    def wait(self, until: float) -> None:
        """Wait until its thread has ended; not for the code of a user, which nobody can end."""
        while not self.has_ended.wait(LOOK) and time.monotonic() < until:
            engine = self._engine
            if engine is not None and engine.run.status != "running" and engine.hooks is None:
                return


class ChildRuns:
    """The children of one run.

    Args:
        engine: of the run that calls them.
        calls: what compiles them.
    """

    def __init__(self, engine: Engine, calls: DynamicCalls) -> None:
        self._engine = engine
        self._calls = calls
        self._depth = engine.depth + 1
        self._by_id: dict[str, ChildCall] = {}
        self._running: dict[str, ChildRun] = {}
        """By step run, until its thread has ended."""
        self._stoppers: list[threading.Thread] = []
        self._paused: dict[str, StepRun] = {}
        """By invocation id: calls whose runs ask people."""
        self._lock = threading.Lock()
        engine.admission.name_returned = self.named_outputs
        self.names: dict[str, tuple[str, ...]] = {}
        """By invocation id of a child that has ended: the names of its outputs."""

    def add(self, call: ChildCall) -> None:
        """Learn of a call that is to come.

        Raises:
            DeclarationError: it is too deep inside other runs.
        """
        if self._depth > DEEPEST:
            raise _too_deep(call.pipeline)
        self._by_id[call.invocation.id] = call

    @property
    def called(self) -> Iterable[str]:
        """The invocation ids of all that were called."""
        return list(self._by_id)

    @property
    def were_called(self) -> bool:
        """Whether there are any."""
        return bool(self._by_id)

    @property
    def free(self) -> int:
        """How many more may start now."""
        return AT_ONCE - len(self._running) if self._by_id else 0

    def start(self, step: StepRun) -> None:
        """Execute a child in a thread of its own."""
        name = f"zenml-child-{step.invocation_id}"
        with self._lock:
            self._running[step.id] = ChildRun(step.invocation_id)
        threading.Thread(target=self.run, args=(step,), name=name, daemon=True).start()

    def run(self, step: StepRun) -> None:
        """Execute a child in this thread, and tell its parent what it came to."""
        with self._lock:
            child = self._running.setdefault(step.id, ChildRun(step.invocation_id))
        started = microseconds_now()
        token = session.active.set(None)
        artifacts: dict[str, Artifact] | None = None
        error: BaseException | None = None
        try:
            artifacts = self._execute(step, child)
        except RunPaused:
            with self._lock:
                self._paused[step.invocation_id] = step
        except RecursionError as problem:
            error = _too_deep(self._by_id[step.invocation_id].pipeline)
            error.__cause__ = problem
        except BaseException as problem:  # whatever it failed with is for who called it
            error = failures.as_step_failure(problem, step.invocation_id)
        finally:
            session.active.reset(token)
            with self._lock:
                self._running.pop(step.id, None)
        if step.invocation_id in self._paused:
            self._engine.post(Paused(step, PAUSED))
            child.has_ended.set()
            return
        failure = None if error is None else failures.describe(error)
        outcome = StepOutcome(failure=failure, started_at=started, ended_at=microseconds_now())
        self._engine.post(Finished(step, outcome, error, artifacts))
        child.has_ended.set()

    def stop(self, steps: Sequence[StepRun], reason: str) -> None:
        """Stop children; their end is recorded when this returns, and their threads end as soon as they can."""
        self.begin_to_stop([step.id for step in steps], reason)
        if self.are_stopping:
            self._engine.wait_or_hurry(self.wait_for_stops, self.hurry)

    def begin_to_stop(self, steps: Iterable[str], reason: str) -> None:
        """Stop children, all at the same time, by the ids of their steps."""
        prefix = "the run that called it ended: "
        said = prefix + reason.removeprefix(prefix)
        for identifier in steps:
            child = self._running.get(identifier)
            if child is not None:
                stopper = threading.Thread(target=child.stop, args=(said,), daemon=True)
                self._stoppers.append(stopper)
                stopper.start()

    @property
    def are_stopping(self) -> bool:
        """Whether children are being stopped."""
        return any(stopper.is_alive() for stopper in self._stoppers)

    def wait_for_stops(self) -> None:
        """Return when the end of all children that are being stopped is recorded."""
        for stopper in self._stoppers:
            stopper.join()

    def hurry(self) -> None:
        """Have children that are being stopped wait for nothing any more."""
        for child in list(self._running.values()):
            child.hurry()

    def close(self) -> None:
        """Wait for children that were stopped to end, for a moment; those that wait for people end with their parent."""
        if self._engine.run.status != "paused":
            for identifier in list(self._paused):
                self.withdraw(identifier, "the run that called it ended")
        until = time.monotonic() + GRACE
        with self._lock:
            left = list(self._running.values())
        for child in left:
            child.wait(until)

    def withdraw(self, identifier: str, reason: str) -> None:
        """End the run of a call that asks a person, if it does."""
        with self._lock:
            step = self._paused.pop(identifier, None)
        if step is not None and step.child_run_id is not None:
            self._engine.store.request_stop(step.child_run_id, reason)

    # Inside

    def _execute(self, step: StepRun, child: ChildRun) -> dict[str, Artifact]:
        """Run a child to its end; return its outputs by name."""
        call, store = self._by_id[step.invocation_id], self._engine.store
        args, kwargs = call.arguments_from(self._view_of)
        compiled: Compiled = self._calls.compile_child(call.pipeline, args, kwargs)
        if compiled.schedule is not None:
            raise ConfigurationError(
                f"Pipeline `{call.pipeline.name}` has a schedule, and is called in the function of another one. "
                "Leave the schedule out, or set it where no pipeline is running."
            )
        self._replay(step, compiled)
        child.check()
        identifier = step.child_run_id
        if identifier is None:
            raise ContextError(f"Step run `{step.id}` is no call of a pipeline.")
        family = Family(identifier, self._engine.run.id, self._depth, child.attach)
        before = _recorded(store, identifier)
        if before is not None and before.status == "completed":  # the record of its call was missing only
            return self._outputs_of(step.invocation_id, before)
        ended = run_plan(
            compiled,
            store,
            family=family,
            resumption=None if before is None else Resumption(before, is_child=True),
        )
        if ended.run.status == "paused":
            raise RunPaused(f"Run `{ended.run.name}` is paused.")
        error = failure_of(ended)
        if error is not None:
            raise error
        return self._outputs_of(step.invocation_id, ended.run)

    def _replay(self, step: StepRun, compiled: Compiled) -> None:
        """Have a child of a replay reproduce the child of the original."""
        told = self._engine.plan.replay
        if told is None:
            return
        store, found = self._engine.store, None
        if told.original is not None:
            same = store.select(StepRun, run_id=told.original, invocation_id=step.invocation_id)
            found = next((one.child_run_id for one in reversed(same) if one.child_run_id is not None), None)
        if found is not None and store.get(Run, found) is None:
            found = None
        compiled.plan = msgspec.structs.replace(
            compiled.plan, replay=Replay(found, skips_successful=told.skips_successful)
        )

    def _outputs_of(self, invocation_id: str, run: Run) -> dict[str, Artifact]:
        return self.named_outputs(
            invocation_id, [view.record for view in RunView(run, self._engine.store).outputs]
        )

    def named_outputs(self, invocation_id: str, outputs: Sequence[Artifact]) -> dict[str, Artifact]:
        """Return what a child has recorded as outputs, by all names that they go by."""
        returns = self._by_id[invocation_id].pipeline.signature.returns
        names = _names(annotated_names(returns, len(outputs)))
        self.names[invocation_id] = tuple(names)
        found = dict(zip(names, outputs, strict=True))
        for position, artifact in enumerate(outputs):  # by these they may have been passed on before
            found.setdefault(f"output_{position}", artifact)
        return found if len(outputs) != 1 else {"output": outputs[0], **found}

    def _view_of(self, ref: OutputRef) -> ArtifactView:
        """Return an output of the parent as an argument of a child: as it is recorded, which is what is trusted."""
        artifact = self._engine.admission.artifact_of(ref)
        return ArtifactView(self._engine.store.get(Artifact, artifact.id) or artifact, self._engine.store)

    def view_of_run(self, identifier: RunId | None) -> RunView | None:
        """Return the run of a child, None before it is recorded."""
        found = None if identifier is None else self._engine.store.get(Run, identifier)
        return None if found is None else RunView(found, self._engine.store)


def _recorded(store: Store, identifier: RunId) -> Run | None:
    """Return a child as it was recorded before its parent was resumed; None for a new one.

    A child that its dead owner left going on is interrupted with it, whoever looks first.
    """
    found = store.get(Run, identifier)
    if found is not None and found.status in ("running", "stopping"):
        store.interrupt_dead_runs()
        found = store.get(Run, identifier)
    if found is None or found.status == "completed" or found.status in RESUMABLE:
        return found
    raise ResumeError(
        f"Run `{found.name}` ({short(found.id)}) was begun by this call before, and it is still {found.status}. Wait until "
        f"that has ended, and resume again: zenml run watch {short(found.id)}"
    )


def output_names(annotation: Any) -> tuple[str, ...] | None:
    """Return the names of a pipeline's outputs as far as its annotation tells; None if it tells nothing."""
    from typing import get_args, get_origin

    if annotation is None or annotation is type(None):
        return ()
    if get_origin(annotation) is tuple and Ellipsis not in get_args(annotation):
        return tuple(_names(annotated_names(annotation, len(get_args(annotation)))))
    named = annotated_names(annotation, 1)
    return None if named == [None] else tuple(_names(named))


def _names(annotated: Sequence[str | None]) -> list[str]:
    if len(annotated) == 1:
        return [annotated[0] or "output"]
    return [name or f"output_{position}" for position, name in enumerate(annotated)]


def _too_deep(pipeline: Any) -> DeclarationError:
    return DeclarationError(
        f"Pipeline `{pipeline.name}` ({pipeline.signature.place}) was called as a run inside {DEEPEST} others, or as many "
        "as there was room for. Does it call itself without end? End the recursion, or use a loop."
    )
