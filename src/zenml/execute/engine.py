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
from collections import deque
from math import inf
from typing import TYPE_CHECKING, ClassVar, Protocol

from zenml.errors import RunStoppedError
from zenml.execute import ending, recording
from zenml.execute.admission import Admission
from zenml.execute.attempts import Attempts
from zenml.execute.events import Due
from zenml.execute.machine import Machine
from zenml.execute.model_linking import ModelLinking
from zenml.execute.run_progress import RunProgress
from zenml.execute.step_events import StepEvents
from zenml.execute.timers import Timers
from zenml.records.events import Began, Progress
from zenml.records.run import Run
from zenml.store.store import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.compiler import Compiled
    from zenml.execute.clock import Clock
    from zenml.execute.events import Event
    from zenml.execute.hooks import Hooks
    from zenml.execute.reporter import Reporter
    from zenml.execute.workers import Workers
    from zenml.records.events import StepEvent
    from zenml.records.plan import Invocation, PipelineOutput, StepDefinition
    from zenml.records.run import Document, StepRun
    from zenml.records.status import RunStatus
    from zenml.store.store import Store

FIRST_POLL = 0.005
"""Seconds until work in flight elsewhere is looked at again; doubles up to the last one."""
LAST_POLL = 0.5
FUNCTION = ""
"""What stands for the function of a dynamic pipeline where a failure has an invocation id."""
LOOK = 1.0
"""Seconds between two looks at whether somebody asked for the run to stop, while the caller waits."""


class Caller(Protocol):
    """Who calls steps one at a time: the function of a dynamic pipeline."""

    def settle(self, step: StepRun) -> bool:
        """Hear, with the baton, that an attempt was recorded with this status; tell whether somebody waits for it."""


