"""Ending a run, or pausing it, from outside of a turn: by a signal, a stop, or a question to a person."""

from __future__ import annotations

import threading
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from zenml.errors import RunStoppedError, StoreError
from zenml.execute import recording
from zenml.execute.environment import current_changes
from zenml.execute.events import Finished
from zenml.records.run import Run
from zenml.store.store import Batch

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from zenml.execute.admission import Admission
    from zenml.execute.attempts import Attempts
    from zenml.execute.events import Event
    from zenml.execute.hooks import Hooks
    from zenml.execute.model_linking import ModelLinking
    from zenml.execute.step_events import StepEvents
    from zenml.execute.workers import Workers
    from zenml.records.status import RunStatus
    from zenml.records.waits import Wait
    from zenml.store.store import Store


class Halting:
    """The part of the engine that ends or pauses a run that was going on."""

    store: Store
    run: Run
    admission: Admission
    models: ModelLinking
    hooks: Hooks | None
    fatal: BaseException | None
    interrupt: BaseException | None
    is_in_function: bool
    is_interruptible: bool
    _attempts: Attempts
    _baton: threading.Lock
    _caller: int
    _inbox: deque[Event]
    _said: StepEvents
    _unrecorded: tuple[Batch, Batch]
    _workers: Workers

    @abstractmethod
    def alarm(self) -> None:
        """Wake whoever waits: the run cannot go on."""
        raise NotImplementedError

    @abstractmethod
    def interrupt_function(self) -> None:
        """Have the caller's thread be interrupted where it is in a user's code."""
        raise NotImplementedError

    @abstractmethod
    def _add_end(self, status: RunStatus, reason: str | None, batch: Batch) -> None:
        raise NotImplementedError

    @abstractmethod
    def _report(self, batch: Batch) -> None:
        raise NotImplementedError

    def stop(self, reason: str) -> None:
        """Let nothing start any more; record what is running, and the run itself, as stopped."""
        self.is_interruptible = self.is_in_function = False
        if self._is_stop:
            reason = self._first_reason(reason)
        with self._baton:
            self._end_processes(reason)
            batch = Batch()
            self._said.add_to(batch)
            self._take_ends(batch)
            self._attempts.stop_all(reason, batch)
            ends, begins = self._unrecorded
            batch.ended[:0] = ends.ended
            batch.started += [step for step in ends.started if step.status != "retrying"]  # skipped by now
            batch.started += map(recording.refused, begins.started)
            batch.hooks = ends.hooks
            self._add_end("stopped" if self._is_stop else "failed", reason, batch)
            self.models.link(batch, self.admission.artifacts)
            with self.store.run_transaction(self.run) as transaction:
                transaction.write(batch)
            self.run = batch.run or self.run
            self._report(batch)
            if self.hooks is not None:
                self.hooks.hand_out()

    @property
    def _is_stop(self) -> bool:
        return self.fatal is None or isinstance(self.fatal, RunStoppedError)

    def _first_reason(self, reason: str) -> str:
        """Return why somebody has asked the run to stop, if it had not ended when this came to be told to end."""
        with suppress(StoreError):
            known = self.store.get(Run, self.run.id)
            if known is not None and known.status == "stopping":
                return known.reason or reason
        return reason

    def _end_processes(self, reason: str) -> None:
        """Give isolated steps, and runs inside this one, some time to end in good order; until then it is about to stop."""
        self._workers.begin_to_end(reason)
        if self._workers.are_ending:
            with suppress(StoreError):  # whoever looks sees a run that goes on, until its end is recorded
                self.store.announce_stop(self.run, reason)
            self.wait_or_hurry(self._workers.wait_for_ends, self.hurry)

    def hurry(self) -> None:
        """Have a stop that is under way wait for nothing any more."""
        self._workers.hurry()

    def wait_or_hurry(self, wait: Callable[[], None], hurry: Callable[[], None]) -> None:
        """Wait for what is about to end; a second signal, which only the caller's thread hears of, does not wait."""
        if threading.get_ident() != self._caller:
            wait()
            return
        try:
            try:
                self.is_interruptible = True
                if self.interrupt is not None:  # it arrived just before
                    error, self.interrupt = self.interrupt, None
                    raise error
                wait()
            finally:
                self.is_interruptible = False
        except (KeyboardInterrupt, SystemExit):
            hurry()
            wait()

    def _take_ends(self, batch: Batch) -> None:
        """Take the steps that have succeeded since the last turn: they are not stopped any more."""
        while self._inbox:
            event = self._inbox.popleft()
            if isinstance(event, Finished) and event.outcome.failure is None:
                self._attempts.take(event, batch)

    def end_with(self, error: RunStoppedError) -> None:
        """End the run from another thread: it is recorded now, and the caller's thread raises the error."""
        self.fatal = self.fatal or error
        self.alarm()
        try:
            self.stop(error.reason or str(error))
        except RunStoppedError:
            pass  # it is somebody else's by now, who records it

    def lose(self, error: RunStoppedError) -> None:
        """End the work on a run, from another thread, because others may take it for dead; they record its end."""
        self.fatal = self.fatal or error
        self._workers.processes.end_all()
        self.alarm()
        self.interrupt_function()

    def pause(self, reason: str, wait: Wait | None = None) -> bool:
        """Record the pause of the run, and what it asks, as one; nothing of it goes on any more.

        Returns False if it is paused already: another thread of the function was quicker.

        Raises:
            RunStoppedError: the run is to stop, or is not this process's any more.
        """
        with self._baton:
            if self.run.status == "paused":
                return False
            batch = Batch(wait=wait)
            self._said.add_to(batch)
            batch.run = msgspec.structs.replace(
                self.run,
                status="paused",
                reason=reason,
                changes=current_changes(self.store).digest(),
            )
            if self.hooks is not None:
                self.hooks.add_pause(batch)
            self.models.link(batch, self.admission.artifacts)
            try:
                with self.store.run_transaction(self.run) as transaction:
                    transaction.write(batch)
            except RunStoppedError as error:
                self.fatal = self.fatal or error
                raise
            self.run = batch.run
        return True
