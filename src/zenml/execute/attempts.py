"""What follows from the end of an attempt: outputs, a retry, a repair, or steps that are not run.

Everything here happens with the engine's baton, and goes into the batch of the turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.execute import recording
from zenml.execute.events import Added, Cancelled, Due, Paused
from zenml.execute.retries import Retries
from zenml.records.plan import OutputRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.execute.clock import Clock
    from zenml.execute.engine import Engine
    from zenml.execute.events import Event, Finished
    from zenml.execute.timers import Timers
    from zenml.execute.workers import Workers
    from zenml.records.run import Artifact, StepRun
    from zenml.records.task import Damage, StepOutcome
    from zenml.reporting.run_progress import RunProgress
    from zenml.store.store import Batch


class Attempts:
    """The ends of the attempts of one run."""

    def __init__(
        self, engine: Engine, workers: Workers, timers: Timers, progress: RunProgress, clock: Clock
    ) -> None:
        self._engine = engine
        self._workers = workers
        self._timers = timers
        self._progress = progress
        self._machine = engine.machine
        self._admission = engine.admission
        self._retries = Retries(engine.machine, engine.admission, timers, clock)
        self._pipeline_outputs = {
            (ref.step, ref.name)
            for ref in (one.ref for one in engine.plan.outputs)
            if isinstance(ref, OutputRef)
        }

    def take(self, event: Event, batch: Batch) -> None:
        """Take that an attempt ended, that the wait before one is over, that a step was called or cancelled."""
        if isinstance(event, Added):
            self._add(event, batch)
        elif isinstance(event, Due):
            self._wake(event.step)
        elif isinstance(event, Cancelled):
            self._cancel(event.id, batch)
        elif isinstance(event, Paused):
            self._pause(event, batch)
        else:
            self._end(event, batch)

    def stop_all(self, reason: str, batch: Batch) -> None:
        """Let nothing start any more, and end what runs."""
        self._skip(self._machine.stop(), batch)
        self._admission.forget()
        self._stop(self._workers.abandon(reason), reason, batch)

    def _add(self, event: Added, batch: Batch) -> None:
        """Take a call of a dynamic pipeline; what it needs may have failed already."""
        identifier = event.invocation.id
        if event.is_refreshed:
            self._admission.refresh(identifier)
        self._machine.add(event.invocation, is_first=event.is_first)
        self._progress.added(event.invocation)
        if self._machine.nodes[identifier].state == "skipped":
            batch.started.append(self._admission.skipped(identifier))

    def _cancel(self, identifier: str, batch: Batch) -> None:
        """Skip a step that has not started; end it if it runs in a process of its own."""
        self._skip(self._machine.cancel(identifier), batch)
        step = self._workers.cancel(identifier)
        if step is not None:
            self._forget(step)
            self._stop([step], "it was cancelled", batch)
            self._skip(self._machine.cut_off(identifier), batch)

    def _pause(self, event: Paused, batch: Batch) -> None:
        """Take that a child is paused: this attempt is over, and the child goes on with the next run of the function."""
        step = event.step
        if self._machine.nodes[step.invocation_id].state != "running":
            return  # it was stopped meanwhile
        self._workers.ended(step)
        self._forget(step)
        self._machine.paused(step.invocation_id)
        batch.ended.append(recording.interrupted(step, event.reason))

    def _wake(self, step: StepRun) -> None:
        """Have a step be ready again whose wait before an attempt is over, unless it was skipped meanwhile."""
        if self._machine.nodes[step.invocation_id].state == "retrying":
            self._machine.due(step.invocation_id)

    def _end(self, event: Finished, batch: Batch) -> None:
        step, outcome = event.step, event.outcome
        if self._machine.nodes[step.invocation_id].state != "running":
            return  # it was stopped meanwhile; a terminal record is not changed
        self._workers.ended(step)
        self._forget(step)
        definition = self._engine.definition(step.invocation)
        if outcome.damage is not None:
            self._repair(event, outcome.damage, batch)
        elif outcome.failure is not None:
            retry = definition.options.retry
            if retry is None or not self._retries.follow(event, retry, batch):
                batch.ended.append(recording.failed(step, outcome))
                self._fail(step.invocation_id, event.exception, batch)
        elif taken := recording.taken_version(self._engine.run, step, definition, self._engine.store):
            batch.ended.append(recording.failed(step, recording.failed_outcome(outcome, taken)))
            self._fail(step.invocation_id, taken, batch)
        else:
            self._complete(event, batch)

    def _forget(self, step: StepRun) -> None:
        """Let go of what was kept of a running step; who waits for its result asks again."""
        self._progress.ended(step.id)
        self._timers.drop(step)
        self._admission.release(step)

    def _complete(self, event: Finished, batch: Batch) -> None:
        step, outcome = event.step, event.outcome
        if event.artifacts is not None:
            self._complete_child(step, outcome, event.artifacts, batch)
            return
        definition = self._engine.definition(step.invocation)
        end = recording.completed(self._engine.run, step, outcome, definition)
        for artifact in end.artifacts:
            is_kept = (step.invocation_id, artifact.output) in self._pipeline_outputs
            kept = artifact if is_kept else recording.without_bulk(artifact)
            self._admission.artifacts[step.invocation_id, artifact.output] = kept
            self._admission.own.add(artifact.id)
        batch.ended.append(end)
        recording.say_of_outputs(batch.notes, end, outcome, definition)
        self._machine.completed(step.invocation_id)

    def _complete_child(
        self, step: StepRun, outcome: StepOutcome, artifacts: dict[str, Artifact], batch: Batch
    ) -> None:
        """Take what a pipeline returned, whose run has recorded it."""
        for name, artifact in artifacts.items():
            self._admission.artifacts[step.invocation_id, name] = artifact
        batch.ended.append(recording.completed_child(step, outcome))
        self._machine.completed(step.invocation_id)

    def _fail(self, identifier: str, error: BaseException | None, batch: Batch) -> None:
        if error is not None:
            self._engine.failures[identifier] = error
        self._skip(self._machine.failed(identifier), batch)
        if self._machine.is_stopping:
            self._admission.forget()
        if self._machine.mode == "fail_fast":
            reason = f"step `{identifier}` failed and the run fails fast"
            self._stop(self._workers.abandon(reason), reason, batch)

    def _skip(self, identifiers: Iterable[str], batch: Batch) -> None:
        for identifier in identifiers:
            step = self._admission.skipped(identifier)
            self._timers.drop(step)
            batch.started.append(step)

    def _stop(self, steps: Iterable[StepRun], reason: str, batch: Batch) -> None:
        for step in steps:
            if self._machine.nodes[step.invocation_id].state == "running":
                self._machine.stopped(step.invocation_id)
                batch.ended.append(recording.stopped(step, reason))

    def _repair(self, event: Finished, damage: Damage, batch: Batch) -> None:
        """Have the producer of a damaged input run again, and the consumer after it."""
        step, producer = event.step, damage.producer
        is_current = self._admission.is_current(damage)
        if producer is not None and self._machine.damaged(
            step.invocation_id, producer, is_current=is_current
        ):
            if is_current:
                self._admission.force(producer)
            batch.ended.append(recording.interrupted(step, f"its input from step `{producer}` is damaged"))
            self._engine.reporter.note(
                f"Input of step `{step.invocation_id}` is damaged; step `{producer}` runs again."
            )
            return
        error = recording.damage_error(step, damage)
        batch.ended.append(recording.failed(step, recording.failed_outcome(event.outcome, error)))
        self._fail(step.invocation_id, error, batch)