class Engine:
    """The execution of one run."""

    admission_type: ClassVar[type[Admission]] = Admission
    step_events_type: ClassVar[type[StepEvents]] = StepEvents

    def __init__(
        self,
        store: Store,
        run: Run,
        compiled: Compiled,
        workers: Workers,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self.store = store
        self.run = run
        self.plan = compiled.plan
        self.programs = compiled.programs
        self.filled = compiled.filled
        self.reporter = reporter
        self.machine = Machine(
            self.plan.invocations, self.plan.options.execution_mode, is_open=self.plan.is_dynamic
        )
        self.admission = self.admission_type(
            run, self.plan, self.machine, workers.artifacts, compiled.externals, workers.secrets.prints
        )
        self.models = ModelLinking(store, run, self.plan)
        self.failures: dict[str, BaseException] = {}
        """By invocation id, in the order in which they failed; that of the pipeline's function is under `FUNCTION`."""
        self.outputs: tuple[PipelineOutput, ...] = self.plan.outputs
        self.caller: Caller | None = None
        self.is_in_function = False
        """Whether the caller's thread is in the function of a dynamic pipeline, so that nothing should wait for it."""
        self.fatal: BaseException | None = None
        self.interrupt: BaseException | None = None
        """A signal that arrived at a bad moment; raised at the next good one."""
        self.is_interruptible = False
        """Whether a signal may raise in the main thread right now: it waits, or is in a step's code."""
        self._inbox: deque[Event] = deque()
        self._documents: list[Document] = []
        """What has to be recorded together with the next steps."""
        self._said = self.step_events_type(self._write_said)
        self._progress = RunProgress(reporter, store.root, run.id)
        self._unrecorded = (Batch(), Batch())
        """Ends and starts whose transaction was refused, because the run is to stop."""
        self._next_look = 0.0
        self._baton = threading.Lock()
        self._changed = threading.Condition()
        self._clock = clock
        self._timers = Timers(clock, self._changed)
        self._has_stand_in = False
        """Whether a thread looks after what is due, because the caller's is in a hook."""
        self._attempts = Attempts(self, workers, self._timers, self._progress, clock)
        self._workers = workers
        workers.attach(self)
        self.hooks = self._hooks_of(compiled)
        """Functions to be called when steps or the run begin or end; None if there are none."""

    def _hooks_of(self, compiled: Compiled) -> Hooks | None:
        if not compiled.hooks and not any(program.hooks for program in compiled.programs.values()):
            return None  # as most runs, which start without the cost of what follows
        from zenml.execute.hooks import Hooks

        return Hooks(self, compiled, self._workers.artifacts)

    def hold_hooks(self, compiled: Compiled) -> None:
        """See to it that there are hooks, once a step that comes has some."""
        if self.hooks is None:
            self.hooks = self._hooks_of(compiled)

    @property
    def needs_caller(self) -> bool:
        """Tell whether the caller's thread has to wait for something, and can run nothing meanwhile."""
        return self.admission.waits_elsewhere or bool(self._timers)

    # The caller's thread

    def begin(self) -> None:
        """Start what can start."""
        self._next_look = self._clock.monotonic() + LOOK
        self.advance(is_first=True)

    def execute(self) -> None:
        """Run everything to its end; failures are kept, not raised."""
        self.work_until(lambda: self.run.status != "running")  # only what is recorded counts

    def work_until(self, is_done: Callable[[], bool], *, seconds: float = inf) -> bool:
        """Do what is for the caller's thread until something is so; return False if the time is up before.

        Raises:
            BaseException: a signal, or what keeps the run from going on.
        """
        poll, end = FIRST_POLL, self._clock.monotonic() + seconds
        while not self.raise_problem() and not is_done():
            if self.hooks is not None and self.hooks.run_here():
                continue
            step = self._workers.take_for_caller()
            if step is not None:
                self._workers.run_here(step)
                poll = FIRST_POLL
                continue
            left = end - self._clock.monotonic()
            if left <= 0:
                return False
            with self._changed:
                if not self.raise_problem() and not is_done() and not self._workers.has_for_caller():
                    self._wait(min(left, poll if self.admission.waits_elsewhere else LOOK))
            self._do_what_is_due()
            if not self.machine.is_over:
                self.look_for_stop()
            if self.admission.waits_elsewhere:
                poll = min(poll * 2, LAST_POLL)
                self.advance()
        return True

    def wait_elsewhere(self, is_done: Callable[[], bool], *, seconds: float = inf) -> bool:
        """Wait in another thread than the caller's until something is so; return False if the time is up before."""
        with self._changed:
            return self._changed.wait_for(
                lambda: is_done() or self.fatal is not None or self.run.status != "running",
                None if seconds == inf else seconds,
            )

    def _wait(self, seconds: float) -> None:
        self.is_interruptible = True
        try:
            until = self._clock.monotonic() + seconds
            self._clock.wait(self._changed, min(until, self._timers.next_at()))
        finally:
            self.is_interruptible = False

    def _do_what_is_due(self) -> None:
        """Start attempts whose wait is over; end isolated steps whose time is up."""
        due = self._timers.take_due() if self._timers else ()
        for step in due:
            if step.status == "retrying":
                self._inbox.append(Due(step))
            else:
                self._workers.end_overdue(step)
        if due:
            self._drain()

    @property
    def _is_caller_away(self) -> bool:
        """Whether the caller's thread runs a user's code and does not look after what is due."""
        return self.is_in_function or (self.hooks is not None and self.hooks.is_caller_busy)

    def find_stand_in(self) -> None:
        """Have another thread look after what is due while the caller's is in a hook or in the pipeline's function."""
        if not self._is_caller_away:
            return
        with self._changed:
            if self._has_stand_in or not (self.needs_caller and self._is_caller_away):
                return
            self._has_stand_in = True
        threading.Thread(target=self._stand_in, name="zenml-stand-in", daemon=True).start()

    def _stand_in(self) -> None:
        poll = FIRST_POLL
        while True:
            with self._changed:
                if not (self.needs_caller and self._is_caller_away and self.run.status == "running"):
                    self._has_stand_in = False
                    return
                look = self._clock.monotonic() + poll if self.admission.waits_elsewhere else inf
                self._clock.wait(self._changed, min(look, self._timers.next_at()))
            self._do_what_is_due()
            if self.admission.waits_elsewhere:
                poll = min(poll * 2, LAST_POLL)
                self.advance()

    def look_for_stop(self) -> None:
        """Raise if somebody asked for the run to stop; asks the store once a second at most."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + LOOK
        recorded = self.store.get(Run, self.run.id)
        if recorded is not None and recorded.status == "stopping":
            raise RunStoppedError.asked(recorded.name, recorded.reason)

    def stop(self, reason: str) -> None:
        """Let nothing start any more; record what is running, and the run itself, as stopped."""
        with self._baton:
            batch = Batch()
            self._said.add_to(batch)
            self._attempts.stop_all(reason, batch)
            ends, begins = self._unrecorded
            batch.ended[:0] = ends.ended
            batch.started += [step for step in ends.started if step.status != "retrying"]  # skipped by now
            batch.started += map(recording.refused, begins.started)
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

    def post(self, event: Event) -> None:
        """Take the end of an attempt, or a new one, from whatever thread, and do what follows from it."""
        self._inbox.append(event)
        self._drain()

    def hear(self, step: StepRun, event: StepEvent) -> None:
        """Take what a running step says of itself, from whatever thread; it is written soon."""
        if isinstance(event, Progress):
            self._progress.take(step.id, event)
        elif isinstance(event, Began):
            self._timers.set(step, self.definition(step.invocation).options.timeout or 0.0)
            self.find_stand_in()
        else:
            self._said.put(event)

    def learn(self, digest: str, documents: list[Document]) -> None:
        """Learn of a kind of step that a dynamic pipeline has called for the first time.

        Args:
            digest: the key of its definition in the plan.
            documents: what is to be recorded of it.
        """
        self._workers.learn(self.plan.definitions[digest])
        self._documents += documents

    def finish(self, outputs: tuple[PipelineOutput, ...], error: BaseException | None = None) -> None:
        """Take that the function of a dynamic pipeline has ended: no more steps come."""
        with self._baton:
            self.outputs = outputs
            raised = [one for one, known in self.failures.items() if known is error]
            self.machine.handled.difference_update(raised)
            if error is not None and not raised:
                self.failures = {FUNCTION: error, **self.failures}
            self.machine.close(has_failed=error is not None)
        self.advance()

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

    def advance(self, *, is_first: bool = False) -> None:
        """Do a turn now, whoever else is at it."""
        self._baton.acquire()
        self._hold(is_first=is_first, is_poll=not is_first)
        self._drain()

    def _drain(self) -> None:
        """Do turns until the inbox is empty, unless somebody else is at it: they will look again."""
        while True:
            while self._inbox and self._baton.acquire(blocking=False):
                self._hold()
            unsent = self._workers.launch_pending()
            if not unsent:
                break
            self._inbox.extend(unsent)
        if self.needs_caller:
            self.find_stand_in()

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

    def raise_problem(self) -> bool:
        """Raise what arrived at a bad moment; return False if nothing did."""
        if self.interrupt is not None:
            error, self.interrupt = self.interrupt, None
            raise error
        if self.fatal is not None:
            raise self.fatal
        return False

    # A turn, with the baton

    def _turn_once(self, *, is_first: bool, is_poll: bool) -> None:
        """Apply all waiting events, look up what became ready, commit, and hand out work."""
        ends, begins = Batch(), Batch()
        is_awaited = False
        while self._inbox:
            self._attempts.take(self._inbox.popleft(), ends)
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
            ends.documents, self._documents = self._documents, []
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
        reused = self.admission.recorded.tell_reused() if self.admission.recorded is not None else ()
        for step in reused:
            self.reporter.step(step)
        if self.caller is not None:
            for step in (*[end.step for end in ends.ended], *ends.started, *begins.started, *reused):
                is_awaited |= self.caller.settle(step)
        if self.hooks is not None:
            self.hooks.hand_out()
        self._workers.hand_out(started)
        if (
            is_awaited
            or self.machine.is_over
            or self._workers.has_for_caller()
            or self.admission.waits_elsewhere
        ):
            with self._changed:
                self._changed.notify_all()

    @property
    def _may_end(self) -> bool:
        """Whether nothing is left to do but to record the end of the run."""
        return self.machine.is_over and (self.hooks is None or self.hooks.are_done)

    def _add_end(self, status: RunStatus, reason: str | None, batch: Batch) -> None:
        """Add the end of the run to a batch, once."""
        if self.run.status == "running" and batch.run is None:
            batch.run = ending.end_of_run(self.run, status, reason, self.unhandled(), self.store)
            if self.fatal is None:  # else nobody knows which outputs are recorded
                ending.add_outputs(batch, batch.run, self.outputs, self.admission.artifacts, self.store)

    def unhandled(self) -> list[tuple[str, BaseException]]:
        """Return the failures that are the run's: those that nobody took, by invocation id, the first one first."""
        return [one for one in self.failures.items() if one[0] not in self.machine.handled]

    def _report(self, batch: Batch) -> None:
        for end in batch.ended:
            self.reporter.step(end.step)
        for step in batch.started:
            self.reporter.step(step)

    def _can_start(self) -> bool:
        return self.admission.has_candidates and any(self._workers.free().values())

    def definition(self, invocation: Invocation) -> StepDefinition:
        """Return what a step is whose call this is."""
        return self.plan.definitions[invocation.definition]
