"""The isolated steps of one run: each has a process of its own, which a launcher starts and ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec

from zenml.errors import StepTimeoutError
from zenml.execute import recording
from zenml.execute.events import Finished, failed_outside
from zenml.execute.launchers import Launched, Launchers
from zenml.logs.output import ProcessOutput
from zenml.records.task import PackedState, StepOutcome, Unrecorded

if TYPE_CHECKING:
    from zenml.execute.workers import Workers
    from zenml.logs.step_log import StepLog
    from zenml.records.run import StepRun

GRACE = 5.0
"""Seconds between asking a process tree to end and ending it."""
TO_DIE = 2.0
"""Seconds that one which is ended may take to be gone."""


class Processes:
    """The processes of one run; each launcher is opened with the first of them that needs it."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._to_launch: list[StepRun] = []
        self.launchers = Launchers()
        self._preload: tuple[str, ...] = ()
        self._handles: dict[str, Launched] = {}
        self._launched: list[str] = []
        """Ids of the attempts that had a process."""
        self._overdue: set[str] = set()
        """Ids of the attempts that were ended because their time was up."""
        self._grace = GRACE
        self._changed = threading.Condition()
        self._alive: dict[str, Launched] = {}
        """By attempt: what has a process; with the condition held."""
        self._asked: dict[str, float] = {}
        """By attempt: until when a process that was asked to end has time for it; with the condition held."""

    def add(self, step: StepRun) -> None:
        """Take a step that has its place and is to be started soon, with the baton."""
        self._to_launch.append(step)

    def start_pending(self) -> list[Finished]:
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

    def start_late(self, step: StepRun) -> None:
        """Start the process of a step whose start hook has run, unless it was stopped meanwhile."""
        failed = self._try_to_launch(step) if self._workers.is_running(step) else None
        if failed is not None:
            self._workers.engine.post(failed)

    def _try_to_launch(self, step: StepRun) -> Finished | None:
        """Start the process of a step; return its end if it cannot be sent: it has failed, not the run."""
        recorded = self._workers.engine.admission.recorded
        try:
            found = recorded.take_outcome(step, self._workers.artifacts) if recorded is not None else None
            if found is not None:  # an earlier attempt had ended, and its owner died before it was recorded
                outcome, told = found
                for event in told:
                    self._workers.engine.hear(step, event)
                return Finished(step, outcome, None)
            self._launch(step)
        except Exception as error:
            return failed_outside(step, error)
        return None

    def _launch(self, step: StepRun) -> None:
        # most runs have no isolated step, and start without its cost
        from zenml.execute import isolation
        from zenml.worker import kept_outcomes

        if not self.launchers.are_open:
            self.launchers.tell = self._workers.engine.note
            self._preload = isolation.heavy_modules()
        definition = self._workers.engine.plan.definitions[step.definition]
        chosen = self.launchers.of(self._workers.engine.filled.definition(step.definition, definition))
        log = self._workers.log_of(step, definition)
        self._launched.append(step.id)
        output = ProcessOutput(log)
        has_ended = threading.Event()

        def ended(outcome: StepOutcome, error: BaseException | None) -> None:
            self._process_ended(step, log, output, outcome, error)
            with self._changed:
                has_ended.set()
                self._alive.pop(step.id, None)
                self._changed.notify_all()

        launched = self._handles[step.id] = isolation.launch(
            chosen,
            self._workers.task_of(step),
            self._workers.engine.programs[step.definition],
            preload=self._preload,
            unrecorded=Unrecorded(
                secrets=self._workers.secrets.variables(definition.options.secrets),
                state=PackedState()
                if self._workers.engine.hooks is None
                else self._workers.engine.hooks.packed_state(),
                seal=kept_outcomes.seal_of(self._workers.engine.store, step.id),
            ),
            on_output=output.write,
            on_event=lambda event: self._workers.engine.hear(step, event),
            on_end=ended,
        )
        with self._changed:
            if not has_ended.is_set():
                self._alive[step.id] = launched
        if step.id in self._overdue or not self._workers.is_running(step):
            self._ask(step.id, launched)  # it is to end, and had no handle yet

    # Ending

    def end(self, step: StepRun) -> None:
        """End the processes of a step, or see to it that none is started."""
        self._to_launch = [one for one in self._to_launch if one.id != step.id]
        launched = self._handles.get(step.id)
        if launched is not None:
            self._ask(step.id, launched)

    def end_overdue(self, step: StepRun) -> None:
        """End all processes of a step whose time is up; what it still answers does not count."""
        self._overdue.add(step.id)
        self.end(step)

    def end_all(self) -> None:
        """End all processes; no more are started."""
        for identifier, launched in list(self._handles.items()):  # others may come and go meanwhile
            self._ask(identifier, launched)
        self._to_launch.clear()

    def _ask(self, identifier: str, launched: Launched) -> None:
        """Ask the processes of a step to end, once: whoever asks again gives them no more time."""
        with self._changed:
            is_first = identifier not in self._asked
            self._asked.setdefault(identifier, time.monotonic() + self._grace)
        if is_first:
            launched.end(grace=self._grace)

    @property
    def are_ending(self) -> bool:
        """Whether processes that were asked to end have not."""
        return bool(self._alive.keys() & self._asked.keys())

    def wait_for_ends(self) -> None:
        """Return when the processes that were asked to end are gone, or should be."""
        with self._changed:
            while self.are_ending:
                until = max(self._asked[one] for one in self._alive.keys() & self._asked.keys()) + TO_DIE
                if until <= time.monotonic():
                    return
                self._changed.wait(until - time.monotonic())

    def hurry(self) -> None:
        """End at once what was asked to end, or will be."""
        self._grace = 0.0
        with self._changed:
            ending = [launched for one, launched in self._alive.items() if one in self._asked]
            self._asked.update(dict.fromkeys(self._asked, time.monotonic()))
        for launched in ending:
            launched.end(grace=0.0)

    def forget(self, step: StepRun) -> None:
        """Forget a step that has ended."""
        self._handles.pop(step.id, None)
        self._overdue.discard(step.id)

    def close(self) -> None:
        """End whatever is left, with the launcher itself."""
        self.launchers.close()
        recorded = self._workers.engine.admission.recorded
        kept = self._launched if recorded is None else [*self._launched, *recorded.kept]
        if kept and self._workers.engine.run.status != "running":  # what the steps came to is recorded
            from zenml.worker import kept_outcomes

            kept_outcomes.drop(self._workers.artifact_root, kept)

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
            limit = self._workers.engine.plan.definitions[step.definition].options.timeout
            error = StepTimeoutError.of(step.invocation_id, limit or 0.0)
            outcome = recording.failed_outcome(outcome, error)
        if outcome.usage is not None:
            step = msgspec.structs.replace(step, **msgspec.structs.asdict(outcome.usage))
        self._workers.engine.post(Finished(self._workers.with_log(step, log), outcome, error))
