"""Where steps run: the caller's thread, a few threads of this process, or processes of their own.

The engine decides what starts; this module finds a place for it, builds the complete task for
that place, and reports the end back. Threads are made when there is more ready than threads
that wait, up to the limit, and leave with the run.
"""

from __future__ import annotations

import math
import os
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from zenml.components.artifact_stores import ArtifactStores
from zenml.components.cpu_count import usable_cpus
from zenml.execute.events import Finished, failed_outside
from zenml.execute.processes import Processes
from zenml.execute.run_secrets import RunSecrets
from zenml.execute.step_tasks import make_task
from zenml.logs.step_log import StepLog
from zenml.records.task import StepTask
from zenml.worker.inline_environment import Applied
from zenml.worker.step_imports import load_imports
from zenml.worker.step_runner import run_step
from zenml.worker.step_session import StepSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zenml.execute.child_runs import ChildRuns
    from zenml.execute.engine import Engine
    from zenml.execute.known_results import Candidate
    from zenml.execute.run_stack import RunStack
    from zenml.execute.tokens import Need, Tokens
    from zenml.records.plan import Place, StepDefinition
    from zenml.records.run import StepRun

_MANY = 1 << 20
"""More isolated steps than ever run at once: tokens decide where steps declare what they need."""
SHORT = 0.0005
"""Seconds after which the caller's thread is not expected back at once."""
MAX_INLINE = 32
"""Inline steps at once: enough for steps that wait, and no worse for those that compute under one lock."""


