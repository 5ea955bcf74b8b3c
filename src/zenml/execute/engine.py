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
from typing import TYPE_CHECKING, ClassVar

from zenml.execute import ending
from zenml.execute.admission import Admission
from zenml.execute.attempts import Attempts
from zenml.execute.caller_work import CallerWork
from zenml.execute.gathering import Gathering
from zenml.execute.halting import Halting
from zenml.execute.machine import Machine
from zenml.execute.model_linking import ModelLinking
from zenml.execute.stand_in import LOOK, StandIn
from zenml.execute.step_events import StepEvents
from zenml.execute.timers import Timers
from zenml.records.events import Began, Progress
from zenml.records.run import Run
from zenml.reporting.run_progress import RunProgress
from zenml.store.store import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.compile.compiler import Compiled
    from zenml.execute.caller import Caller
    from zenml.execute.clock import Clock
    from zenml.execute.events import Event
    from zenml.execute.hooks import Hooks
    from zenml.execute.returned import Returned
    from zenml.execute.workers import Workers
    from zenml.logs.output import Printer
    from zenml.records.events import StepEvent
    from zenml.records.plan import Invocation, PipelineOutput, StepDefinition
    from zenml.records.run import Artifact, Document, StepRun
    from zenml.records.status import RunStatus
    from zenml.reporting.reporter import Reporter
    from zenml.store.store import Store

MOST_WAITING = 100
"""Calls that a dynamic pipeline may have made, all places being taken, before they are looked at."""
FUNCTION = ""
"""What stands for the function of a dynamic pipeline where a failure has an invocation id."""


