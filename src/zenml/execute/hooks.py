"""The hooks of one run: which are due, where they run, and when all are done.

A hook is due from the transaction that recorded what it is called for: its row, `pending`, is part of
it. It runs after that, never with the baton. Hooks of a step that ran in the caller's thread run
there too, before the next step, so that a chain is seen in its order; others run in threads of their
own. A hook is called once for each invocation, not for each attempt. The run ends when all hooks have.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.execute.hook_context import RunInHook
from zenml.execute.hook_runner import Due, HookRunner, due
from zenml.execute.hook_threads import HookThreads
from zenml.materializers import pickling
from zenml.records.hooks import HookRun
from zenml.records.task import PackedState
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.compiler import Compiled
    from zenml.execute.engine import Engine
    from zenml.logs.output import Printer
    from zenml.records.plan import HookName
    from zenml.records.run import Run, StepRun
    from zenml.store.store import Batch


GRACE = 5.0
"""Seconds that hooks have to end by themselves once their run was ended early."""
LOOK = 1.0
"""Seconds between two looks at whether somebody asked for the run to stop."""


class Hooks:
    """The hooks of one run."""

    def __init__(
        self, engine: Engine, compiled: Compiled, artifact_store: ArtifactStore, *, caller: int | None = None
    ) -> None:
        self._engine = engine
        self._compiled = compiled
        self._shared = RunInHook(engine.run, compiled.plan, engine.store, engine.hear, engine.note)
        self._runner = HookRunner(self._shared, artifact_store)
        self._caller = threading.get_ident() if caller is None else caller
        self._threads = HookThreads()
        self._called: set[tuple[str, HookName]] = set()
        """What was due already, by invocation: further attempts of it call nothing again."""
        self._planned: list[list[Due]] = []
        """Hooks of steps whose end is being recorded."""
        self._starts: dict[str, Due] = {}
        """Hooks of steps that were recorded as running and have not begun, by step run."""
        self._here: deque[list[Due]] = deque()
        self._ran_here: set[str] = set()
        self._cleanup: Due | None = None
        self._has_ended = False
        self.owed: list[HookRun] = []
        """Hooks that an earlier owner of the run left pending."""
        self.is_after_pause = False
        """Whether the run goes on that was paused."""
        self._pause: Due | None = None
        self.problem: str | None = None
        """Why the run cannot begin."""
        self.is_caller_busy = False
        """Whether the caller's thread is in a hook, so that no step should wait for it."""

    # The caller's thread

    def print_with(self, printer: Printer | None) -> None:
        """Have what hooks of the run print go there."""
        self._shared.printer = printer

    def begin(self) -> None:
        """Call `on_init` before the first step; what it returns is the state of the pipeline.

        Raises:
            BaseException: what `on_init` raised: the run has failed.
        """
        options = self._compiled.plan.options
        init = self._of_run("on_init", arguments=options.init_arguments)
        self._cleanup = self._of_run("on_cleanup")
        rows = [one.row for one in (init, self._cleanup) if one is not None]
        if rows:
            self._engine.store.insert(rows)
        if init is not None:
            self._initialize(init)
        if self.owed:
            from zenml.execute import owed_hooks  # only a resumed run has some

            for one in owed_hooks.settle(self.owed, self._compiled, self._engine.store):
                self._call_here(one)
        resume = self._of_run("on_resume") if self.is_after_pause else None
        if resume is not None:
            self._engine.store.insert([resume.row])
            self._call_here(resume)

    def _initialize(self, init: Due) -> None:
        self._shared.state, error = self._call_here(init)
        if error is not None:
            if isinstance(error, SystemExit):
                error = failures.as_hook_failure(error, "on_init")
            failures.add_note(
                error, f"Hook `on_init` of run `{self._engine.run.name}` failed; no step was run."
            )
            self.problem = f"its hook `on_init` failed: {type(error).__name__}: {failures.text_of(error)}"
            self._engine.failures["on_init"] = error
            self._engine.fatal = error
            raise error

    def run_here(self) -> bool:
        """Call the hooks of steps that ran in this thread; with all steps ended, the rest, and end the run.

        Returns False while there are steps left.
        """
        engine = self._engine
        self._call_waiting()
        if not engine.machine.is_over:
            return False
        with engine._baton:
            pass  # the turn in which the last step ended is over
        if engine.run.status == "running" and engine.fatal is None:
            error = next((one for _, one in engine.unhandled()), None)
            self.finish(msgspec.structs.replace(engine.run, status=engine.machine.verdict()), error)
            engine.advance()
        return True

    def settle(self) -> None:
        """Wait until the hooks of all steps have run that have ended."""
        self._call_waiting()
        self._wait()

    def pause(self) -> None:
        """Call the hook of a run that was recorded as paused; its cleanup hook belongs to the process that ends it."""
        self._has_ended = True
        if self._cleanup is not None:
            self._engine.store.update(HookRun, self._cleanup.row.id, status="skipped")
        self._shared.run = self._engine.run
        if self._pause is not None:
            self._call_here(self._pause)

    def finish(self, run: Run, error: BaseException | None) -> None:
        """Wait until all hooks have run, then call the run's last ones, once.

        The hooks of a run that was ended early get a moment only; what they do not do stays due.

        Args:
            run: with the state that it ends in.
            error: what it failed with, if it did.
        """
        self._call_waiting()
        self._wait()
        if self._has_ended:
            return
        self._has_ended = True
        self._skip_starts()
        self._shared.run = run
        if run.status == "failed" and self._engine.machine.first_failure is None:
            failed = self._of_run("on_failure", exception=error)
            if failed is not None:
                self._engine.store.insert([failed.row])
                self._call_here(failed)
        if self._cleanup is not None:
            self._call_here(msgspec.structs.replace(self._cleanup, exception=error))

    @property
    def are_done(self) -> bool:
        """Tell whether no hook is left to be called."""
        left = self._planned or self._here or not self._threads.are_idle
        # The function of a dynamic pipeline may fail without a step: then the run's own hook is due.
        may_fail_alone = self._compiled.dynamic is not None and "on_failure" in self._compiled.hooks
        has_own = self._cleanup is not None or may_fail_alone
        return not left and (self._has_ended or not has_own)

    # With the baton

    def add_ends(self, batch: Batch) -> None:
        """Add the hooks of the steps that a batch ends, and that are not tried again."""
        for end in batch.ended:
            step = end.step
            state = self._engine.machine.nodes[step.invocation_id].state
            if step.status not in ("completed", "failed") or state != step.status:
                continue
            error = self._exception_of(step) if step.status == "failed" else None
            moment: HookName = "on_success" if step.status == "completed" else "on_failure"
            found = [
                one
                for hook in (moment, "on_end")
                if (one := self._of_step(hook, step, artifacts=end.artifacts, exception=error)) is not None
            ]
            if found:
                self._planned.append(found)
                batch.hooks += [one.row for one in found]

    def add_pause(self, batch: Batch) -> None:
        """Add the hook of the run that a batch pauses."""
        self._pause = self._of_run("on_pause")
        if self._pause is not None:
            batch.hooks.append(self._pause.row)

    def add_starts(self, batch: Batch) -> None:
        """Add the hooks of the steps that a batch starts."""
        for step in batch.started:
            if step.status == "running":
                one = self._of_step("on_start", step)
                if one is not None:
                    self._starts[step.id] = one
                    batch.hooks.append(one.row)

    def hand_out(self) -> None:
        """Have the hooks called whose steps were just recorded as ended."""
        planned, self._planned = self._planned, []
        for group in planned:
            step = group[0].step
            is_here = threading.get_ident() == self._caller
            ran_here = is_here and step is not None and step.id in self._ran_here
            if ran_here and not self._engine.needs_caller:
                self._here.append(group)
            else:
                self._threads.put(lambda group=group: self._call_all(group))  # type: ignore[misc]  # bound now

    # Whoever runs a step

    def before(self, step: StepRun) -> None:
        """Call the start hook of a step that this thread is about to run."""
        one = self._starts.pop(step.id, None)
        if threading.get_ident() == self._caller:
            self._ran_here.add(step.id)
            if one is not None:
                self._call_here(one)
        elif one is not None:
            self._call_all([one])

    def before_launch(self, step: StepRun, launch: Callable[[StepRun], None]) -> bool:
        """Call the start hook of an isolated step in a thread, and then launch; False if it has none."""
        one = self._starts.pop(step.id, None)
        if one is None:
            return False

        def work() -> None:
            self._call_all([one])
            launch(step)

        self._threads.put(work)
        return True

    # The state of the pipeline

    @property
    def state(self) -> Any:
        """What `on_init` returned."""
        return self._shared.state

    def packed_state(self) -> PackedState:
        """Return the state for a step in another process, as it is now."""
        if self.state is None:
            return PackedState()
        try:
            return PackedState(pickling.dumps(self.state))
        except Exception as error:  # a user's object may refuse in any way
            return PackedState(
                problem=f"The pipeline's state, the {type(self.state).__name__} that `on_init` returned, cannot be "
                f"sent to a step in a process of its own: {type(error).__name__}: {error}. Return what can be "
                'pickled, such as an address instead of a connection, or set `runtime="inline"` for the step.'
            )

    # Inside

    def _of_run(self, hook: HookName, **there_is: Any) -> Due | None:
        function = self._compiled.hooks.get(hook)
        if function is None:
            return None
        source = self._compiled.plan.options.hooks[hook]
        return due(self._engine.run, hook, function, source, **there_is)

    def _of_step(self, hook: HookName, step: StepRun, **there_is: Any) -> Due | None:
        function = self._compiled.programs[step.definition].hooks.get(hook)
        if function is None or (step.invocation_id, hook) in self._called:
            return None
        self._called.add((step.invocation_id, hook))
        source = self._compiled.plan.definitions[step.definition].options.hooks[hook]
        return due(self._engine.run, hook, function, source, step, **there_is)

    def _exception_of(self, step: StepRun) -> BaseException | None:
        error = self._engine.failures.get(step.invocation_id)
        if error is not None:
            return error
        failure = step.failure
        return failures.from_record(failure, f"Step `{step.invocation_id}`") if failure else None

    def _call_waiting(self) -> None:
        while self._here:
            for one in self._here.popleft():
                self._call_here(one)

    def _call_here(self, one: Due) -> tuple[Any, BaseException | None]:
        """Call a hook in the caller's thread, where a signal may interrupt it."""
        engine = self._engine
        engine.is_interruptible = self.is_caller_busy = True
        engine.find_stand_in()
        try:
            # The handler of signals switches `is_interruptible` off when it raises.
            return self._runner.call(one, is_signal=lambda _: not engine.is_interruptible)
        finally:
            engine.is_interruptible = self.is_caller_busy = False

    def _call_all(self, group: list[Due]) -> None:
        for one in group:
            self._runner.call(one, is_signal=lambda _: False)

    def _wait(self) -> None:
        engine = self._engine
        is_going_on = engine.run.status == "running" and engine.fatal is None
        end = time.monotonic() + GRACE
        while not self._is_idle_within(LOOK):
            if is_going_on:
                engine.look_for_stop()
            elif time.monotonic() > end:
                return

    def _is_idle_within(self, seconds: float) -> bool:
        self._engine.is_interruptible = True
        try:
            return self._threads.wait(seconds)
        finally:
            self._engine.is_interruptible = False

    def _skip_starts(self) -> None:
        """Record that steps were stopped before they began."""
        starts, self._starts = self._starts, {}
        for one in starts.values():
            self._engine.store.update(HookRun, one.row.id, status="skipped")
