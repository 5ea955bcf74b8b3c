"""Where steps run: the caller's thread, a few threads of this process, or processes of their own.

The engine decides what starts; this module finds a place for it, builds the complete task for
that place, and reports the end back. Threads are made when there is more ready than threads
that wait, up to the limit, and leave with the run.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.cpu_count import usable_cpus
from zenml.components.registry import load_flavor
from zenml.errors import StepTimeoutError
from zenml.execute import failures, recording
from zenml.execute.events import Finished
from zenml.execute.inline_environment import Applied
from zenml.execute.output import ProcessOutput
from zenml.execute.run_secrets import RunSecrets
from zenml.execute.step_log import StepLog
from zenml.execute.step_runner import run_step
from zenml.execute.step_session import StepSession
from zenml.fingerprint.static_imports import modules_named_by
from zenml.records.ids import microseconds_now
from zenml.records.plan import Collection, OutputRef, Value
from zenml.records.task import (
    PackedState,
    StepOutcome,
    StepTask,
    TaskArtifact,
    TaskInput,
    TaskList,
    Unrecorded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.components.launcher import Launcher, LaunchHandle
    from zenml.execute.engine import Engine
    from zenml.records.plan import ArtifactRef, Runtime, StepDefinition
    from zenml.records.run import StepRun

GRACE = 5.0
"""Seconds between asking a process tree to end and ending it."""
MAX_INLINE = 32
"""Inline steps at once: enough for steps that wait, and no worse for those that compute under one lock."""


class Workers:
    """The places in which the steps of one run execute."""

    def __init__(
        self,
        artifact_root: str,
        log_folder: str,
        max_parallelism: int | None,
        secrets: RunSecrets | None = None,
    ) -> None:
        self.artifacts: ArtifactStore = load_flavor("artifact_store", "local")(artifact_root)
        self.secrets = secrets or RunSecrets()
        self._artifact_root = artifact_root
        self._log_folder = log_folder
        self._limit = max_parallelism or MAX_INLINE
        self._max_parallelism = max_parallelism
        self._engine: Engine
        self._running: dict[str, tuple[Runtime, StepRun]] = {}
        self._queue: SimpleQueue[StepRun | None] = SimpleQueue()
        self._threads = 0
        self._for_caller: StepRun | None = None
        self._place = threading.Lock()
        """Held to change whether the caller's thread is there, and what is left to it."""
        self._to_launch: list[StepRun] = []
        self._capacity = 0
        """How many isolated steps may run at once; 0 as long as there are none."""
        self._launcher: Launcher | None = None
        self._preload: tuple[str, ...] = ()
        self._handles: dict[str, LaunchHandle] = {}
        self._launched: list[str] = []
        """Ids of the attempts that had a process."""
        self._overdue: set[str] = set()
        """Ids of the attempts that were ended because their time was up."""
        self._caller = threading.get_ident()
        self._is_caller_here = True
        """Whether the caller's thread waits for something to do; the function of a dynamic pipeline takes it away."""

    def attach(self, engine: Engine) -> None:
        """Learn which engine the work is done for."""
        self._engine = engine
        for definition in engine.plan.definitions.values():
            self.learn(definition)

    def learn(self, definition: StepDefinition) -> None:
        """Learn of a kind of step that may come."""
        if definition.options.runtime == "isolated" and not self._capacity:
            self._capacity = usable_cpus()

    # What the engine asks, with the baton

    def free(self) -> dict[Runtime, int]:
        """Return how many more steps of each kind may start now."""
        isolated = sum(1 for kind, _ in self._running.values() if kind == "isolated")
        inline = len(self._running) - isolated
        left = self._max_parallelism - len(self._running) if self._max_parallelism else self._capacity
        return {
            "inline": max(0, self._limit - inline if not self._max_parallelism else left),
            "isolated": max(0, min(left, self._capacity - isolated)),
        }

    def kind_of(self, definition: StepDefinition) -> Runtime:
        """Return where a step runs: in a process of its own only if it asks for one."""
        return definition.options.runtime or "inline"

    def hand_out(self, started: list[StepRun]) -> None:
        """Find a place for steps that were just recorded as running."""
        for step in started:
            kind = self.kind_of(self._engine.plan.definitions[step.definition])
            self._running[step.id] = (kind, step)
            hooks = self._engine.hooks
            if kind == "isolated":
                if hooks is None or not hooks.before_launch(step, self._launch_late):
                    self._to_launch.append(step)
            elif len(self._running) > 1 or len(started) > 1 or not self._leave_to_caller(step):
                self._give_to_thread(step)

    def _leave_to_caller(self, step: StepRun) -> bool:
        """Have the caller's thread run the only step that runs, if it has nothing else to do."""
        engine = self._engine
        if engine.needs_caller or (engine.hooks is not None and engine.hooks.is_caller_busy):
            return False
        with self._place:
            if self._is_caller_here:
                self._for_caller = step
            return self._is_caller_here

    def _give_to_thread(self, step: StepRun) -> None:
        self._queue.put(step)
        # Each step that runs has a thread: one that just ended its step comes back for the next.
        inline = sum(kind == "inline" for kind, _ in self._running.values())
        if self._threads < min(inline, self._limit):
            self._threads += 1
            threading.Thread(target=self._work, name=f"zenml-step-{self._threads}", daemon=True).start()

    def ended(self, step: StepRun) -> None:
        """Free the place of a step."""
        self._running.pop(step.id, None)
        self._handles.pop(step.id, None)
        self._overdue.discard(step.id)

    def abandon(self) -> list[StepRun]:
        """Cancel what can be cancelled; return all steps that were running.

        A thread cannot be ended from outside. It goes on until its step returns, its result is
        ignored, and it does not keep the process alive.
        """
        steps = [step for _, step in self._running.values()]
        for handle in self._handles.values():
            if self._launcher is not None:
                self._launcher.cancel(handle, grace=GRACE)
        self._running.clear()
        self._to_launch.clear()
        return steps

    def close(self) -> None:
        """Send the threads home and end every process of this run."""
        for _ in range(self._threads):
            self._queue.put(None)
        if self._launcher is not None:
            self._launcher.close()
        recorded = self._engine.admission.recorded
        kept = self._launched if recorded is None else [*self._launched, *recorded.kept]
        if kept and self._engine.run.status != "running":  # what the steps came to is recorded
            from zenml.execute import kept_outcomes

            kept_outcomes.drop(self._artifact_root, kept)

    # The caller's thread

    def has_for_caller(self) -> bool:
        """Tell whether a step waits for the caller's thread."""
        return self._for_caller is not None

    def take_for_caller(self) -> StepRun | None:
        """Return the step that the caller's thread is to run, if there is one."""
        step, self._for_caller = self._for_caller, None
        return step

    def caller_came(self) -> None:
        """Note that the caller's thread is free for a step."""
        self._is_caller_here = True

    def caller_left(self) -> None:
        """Note that the caller's thread does something else; a step that was left to it gets another one."""
        with self._place:
            self._is_caller_here = False
            step = self.take_for_caller()
        if step is not None:
            self._give_to_thread(step)

    def run_here(self, step: StepRun) -> None:
        """Run a step in the calling thread, to its end."""
        definition = self._engine.plan.definitions[step.definition]
        program = self._engine.programs[step.definition]
        log = self._log_of(step, definition)
        try:
            task = self.task_of(step)
        except Exception as failure:  # the store may fail in any way while inputs are fetched
            self._engine.post(_failed(step, failure))
            return
        hooks = self._engine.hooks
        if hooks is not None:
            hooks.before(step)
        in_caller = threading.get_ident() == self._caller
        if in_caller:
            self._engine.is_interruptible = True
        try:
            session = StepSession(
                task,
                log,
                lambda event: self._engine.hear(step, event),
                state=None if hooks is None else lambda: hooks.state,
                store=self._engine.store,
            )
            options = task.definition.options
            with Applied({**options.environment, **self.secrets.variables(options.secrets)}):
                if not in_caller:
                    _load_imports(program.function)
                outcome, error = run_step(task, program, self.artifacts, session)
        finally:
            if in_caller:
                self._engine.is_interruptible = False
        self._engine.post(Finished(self._with_log(step, log), outcome, error))

    # Threads

    def _work(self) -> None:
        while True:
            step = self._queue.get()
            if step is None:
                return
            if step.id not in self._running:
                continue  # it was recorded as stopped before it began
            try:
                self.run_here(step)
            except (KeyboardInterrupt, SystemExit) as error:  # raised by user code: signals come elsewhere
                self._engine.post(_failed(step, error))

    # Processes

    def launch_pending(self) -> list[Finished]:
        """Start the processes of isolated steps that were handed out, without the baton; return what failed."""
        unsent: list[Finished] = []
        while self._to_launch:
            try:
                step = self._to_launch.pop(0)
            except IndexError:
                break
            failed = self._try_to_launch(step)
            if failed is not None:
                unsent.append(failed)
        return unsent

    def _launch_late(self, step: StepRun) -> None:
        """Start the process of a step whose start hook has run, unless it was stopped meanwhile."""
        failed = self._try_to_launch(step) if step.id in self._running else None
        if failed is not None:
            self._engine.post(failed)

    def _try_to_launch(self, step: StepRun) -> Finished | None:
        """Start the process of a step; return its end if it cannot be sent: it has failed, not the run."""
        recorded = self._engine.admission.recorded
        try:
            outcome = recorded.take_outcome(step, self.artifacts) if recorded is not None else None
            if outcome is not None:  # an earlier attempt had ended, and its owner died before it was recorded
                return Finished(step, outcome, None)
            self._launch(step)
        except Exception as error:
            return _failed(step, error)
        return None

    def _launch(self, step: StepRun) -> None:
        from zenml.execute import (  # most runs have no isolated step, and start without its cost
            isolation,
            kept_outcomes,
        )

        if self._launcher is None:
            self._launcher = isolation.open_launcher()
            self._preload = isolation.heavy_modules()
        definition = self._engine.plan.definitions[step.definition]
        log = self._log_of(step, definition)
        self._launched.append(step.id)
        output = ProcessOutput(log)
        handle = self._handles[step.id] = isolation.launch(
            self._launcher,
            self.task_of(step),
            self._engine.programs[step.definition],
            preload=self._preload,
            unrecorded=Unrecorded(
                secrets=self.secrets.variables(definition.options.secrets),
                state=PackedState() if self._engine.hooks is None else self._engine.hooks.packed_state(),
                seal=kept_outcomes.seal_of(self._engine.store, step.id),
            ),
            on_output=output.write,
            on_event=lambda event: self._engine.hear(step, event),
            on_end=lambda outcome, error: self._process_ended(step, log, output, outcome, error),
        )
        if step.id in self._overdue or step.id not in self._running:  # it is to end, and had no handle yet
            self._launcher.cancel(handle, grace=GRACE)

    def cancel(self, identifier: str) -> StepRun | None:
        """End the processes of a step that is not wanted any more; return it, or None if it cannot be ended."""
        running = next((one for one in self._running.values() if one[1].invocation_id == identifier), None)
        if running is None or running[0] == "inline":
            return None
        step = running[1]
        self._to_launch = [one for one in self._to_launch if one.id != step.id]
        handle = self._handles.get(step.id)
        if handle is not None and self._launcher is not None:
            self._launcher.cancel(handle, grace=GRACE)
        self.ended(step)
        return step

    def end_overdue(self, step: StepRun) -> None:
        """End all processes of an isolated step whose time is up; what it still answers does not count."""
        self._overdue.add(step.id)
        handle = self._handles.get(step.id)
        if handle is not None and self._launcher is not None:
            self._launcher.cancel(handle, grace=GRACE)

    def _process_ended(
        self,
        step: StepRun,
        log: StepLog | None,
        output: ProcessOutput,
        outcome: StepOutcome,
        error: BaseException | None,
    ) -> None:
        output.close()
        if step.id in self._overdue:
            error = self._timeout_error(step)
            outcome = recording.failed_outcome(outcome, error)
        self._engine.post(Finished(self._with_log(step, log), outcome, error))

    def _timeout_error(self, step: StepRun) -> StepTimeoutError:
        limit = self._engine.plan.definitions[step.definition].options.timeout
        return StepTimeoutError(
            f"Step `{step.invocation_id}` took longer than its limit of {limit:g} s and was ended with all its "
            "processes. Raise its `timeout`, or look in its log for what it waited for."
        )

    # Tasks

    def task_of(self, step: StepRun) -> StepTask:
        """Return the complete task of a step, its small inputs included."""
        engine = self._engine
        invocation = engine.filled.invocation(step.invocation)
        return StepTask(
            step_run_id=step.id,
            run_id=engine.run.id,
            run_name=engine.run.name,
            pipeline=engine.run.pipeline_name,
            invocation=invocation,
            definition=engine.filled.definition(step.definition, engine.plan.definitions[step.definition]),
            inputs={name: self._task_input(binding) for name, binding in invocation.inputs.items()},
            artifact_root=self._artifact_root,
            attempt=step.attempt,
            model=engine.models.version_of(engine.plan.definitions[step.definition]),
        )

    def _task_input(self, binding: Value | OutputRef | ArtifactRef | Collection) -> TaskInput:
        if isinstance(binding, Value):
            return binding
        if isinstance(binding, Collection):
            return TaskList(tuple(map(self._task_item, binding.items)), binding.is_tuple, binding.keys)
        return self._task_item(binding)

    def _task_item(self, binding: Value | OutputRef | ArtifactRef) -> Value | TaskArtifact:
        if isinstance(binding, Value):
            return binding
        engine = self._engine
        artifact = engine.admission.artifact_of(binding)
        stored = artifact.stored_value()
        if stored.inline is None and stored.key is None:
            stored = msgspec.structs.replace(stored, inline=engine.store.inline_bytes(artifact.id))
        return TaskArtifact(
            id=artifact.id,
            producer=binding.step if isinstance(binding, OutputRef) else None,
            name=artifact.name,
            stored=stored,
            is_trusted=not artifact.needs_trust
            or artifact.id in engine.admission.own
            or engine.store.is_trusted(artifact),
        )

    def _log_of(self, step: StepRun, definition: StepDefinition) -> StepLog | None:
        if not definition.options.enable_step_logs or not self._log_folder:
            return None
        return StepLog(os.path.join(self._log_folder, self._engine.run.id, f"{step.id}.log"))

    def _with_log(self, step: StepRun, log: StepLog | None) -> StepRun:
        if log is None or not log.was_written:
            return step
        return msgspec.structs.replace(step, log=log.path)


def _failed(step: StepRun, error: BaseException) -> Finished:
    """Return the end of a step that failed outside its own code."""
    now = microseconds_now()
    outcome = StepOutcome(failure=failures.describe(error), started_at=now, ended_at=now)
    return Finished(step, outcome, error)


def _load_imports(function: Callable[..., Any]) -> None:
    """Load the modules that a step's own import statements name, one thread at a time.

    Threads that import parts of one large package at the same moment can meet in a circular
    import, where Python gives one of them up. What fails here fails again in the step itself.
    """
    for name in modules_named_by(function):
        if name not in sys.modules:
            with _loading:
                try:
                    importlib.import_module(name)
                except Exception:  # noqa: S110  the step's own import statement tells the user
                    pass


_loading = threading.Lock()