class Engine(CallerWork, Halting):
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
            run,
            self.plan,
            self.machine,
            workers.artifacts,
            compiled.externals,
            workers.secrets.prints,
            workers.stack,
        )
        self.models = ModelLinking(store, run, self.plan)
        self.failures: dict[str, BaseException] = {}
        """By invocation id, in the order in which they failed; that of the pipeline's function is under `FUNCTION`."""
        self.outputs: tuple[PipelineOutput, ...] = self.plan.outputs
        self._returned: Mapping[str, Artifact] = {}
        self.caller: Caller | None = None
        self.is_in_function = False
        """Whether the caller's thread is in the function of a dynamic pipeline, so that nothing should wait for it."""
        self.interrupter: Callable[[], None] | None = None
        """Interrupts the caller's thread while it is in the function of a dynamic pipeline; None if nothing can."""
        self.depth = 0
        """How many runs this one is inside of, each called by the function of the next."""
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
        self._caller = threading.get_ident()
        self._baton = threading.Lock()
        self._changed = threading.Condition()
        self._clock = clock
        self._timers = Timers(clock, self._changed)
        self._attempts = Attempts(self, workers, self._timers, self._progress, clock)
        self._workers = workers
        workers.attach(self)
        self._stand_in = StandIn(self, self._timers, clock)
        self.gathering = Gathering(self, workers, self._stand_in)
        self.printer: Printer | None = None
        """What is printed in no step of the run."""
        self.hooks = self._hooks_of(compiled)
        """Functions to be called when steps or the run begin or end; None if there are none."""

    def _hooks_of(self, compiled: Compiled) -> Hooks | None:
        if not compiled.hooks and not any(program.hooks for program in compiled.programs.values()):
            return None  # as most runs, which start without the cost of what follows
        from zenml.execute.hooks import Hooks

        hooks = Hooks(self, compiled, self._workers.artifacts, caller=self._caller)
        hooks.print_with(self.printer)
        return hooks

    def print_with(self, printer: Printer) -> None:
        """Have what is printed in no step of the run go there."""
        self.printer = printer
        if self.hooks is not None:
            self.hooks.print_with(printer)

    def hold_hooks(self, compiled: Compiled) -> None:
        """See to it that there are hooks, once a step that comes has some."""
        if self.hooks is None:
            self.hooks = self._hooks_of(compiled)

    # The caller's thread

    def begin(self) -> None:
        """Start what can start."""
        self._next_look = self._clock.monotonic() + LOOK
        if self.store.heartbeat is not None:
            self.store.heartbeat.tell(self.lose)
        self.advance(is_first=True)

    def execute(self) -> None:
        """Run everything to its end; failures are kept, not raised."""
        self.work_until(lambda: self.run.status != "running")  # only what is recorded counts

    def interrupt_function(self) -> None:
        """Have the function of a dynamic pipeline be interrupted, if its thread is one that can be."""
        if self.interrupter is not None:
            self.interrupter()

    def note(self, text: str) -> None:
        """Tell something, from whatever thread."""
        with self._baton:
            self.reporter.note(text)
        self._drain()

    def post(self, event: Event) -> None:
        """Take the end of an attempt, or a new one, from whatever thread, and do what follows from it."""
        self.put(event)
        self._drain()

    def put(self, *events: Event) -> None:
        """Take events for the next turn; `work_off` does it."""
        self._inbox.extend(events)

    @property
    def has_much_to_take(self) -> bool:
        """Whether so many events wait that they should not wait for another one."""
        return len(self._inbox) > MOST_WAITING

    def work_off(self) -> None:
        """Do what follows from the events that were taken, unless somebody else is at it: they will look again."""
        self._drain()

    def fail(self, name: str, error: BaseException) -> None:
        """Take that something else than a step has failed: a map whose items cannot be had."""
        with self._baton:
            self.failures[name] = error
            self.machine.failures[name] = None

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
        self._workers.learn([self.plan.definitions[digest]])
        self._documents.extend(documents)

    def finish(self, returned: Returned, error: BaseException | None = None) -> None:
        """Take that the function of a dynamic pipeline has ended: no more steps come."""
        with self._baton:
            self.outputs, self._returned = returned.outputs, returned.artifacts
            raised = [one for one, known in self.failures.items() if known is error]
            self.machine.handled.difference_update(raised)
            if error is not None:  # what the function ended with comes first
                self.failures = {**dict.fromkeys(raised or [FUNCTION], error), **self.failures}
            self.machine.close(has_failed=error is not None)
        self.advance()
        self.wake()

    def now(self) -> float:
        """Return seconds that never go back, by the clock of the run."""
        return self._clock.monotonic()

    def close(self) -> None:
        """Send the thread home that writes what steps say, if there is one; forget how far they were."""
        if self.store.heartbeat is not None:
            self.store.heartbeat.forget(self.lose)
        self._said.close()
        self._progress.close()
        self._stand_in.look()

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
            unsent = self._workers.processes.start_pending()
            if not unsent:
                break
            self._inbox.extend(unsent)
        if self.caller is not None:
            self.caller.call_back()
        if self.needs_caller:
            self.find_stand_in()
        if self.machine.paused_children:  # who waits has to look without the baton being held
            self.wake()

    def is_at_standstill(self) -> bool:
        """Tell whether nothing goes on but that children wait for people; False also if that cannot be seen now."""
        if not self.machine.paused_children or not self._baton.acquire(blocking=False):
            return False
        try:
            return not self._inbox and self.machine.is_at_standstill
        finally:
            self._baton.release()

    def _hold(self, *, is_first: bool = False, is_poll: bool = False) -> None:
        """Do one turn with the baton, which is given back whatever happens."""
        run = self.run
        try:
            began_at = time.monotonic()
            self._turn_once(is_first=is_first, is_poll=is_poll)
            self.gathering.turn_ended(began_at)
        except BaseException as error:  # the caller's thread raises it
            self.run = run  # an end that was not committed is none
            self.fatal = self.fatal or error
            self.alarm()
        finally:
            self._baton.release()

    def alarm(self) -> None:
        """Wake whoever waits: the run cannot go on."""
        self.wake()
        self._stand_in.look()
        if self.caller is not None:
            self.caller.alarm()

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
            ends.documents = self._documents[:]  # others may come meanwhile, from other threads
            del self._documents[: len(ends.documents)]
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
        reused: list[StepRun] = []
        if self.admission.recorded is not None:
            reused = self.admission.recorded.tell_reused()
            for step in reused:
                self.reporter.step(step)
        self._progress.turn_ended()
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
            self.wake()

    @property
    def _may_end(self) -> bool:
        """Whether nothing is left to do but to record the end of the run."""
        return self.machine.is_over and (self.hooks is None or self.hooks.are_done)

    def _add_end(self, status: RunStatus, reason: str | None, batch: Batch) -> None:
        """Add the end of the run to a batch, once."""
        if self.run.status == "running" and batch.run is None:
            batch.run = ending.end_of_run(self.run, status, reason, self.unhandled(), self.store)
            if self.fatal is None:  # else nobody knows which outputs are recorded
                artifacts = self.admission.artifacts
                ending.add_outputs(batch, batch.run, self.outputs, artifacts, self._returned, self.store)

    def unhandled(self) -> list[tuple[str, BaseException]]:
        """Return the failures that are the run's: those that nobody took, by invocation id, the first one first."""
        return [one for one in self.failures.items() if one[0] not in self.machine.handled]

    def _report(self, batch: Batch) -> None:
        for end in batch.ended:
            self.reporter.step(end.step)
        for step in batch.started:
            self.reporter.step(step)
            self._progress.begun(step.invocation_id)

    def _can_start(self) -> bool:
        return self.admission.has_candidates and any(self._workers.free().values())

    def definition(self, invocation: Invocation) -> StepDefinition:
        """Return what a step is whose call this is."""
        return self.plan.definitions[invocation.definition]
