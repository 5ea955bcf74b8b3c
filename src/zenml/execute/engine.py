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
from typing import TYPE_CHECKING

import msgspec

from zenml.compile.cache_key import CacheKey, KeyBuilder
from zenml.execute import recording
from zenml.execute.machine import Machine
from zenml.records.plan import ArtifactRef, OutputRef
from zenml.store.store import Batch, CacheEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.compile.compiler import Compiled
    from zenml.execute.events import Finished
    from zenml.execute.reporter import Reporter
    from zenml.execute.workers import Workers
    from zenml.records.plan import Invocation, StepDefinition
    from zenml.records.run import Artifact, Run, StepRun
    from zenml.records.task import Damage
    from zenml.store.store import RunTransaction, Store

FIRST_POLL = 0.005
"""Seconds until work in flight elsewhere is looked at again; doubles up to the last one."""
LAST_POLL = 0.5


class Candidate(msgspec.Struct, frozen=True):
    """A ready step with its cache key, and the turn in which the cache was last asked for it."""

    id: str
    key: CacheKey
    turn: int = -1


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
        self.artifacts: dict[tuple[str, str], Artifact] = {}
        """The current artifact of each output, by invocation id and output name."""
        self.failures: list[tuple[str, BaseException]] = []
        self.fatal: BaseException | None = None
        self.interrupt: BaseException | None = None
        """A signal that arrived at a bad moment; raised at the next good one."""
        self.is_interruptible = False
        """Whether a signal may raise in the main thread right now: it waits, or is in a step's code."""
        self._keys = KeyBuilder()
        self._attempts: dict[str, int] = {}
        self._forced: set[str] = set()
        """Steps that must be executed although the cache knows them: their stored output is damaged."""
        self._candidates: list[Candidate] = []
        """Ready steps that the cache does not answer, waiting for a free worker; a stack."""
        self._elsewhere: list[Candidate] = []
        """Ready steps whose result another run is computing right now."""
        self._in_flight: dict[str, list[Candidate]] = {}
        """By cache key that this run is computing: further steps that wait for the same result."""
        self._released: list[Candidate] = []
        """Steps whose wait for a result of this run is over."""
        self._turn = 0
        self._inbox: deque[Finished] = deque()
        self._baton = threading.Lock()
        self._changed = threading.Condition()
        self._workers = workers
        workers.attach(self)

    # The caller's thread

    def execute(self) -> None:
        """Run everything to its end; failures are kept, not raised."""
        self._advance(is_first=True)
        poll = FIRST_POLL
        while not self._is_over():
            step = self._workers.take_for_caller()
            if step is not None:
                self._workers.run_here(step)
                poll = FIRST_POLL
                continue
            with self._changed:
                if not self._is_over() and not self._workers.has_for_caller():
                    self._wait(poll if self._elsewhere else None)
            if self._elsewhere:
                poll = min(poll * 2, LAST_POLL)
                self._advance()

    def _wait(self, seconds: float | None) -> None:
        self.is_interruptible = True
        try:
            self._changed.wait(seconds)
        finally:
            self.is_interruptible = False

    def stop(self, reason: str) -> None:
        """Let nothing start any more, and record what is running as stopped."""
        with self._baton:
            batch = Batch()
            for identifier in self.machine.stop():
                batch.started.append(recording.skipped(self.run, self.machine.nodes[identifier]))
            self._forget_waiting()
            self._stop_steps(self._workers.abandon(), reason, batch)
            with self.store.run_transaction(self.run) as transaction:
                transaction.write(batch)
            self._report(batch)

    def post(self, event: Finished) -> None:
        """Take the end of an attempt from whatever thread, and do what follows from it."""
        self._inbox.append(event)
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
        try:
            self._turn_once(is_first=is_first, is_poll=is_poll)
        except BaseException as error:  # the caller's thread raises it
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
        return self.machine.is_over and not self._inbox

    # A turn, with the baton

    def _turn_once(self, *, is_first: bool, is_poll: bool) -> None:
        """Apply all waiting events, look up what became ready, commit, and hand out work."""
        ends, begins = Batch(), Batch()
        self._turn += 1
        while self._inbox:
            self._end(self._inbox.popleft(), ends)
        if is_first:
            self._answer_from_cache(begins)
        ready = self._take_ready()
        if is_poll:
            ready, self._elsewhere = [*self._elsewhere, *ready], []
        started: list[StepRun] = []
        if ends.ended or ends.started or begins.started or ready or self._can_start():
            with self.store.run_transaction(self.run) as transaction:
                transaction.write(ends)
                self._decide(transaction, ready, begins)
                started = self._start(transaction, begins)
                transaction.write(begins)
        self._report(ends)
        self._report(begins)
        self._workers.hand_out(started)
        if self.machine.is_over or self._workers.has_for_caller() or self._elsewhere:
            with self._changed:
                self._changed.notify_all()

    def _end(self, event: Finished, batch: Batch) -> None:
        step, outcome = event.step, event.outcome
        identifier = step.invocation_id
        if self.machine.nodes[identifier].state != "running":
            return  # it was stopped meanwhile; a terminal record is not changed
        self._workers.ended(step)
        if step.cache_key is not None:
            # Whoever waited for this result asks again; a failure is not shared, each tries itself.
            self._released.extend(self._in_flight.pop(step.cache_key, ()))
        if outcome.damage is not None:
            self._repair(event, outcome.damage, batch)
        elif outcome.failure is not None:
            batch.ended.append(recording.failed(step, outcome))
            self._fail(identifier, event.exception, batch)
        else:
            end = recording.completed(self.run, step, outcome, self._definition(step.invocation))
            for artifact in end.artifacts:
                self.artifacts[identifier, artifact.output] = recording.without_bulk(artifact)
            batch.ended.append(end)
            self.machine.completed(identifier)

    def _fail(self, identifier: str, error: BaseException | None, batch: Batch) -> None:
        if error is not None:
            self.failures.append((identifier, error))
        for skipped in self.machine.failed(identifier):
            batch.started.append(recording.skipped(self.run, self.machine.nodes[skipped]))
        if self.machine.is_stopping:
            self._forget_waiting()
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
        if producer is not None and self.machine.damaged(step.invocation_id, producer):
            self._forced.add(producer)
            batch.ended.append(recording.interrupted(step, f"its input from step `{producer}` is damaged"))
            self.reporter.note(
                f"Input of step `{step.invocation_id}` is damaged; step `{producer}` runs again."
            )
            return
        error = recording.damage_error(step, damage)
        batch.ended.append(recording.failed(step, recording.damage_outcome(event.outcome, error)))
        self._fail(step.invocation_id, error, batch)

    def _answer_from_cache(self, batch: Batch) -> None:
        """Resolve the cached beginning of the graph by plain reads, level by level."""
        while ready := self._take_ready():
            hits = self.store.look_up([one.key.digest for one in ready if self._may_use_cache(one.id)])
            missed = [one for one in ready if not self._try_hit(one, hits, batch)]
            self._candidates.extend(reversed(missed))

    def _decide(self, transaction: RunTransaction, ready: list[Candidate], batch: Batch) -> None:
        """Answer ready steps from the cache, and what that makes ready, inside the transaction."""
        while ready:
            hits = self._look_up(transaction, ready)
            missed = [
                one for one in ready if not self._try_hit(one, hits, batch) and not self._must_wait(one, hits)
            ]
            self._candidates.extend(Candidate(one.id, one.key, self._turn) for one in reversed(missed))
            ready = self._take_ready()

    def _start(self, transaction: RunTransaction, batch: Batch) -> list[StepRun]:
        """Start as many candidates as there are free workers, the deepest first."""
        started: list[StepRun] = []
        chosen = self._choose()
        # Where time has passed since the first look, somebody may have begun or finished meanwhile.
        hits = self._look_up(transaction, [one for one in chosen if one.turn != self._turn])
        for one in chosen:
            if self._try_hit(one, hits, batch) or self._must_wait(one, hits):
                continue
            attempt = self._next_attempt(one.id)
            invocation = self.machine.nodes[one.id].invocation
            step = recording.started(self.run, invocation, one.key, attempt, self._reason(one.id))
            self.machine.start(one.id)
            if self._may_use_cache(one.id):
                self._in_flight[one.key.digest] = []
            self._forced.discard(one.id)
            batch.started.append(step)
            batch.inputs.extend(recording.inputs(step, self.artifact_of))
            started.append(step)
        if started or not chosen:
            return started
        # All of them were answered or wait; what that made ready comes now.
        self._decide(transaction, self._take_ready(), batch)
        return self._start(transaction, batch)

    def _choose(self) -> list[Candidate]:
        """Take candidates for which a worker is free off the stack."""
        chosen, postponed = [], []
        free = self._workers.free()
        while self._candidates and any(free.values()):
            one = self._candidates.pop()
            node = self.machine.nodes[one.id]
            if node.state != "ready":
                continue
            kind = self._workers.kind_of(self._definition(node.invocation))
            if free[kind]:
                free[kind] -= 1
                chosen.append(one)
            else:
                postponed.append(one)
        self._candidates.extend(reversed(postponed))
        return chosen

    def _try_hit(self, one: Candidate, hits: dict[str, CacheEntry], batch: Batch) -> bool:
        """Use a stored result if it is complete and young enough."""
        entry = hits.get(one.key.digest)
        if entry is None or not entry.is_finished or not self._may_use_cache(one.id):
            return False
        invocation = self.machine.nodes[one.id].invocation
        definition = self._definition(invocation)
        if not recording.is_usable(entry, definition, self._workers.artifacts):
            return False
        for artifact in entry.artifacts:
            self.artifacts[one.id, artifact.output] = artifact
        step = recording.cached(self.run, invocation, one.key, entry, self._next_attempt(one.id))
        batch.started.append(step)
        batch.inputs.extend(recording.inputs(step, self.artifact_of))
        self.machine.cached(one.id)
        return True

    def _must_wait(self, one: Candidate, hits: dict[str, CacheEntry]) -> bool:
        """Let a step wait for the same work in flight, in this run or in another one."""
        if not self._may_use_cache(one.id):
            return False
        if one.key.digest in self._in_flight:
            self._in_flight[one.key.digest].append(one)
            return True
        entry = hits.get(one.key.digest)
        if entry is not None and not entry.is_finished and entry.run_id != self.run.id:
            self._elsewhere.append(one)
            return True
        return False

    def _look_up(self, transaction: RunTransaction, candidates: Iterable[Candidate]) -> dict[str, CacheEntry]:
        keys = list({one.key.digest for one in candidates if self._may_use_cache(one.id)})
        return transaction.look_up(keys) if keys else {}

    def _take_ready(self) -> list[Candidate]:
        """Return what is ready to be looked up: new steps, and those whose wait is over."""
        ready = [self._with_key(identifier) for identifier in self.machine.take_ready()]
        if self._released:
            released = [one for one in self._released if self.machine.nodes[one.id].state == "ready"]
            ready, self._released = [*released, *ready], []
        return ready

    def _with_key(self, identifier: str) -> Candidate:
        invocation = self.machine.nodes[identifier].invocation
        return Candidate(
            identifier, self._keys.build(invocation, self._definition(invocation), self.artifact_of)
        )

    def _forget_waiting(self) -> None:
        self._candidates.clear()
        self._elsewhere.clear()
        self._in_flight.clear()
        self._released.clear()

    def _report(self, batch: Batch) -> None:
        for end in batch.ended:
            self.reporter.step(end.step)
        for step in batch.started:
            self.reporter.step(step)

    # Small questions

    def artifact_of(self, ref: OutputRef | ArtifactRef) -> Artifact:
        """Return the artifact that a binding refers to."""
        if isinstance(ref, ArtifactRef):
            return self._workers.external(ref.id)
        return self.artifacts[ref.step, ref.name]

    def _definition(self, invocation: Invocation) -> StepDefinition:
        return self.plan.definitions[invocation.definition]

    def _may_use_cache(self, identifier: str) -> bool:
        node = self.machine.nodes[identifier]
        return self._definition(node.invocation).options.enable_cache and identifier not in self._forced

    def _can_start(self) -> bool:
        return bool(self._candidates) and any(self._workers.free().values())

    def _next_attempt(self, identifier: str) -> int:
        attempt = self._attempts[identifier] = self._attempts.get(identifier, 0) + 1
        return attempt

    def _reason(self, identifier: str) -> str | None:
        if identifier in self._forced:
            return "its stored output was damaged"
        return None if self._may_use_cache(identifier) else "caching is disabled for it"