class Workers:
    """The places in which the steps of one run execute."""

    works_in_caller: ClassVar[bool] = False
    """Whether the caller's thread is the only place."""

    def __init__(
        self,
        artifact_root: str,
        log_folder: str,
        max_parallelism: int | None,
        secrets: RunSecrets | None = None,
        stores: ArtifactStores | None = None,
    ) -> None:
        self.artifacts = stores or ArtifactStores(artifact_root)
        self.secrets = secrets or RunSecrets()
        self.artifact_root = artifact_root
        self._log_folder = log_folder
        self._limit = max_parallelism or MAX_INLINE
        self._max_parallelism = max_parallelism
        self._engine: Engine
        self.stack: RunStack
        """The components that the run is made with."""
        self._running: dict[str, tuple[Place, StepRun]] = {}
        self.children: ChildRuns | None = None
        """Runs that are called by the function of this one."""
        self._queue: SimpleQueue[StepRun | None] = SimpleQueue()
        self._threads = 0
        self._for_caller: StepRun | None = None
        self._place = threading.Lock()
        """Held to change whether the caller's thread is there, and what is left to it."""
        self._capacity = 0
        """How many isolated steps may run at once; 0 as long as there are none."""
        self.processes = Processes(self)
        self._caller = threading.get_ident()
        self.is_caller_here = True
        """Whether the caller's thread waits for something to do; the function of a dynamic pipeline takes it away."""
        self._left_at = 0.0
        self._was_away_for = math.inf
        """How many seconds the caller's thread did something else, the last time that it did."""
        self.tokens: Tokens[Candidate] | None = None
        """CPUs, memory and GPUs; None as long as no step declares what it needs."""

    def use(self, stack: RunStack) -> None:
        """Learn which components the run is made with."""
        self.stack = stack
        self.processes.launchers.use(stack)

    def attach(self, engine: Engine) -> None:
        """Learn which engine the work is done for."""
        self._engine = engine
        self.learn(engine.plan.definitions.values())

    def learn(self, definitions: Iterable[StepDefinition]) -> None:
        """Get ready for steps that may have to be placed.

        A run without isolated steps, and without declared needs, starts without the cost of either.
        """
        for definition in definitions:
            if not self._capacity and self.kind_of(definition) == "isolated":
                self._capacity = usable_cpus()
            if self.tokens is None and "resources" in definition.options.settings:
                from zenml.execute import step_needs
                from zenml.execute.tokens import Tokens

                self.tokens = Tokens(step_needs.machine())
                for _, step in self._running.values():
                    self.tokens.take(step.invocation_id, self.need_of(step.definition))

    # What the engine asks, with the baton

    def free(self) -> dict[Place, int]:
        """Return how many more steps of each kind may start now."""
        kinds = [kind for kind, _ in self._running.values()]
        isolated, inline = kinds.count("isolated"), kinds.count("inline")
        capacity = self._capacity
        if self.tokens is not None:
            capacity = _MANY if self.tokens.free.cpu > 0 else 0  # how many of them, the tokens decide
        left = self._max_parallelism - isolated - inline if self._max_parallelism else capacity
        return {
            "inline": max(0, self._limit - inline if not self._max_parallelism else left),
            "isolated": max(0, min(left, capacity - isolated)),
            # A run that waits for another one has no place of a step, or the last place could wait for itself.
            "child": 0 if self.children is None else self.children.free,
        }

    @property
    def is_full(self) -> bool:
        """Whether no step of any kind can start, as far as one can tell without the baton."""
        isolated = self._capacity if self.tokens is None else _MANY
        return len(self._running) >= (self._max_parallelism or MAX_INLINE + isolated)

    def places_of(self, step: Any) -> int:
        """Return how many calls of a step may run at once."""
        if self._max_parallelism is not None:
            return self._max_parallelism
        said = step.layers.merged()
        return usable_cpus() if said.get("runtime") == "isolated" or said.get("step_operator") else MAX_INLINE

    def kind_of(self, definition: StepDefinition) -> Place:
        """Return where a step runs: in a process of its own only if it asks for one."""
        if definition.is_pipeline:
            return "child"
        return definition.options.runtime or "inline"

    def need_of(self, key: str) -> Need:
        """Return the tokens that a step takes, by the key of its definition."""
        from zenml.execute import step_needs

        definition = self._engine.filled.definition(key, self._engine.plan.definitions[key])
        return step_needs.tokens_of(definition, self.kind_of(definition), self.tokens)

    def hand_out(self, started: list[StepRun]) -> None:
        """Find a place for steps that were just recorded as running."""
        for step in started:
            kind = self.kind_of(self._engine.plan.definitions[step.definition])
            self._running[step.id] = (kind, step)
            hooks = self._engine.hooks
            if kind == "child" and self.children is not None:
                self.children.start(step)
            elif kind == "isolated":
                if hooks is None or not hooks.before_launch(step, self.processes.start_late):
                    self.processes.add(step)
            elif len(self._running) > 1 or len(started) > 1 or not self._leave_to_caller(step):
                self._give_to_thread(step)

    def _leave_to_caller(self, step: StepRun) -> bool:
        """Have the caller's thread run the only step that runs, if it has nothing else to do."""
        engine = self._engine
        if engine.needs_caller or (engine.hooks is not None and engine.hooks.is_caller_busy):
            return False
        with self._place:
            if self.is_caller_here:
                self._for_caller = step
            return self.is_caller_here

    def _give_to_thread(self, step: StepRun) -> None:
        self._queue.put(step)
        with self._place:  # the caller's thread comes here without the baton
            # Each step that runs has a thread: one that just ended its step comes back for the next.
            inline = sum(kind == "inline" for kind, _ in list(self._running.values()))
            if self._threads >= min(inline, self._limit):
                return
            self._threads += 1
            name = f"zenml-step-{self._threads}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def ended(self, step: StepRun) -> None:
        """Free the place of a step."""
        self._running.pop(step.id, None)
        if self.tokens is not None:
            self.tokens.give_back(step.invocation_id)
        self.processes.forget(step)

    def abandon(self, reason: str) -> list[StepRun]:
        """Cancel what can be cancelled, for this reason; return all steps that were running.

        A thread cannot be ended from outside. It goes on until its step returns, its result is
        ignored, and it does not keep the process alive.
        """
        steps = [step for _, step in self._running.values()]
        self.processes.end_all()
        if self.children is not None:
            self.children.stop([step for kind, step in self._running.values() if kind == "child"], reason)
        self._running.clear()
        return steps

    def begin_to_end(self, reason: str) -> None:
        """Ask all processes, and all runs inside this one, to end."""
        if self.children is not None:
            self.children.begin_to_stop(
                [one for one, (kind, _) in self._running.items() if kind == "child"], reason
            )
        self.processes.end_all()

    @property
    def are_ending(self) -> bool:
        """Whether something that was asked to end has not."""
        return self.processes.are_ending or (self.children is not None and self.children.are_stopping)

    def wait_for_ends(self) -> None:
        """Return when what was asked to end is gone, or should be."""
        if self.children is not None:
            self.children.wait_for_stops()
        self.processes.wait_for_ends()

    def hurry(self) -> None:
        """Give no more time to what was asked to end."""
        if self.children is not None:
            self.children.hurry()
        self.processes.hurry()

    def close(self) -> None:
        """Send the threads home and end every process of this run."""
        if self.children is not None:
            self.children.close()
        for _ in range(self._threads):
            self._queue.put(None)
        if self.processes.are_ending:
            self._engine.wait_or_hurry(self.processes.wait_for_ends, self.processes.hurry)
        self.processes.close()

    # The caller's thread

    def has_for_caller(self) -> bool:
        """Tell whether a step waits for the caller's thread."""
        return self._for_caller is not None

    def take_for_caller(self, *, unless: Callable[[], bool] | None = None) -> StepRun | None:
        """Return the step that the caller's thread is to run, if there is one.

        Args:
            unless: whether the thread has something better to do, asked with the step at hand: it stays here.
        """
        with self._place:
            step = self._for_caller
            if step is None or (unless is not None and unless()):
                return None
            self._for_caller = None
            return step

    def caller_came(self) -> None:
        """Note that the caller's thread is free for a step."""
        self.is_caller_here = True
        self._was_away_for = time.monotonic() - self._left_at

    def caller_left(self) -> None:
        """Note that the caller's thread does something else; a step that was left to it gets another one.

        A function that waits for one step after the other was never away for long: it is given a moment.
        """
        with self._place:
            self.is_caller_here = False
            if self._for_caller is None:
                is_expected = True
            else:
                is_expected = self._was_away_for < SHORT and self._engine.gathering.is_caught_up()
            self._left_at = time.monotonic()
        if not is_expected:
            self.give_away()

    def give_away(self) -> None:
        """Have another thread run the step that was left to the caller's, if that is not there."""
        with self._place:
            if self.is_caller_here:
                return
            step, self._for_caller = self._for_caller, None
        if step is not None:
            self._give_to_thread(step)

    def run_here(self, step: StepRun) -> None:
        """Run a step in the calling thread, to its end."""
        definition = self._engine.plan.definitions[step.definition]
        if definition.is_pipeline and self.children is not None:
            self.children.run(step)
            return
        program = self._engine.programs[step.definition]
        log = self.log_of(step, definition)
        try:
            task = self.task_of(step)
        except Exception as failure:  # the store may fail in any way while inputs are fetched
            self._engine.post(failed_outside(step, failure))
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
                    load_imports(program.function)
                outcome, error = run_step(task, program, self.artifacts, session)
        finally:
            if in_caller:
                self._engine.is_interruptible = False
        self._engine.gathering.take_end(Finished(self.with_log(step, log), outcome, error))

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
                self._engine.post(failed_outside(step, error))

    # Processes

    def cancel(self, identifier: str) -> StepRun | None:
        """End the processes of a step that is not wanted any more; return it, or None if it cannot be ended."""
        running = next((one for one in self._running.values() if one[1].invocation_id == identifier), None)
        if running is None or running[0] == "inline":
            return None
        step = running[1]
        if self.children is not None and running[0] == "child":
            self.children.stop([step], "it was cancelled")
        self.processes.end(step)
        self.ended(step)
        return step

    # Tasks

    def task_of(self, step: StepRun) -> StepTask:
        """Return the complete task of a step; raise if it can never be placed."""
        task = make_task(self._engine, step, self.artifact_root, self.artifacts, self.stack)
        if self.tokens is not None:
            from zenml.execute import step_needs

            step_needs.check(task.definition, self.tokens.capacity)
        return task

    def is_running(self, step: StepRun) -> bool:
        """Tell whether a step has a place."""
        return step.id in self._running

    @property
    def engine(self) -> Engine:
        """What decides which steps run."""
        return self._engine

    def log_of(self, step: StepRun, definition: StepDefinition) -> StepLog | None:
        """Return where what a step prints is to go."""
        if not definition.options.enable_step_logs or not self._log_folder:
            return None
        return StepLog(os.path.join(self._log_folder, self._engine.run.id, f"{step.id}.log"))

    def with_log(self, step: StepRun, log: StepLog | None) -> StepRun:
        """Return a step with the path of its log, if it printed something."""
        if log is None or not log.was_written:
            return step
        return msgspec.structs.replace(step, log=log.path)
