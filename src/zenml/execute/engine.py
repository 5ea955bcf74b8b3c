"""The engine: a monitor in which whoever finishes a step records it and starts what became ready.

There is no scheduling thread. A finished step puts its event into the inbox; one thread at a
time (the holder of the baton) drains the inbox, tells the machine, looks up the cache, commits
everything as one transaction, and hands out what may run. Other threads never wait for it:
their event is in the inbox, and the holder looks again before it leaves.

The caller's thread runs a step itself when nothing else runs or can run, so a chain of steps
stays in one thread, where debuggers and signals work. Otherwise it waits.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from zenml.errors import RunStoppedError
from zenml.execute import ending, recording
from zenml.execute.admission import Admission
from zenml.execute.machine import Machine
from zenml.execute.model_linking import ModelLinking
from zenml.execute.run_progress import RunProgress
from zenml.execute.step_events import StepEvents
from zenml.records.events import Progress
from zenml.records.run import Run
from zenml.store.store import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.compile.compiler import Compiled
    from zenml.execute.events import Finished
    from zenml.execute.hooks import Hooks
    from zenml.execute.reporter import Reporter
    from zenml.execute.workers import Workers
    from zenml.records.events import StepEvent
    from zenml.records.plan import Invocation, StepDefinition
    from zenml.records.run import StepRun
    from zenml.records.status import RunStatus
    from zenml.records.task import Damage
    from zenml.store.store import Store

FIRST_POLL = 0.005
"""Seconds until work in flight elsewhere is looked at again; doubles up to the last one."""
LAST_POLL = 0.5
LOOK = 1.0
"""Seconds between two looks at whether somebody asked for the run to stop, while the caller waits."""


class Engine:
    """The execution of one run."""

    def __init__(
        self, store: Store, run: Run, compiled: Compiled, workers: Workers, reporter: Reporter
    ) -> None:
        self.store = store
        self.run = run
        self.plan = compiled.plan
        self.programs = compiled.programs
        self.reporter = reporter
        self.machine = Machine(self.plan.invocations, self.plan.options.execution_mode)
        self.admission = Admission(
            run, self.plan, self.machine, workers.artifacts, compiled.externals, workers.secrets.prints
        )
        self.models = ModelLinking(store, run, self.plan)
        self._pipeline_outputs = {(output.ref.step, output.ref.name) for output in self.plan.outputs}
        self.failures: list[tuple[str, BaseException]] = []
        self.fatal: BaseException | None = None
        self.interrupt: BaseException | None = None
        """A signal that arrived at a bad moment; raised at the next good one."""
        self.is_interruptible = False
        """Whether a signal may raise in the main thread right now: it waits, or is in a step's code."""
        self._inbox: deque[Finished] = deque()
        self._said = StepEvents(self._write_said)
        self._progress = RunProgress(reporter, store.root, run.id)
        self._unrecorded = (Batch(), Batch())
        """Ends and starts whose transaction was refused, because the run is to stop."""
        self._next_look = 0.0
        self._baton = threading.Lock()
        self._changed = threading.Condition()
        self._workers = workers
        workers.attach(self)
        self.hooks = self._hooks_of(compiled)
        """Functions to be called when steps or the run begin or end; None if there are none."""

    def _hooks_of(self, compiled: Compiled) -> Hooks | None:
        if not compiled.hooks and not any(program.hooks for program in compiled.programs.values()):
            return None  # as most runs, which start without the cost of what follows
        from zenml.execute.hooks import Hooks

        return Hooks(self, compiled, self._workers.artifacts)

    # The caller's thread

    def execute(self) -> None:
        """Run everything to its end; failures are kept, not raised."""
        self._advance(is_first=True)
        poll = FIRST_POLL
        self._next_look = time.monotonic() + LOOK
        while not self._is_over():
            if self.hooks is not None and self.hooks.run_here():
                continue
            step = self._workers.take_for_caller()
            if step is not None:
                self._workers.run_here(step)
                poll = FIRST_POLL
                continue
            with self._changed:
                if not self._is_over() and not self._workers.has_for_caller():
                    self._wait(poll if self.admission.waits_elsewhere else LOOK)
            if not self.machine.is_over:
                self.look_for_stop()
            if self.admission.waits_elsewhere:
                poll = min(poll * 2, LAST_POLL)
                self._advance()

    def _wait(self, seconds: float) -> None:
        self.is_interruptible = True
        try:
            self._changed.wait(seconds)
        finally:
            self.is_interruptible = False

    def look_for_stop(self) -> None:
        """Raise if somebody asked for the run to stop; asks the store once a second at most."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK
        recorded = self.store.get(Run, self.run.id)
        if recorded is not None and recorded.status == "stopping":
            raise RunStoppedError.asked(recorded.name, recorded.reason)

    def stop(self, reason: str) -> None:
        """Let nothing start any more; record what is running, and the run itself, as stopped."""
        with self._baton:
            batch = Batch()
            self._said.add_to(batch)
            for identifier in self.machine.stop():
                batch.started.append(self.admission.skipped(identifier))
            self.admission.forget()
            self._stop_steps(self._workers.abandon(), reason, batch)
            ends, begins = self._unrecorded
            batch.ended[:0] = ends.ended
            batch.started += [*ends.started, *map(recording.refused, begins.started)]
            batch.hooks = ends.hooks
            is_stop = self.fatal is None or isinstance(self.fatal, RunStoppedError)
            self._add_end("stopped" if is_stop else "failed", reason, batch)
            self.models.link(batch, self.admission.artifacts)
            with self.store.run_transaction(self.run) as transaction:
                transaction.write(batch)
            self.run = batch.run or self.run
            self._report(batch)
            if self.hooks is not None:
                self.hooks.hand_out()

    def note(self, text: str) -> None:
        """Tell something, from whatever thread."""
        with self._baton:
            self.reporter.note(text)
        self._drain()

    def post(self, event: Finished) -> None:
        """Take the end of an attempt from whatever thread, and do what follows from it."""
        self._inbox.append(event)
        self._drain()

    def hear(self, step: StepRun, event: StepEvent) -> None:
        """Take what a running step says of itself, from whatever thread; it is written soon."""
        if isinstance(event, Progress):
            self._progress.take(step.id, event)
        else:
            self._said.put(event)

    def close(self) -> None:
        """Send the thread home that writes what steps say, if there is one; forget how far they were."""
        self._said.close()
        self._progress.close()

    def _write_said(self) -> None:
        """Do a turn for what steps have said, unless another one takes it along."""
        self._baton.acquire()
        if self._said.is_empty or self.run.status != "running":
            self._baton.release()
        else:
            self._hold()
        self._drain()

    def _advance(self, *, is_first: bool = False) -> None:
        self._baton.acquire()
        self._hold(is_first=is_first, is_poll=not is_first)
        self._drain()

    def _drain(self) -> None:
        """Do turns until the inbox is empty, unless somebody else is at it: they will look again."""
        while self._inbox and self._baton.acquire(blocking=False):
            self._hold()
        self._workers.launch_pending()

    def _hold(self, *, is_first: bool = False, is_poll: bool = False) -> None:
        """Do one turn with the baton, which is given back whatever happens."""
        run = self.run
        try:
            self._turn_once(is_first=is_first, is_poll=is_poll)
        except BaseException as error:  # the caller's thread raises it
            self.run = run  # an end that was not committed is none
            self.fatal = self.fatal or error
            with self._changed:
                self._changed.notify_all()
        finally:
            self._baton.release()

    def _is_over(self) -> bool:
        if self.interrupt is not None:
            error, self.interrupt = self.interrupt, None
            raise error
        if self.fatal is not None:
            raise self.fatal
        return self.run.status != "running"  # only what is recorded counts

    # A turn, with the baton

    def _turn_once(self, *, is_first: bool, is_poll: bool) -> None:
        """Apply all waiting events, look up what became ready, commit, and hand out work."""
        ends, begins = Batch(), Batch()
        while self._inbox:
            self._end(self._inbox.popleft(), ends)
        if self.run.status == "running":
            self._said.add_to(ends)
        if self.hooks is not None:
            self.hooks.add_ends(ends)
        if is_first:
            self.admission.answer_from_cache(self.store, begins)
        ready = self.admission.take_ready(is_poll=is_poll)
        if self._may_end and not ready:
            self._add_end(self.machine.verdict(), None, begins)
        started: list[StepRun] = []
        has_said = ends.notes or ends.saved
        if (
            ends.ended
            or ends.started
            or has_said
            or begins.started
            or begins.run
            or ready
            or self._can_start()
        ):
            self._unrecorded = ends, begins
            self.models.link(ends, self.admission.artifacts)
            with self.store.run_transaction(self.run) as transaction:
                transaction.write(ends)
                self.admission.decide(transaction, ready, begins)
                started = self.admission.start(transaction, self._workers, begins)
                if self._may_end:
                    self._add_end(self.machine.verdict(), None, begins)
                self.models.link(begins, self.admission.artifacts)
                if self.hooks is not None:
                    self.hooks.add_starts(begins)
                transaction.write(begins)
            self._unrecorded = (Batch(), Batch())
        self.run = begins.run or self.run
        self._report(ends)
        self._report(begins)
        if self.hooks is not None:
            self.hooks.hand_out()
        self._workers.hand_out(started)
        if self.machine.is_over or self._workers.has_for_caller() or self.admission.waits_elsewhere:
            with self._changed:
                self._changed.notify_all()

    @property
    def _may_end(self) -> bool:
        """Whether nothing is left to do but to record the end of the run."""
        return self.machine.is_over and (self.hooks is None or self.hooks.are_done)

    def _add_end(self, status: RunStatus, reason: str | None, batch: Batch) -> None:
        """Add the end of the run to a batch, once."""
        if self.run.status == "running" and batch.run is None:
            batch.run = ending.end_of_run(self.run, status, reason, self.failures)
            if self.fatal is None:  # else nobody knows which outputs are recorded
                ending.add_outputs(batch, batch.run, self.plan.outputs, self.admission.artifacts, self.store)

    def _end(self, event: Finished, batch: Batch) -> None:
        step, outcome = event.step, event.outcome
        identifier = step.invocation_id
        if self.machine.nodes[identifier].state != "running":
            return  # it was stopped meanwhile; a terminal record is not changed
        self._workers.ended(step)
        self._progress.ended(step.id)
        self.admission.release(step)
        if outcome.damage is not None:
            self._repair(event, outcome.damage, batch)
        elif outcome.failure is not None:
            batch.ended.append(recording.failed(step, outcome))
            self._fail(identifier, event.exception, batch)
        elif taken := recording.taken_version(self.run, step, self._definition(step.invocation), self.store):
            batch.ended.append(recording.failed(step, recording.failed_outcome(outcome, taken)))
            self._fail(identifier, taken, batch)
        else:
            end = recording.completed(self.run, step, outcome, self._definition(step.invocation))
            for artifact in end.artifacts:
                is_kept = (identifier, artifact.output) in self._pipeline_outputs
                kept = artifact if is_kept else recording.without_bulk(artifact)
                self.admission.artifacts[identifier, artifact.output] = kept
                self.admission.own.add(artifact.id)
            batch.ended.append(end)
            recording.say_of_outputs(batch.notes, end, outcome, self._definition(step.invocation))
            self.machine.completed(identifier)

    def _fail(self, identifier: str, error: BaseException | None, batch: Batch) -> None:
        if error is not None:
            self.failures.append((identifier, error))
        for skipped in self.machine.failed(identifier):
            batch.started.append(self.admission.skipped(skipped))
        if self.machine.is_stopping:
            self.admission.forget()
        if self.machine.mode == "fail_fast":
            self._stop_steps(
                self._workers.abandon(), f"step `{identifier}` failed and the run fails fast", batch
            )

    def _stop_steps(self, steps: Iterable[StepRun], reason: str, batch: Batch) -> None:
        for step in steps:
            if self.machine.nodes[step.invocation_id].state == "running":
                self.machine.stopped(step.invocation_id)
                batch.ended.append(recording.stopped(step, reason))

    def _repair(self, event: Finished, damage: Damage, batch: Batch) -> None:
        """Have the producer of a damaged input run again, and the consumer after it."""
        step, producer = event.step, damage.producer
        is_current = self.admission.is_current(damage)
        if producer is not None and self.machine.damaged(step.invocation_id, producer, is_current=is_current):
            if is_current:
                self.admission.force(producer)
            batch.ended.append(recording.interrupted(step, f"its input from step `{producer}` is damaged"))
            self.reporter.note(
                f"Input of step `{step.invocation_id}` is damaged; step `{producer}` runs again."
            )
            return
        error = recording.damage_error(step, damage)
        batch.ended.append(recording.failed(step, recording.failed_outcome(event.outcome, error)))
        self._fail(step.invocation_id, error, batch)

    def _report(self, batch: Batch) -> None:
        for end in batch.ended:
            self.reporter.step(end.step)
        for step in batch.started:
            self.reporter.step(step)

    def _can_start(self) -> bool:
        return self.admission.has_candidates and any(self._workers.free().values())

    def _definition(self, invocation: Invocation) -> StepDefinition:
        return self.plan.definitions[invocation.definition]
