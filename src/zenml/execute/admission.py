"""What becomes of a ready step: answered from the cache, made to wait, or started.

A ready step is looked up. A finished result answers it. The same work in flight makes it wait,
whether this run or another one does it. Otherwise it is a candidate, and starts when a worker
is free; if time has passed since, it is looked up once more in the transaction that starts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from zenml.compile.cache_key import KeyBuilder
from zenml.errors import DeclarationError
from zenml.execute import recording
from zenml.execute.known_results import Candidate, KnownResults
from zenml.records.ids import RunId, StepRunId, new_id
from zenml.records.plan import ArtifactRef, OutputRef
from zenml.worker.inline_environment import InlineEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.execute.machine import Machine
    from zenml.execute.recorded import Recorded
    from zenml.execute.replayed import Replayed
    from zenml.execute.run_stack import RunStack
    from zenml.execute.tokens import Need, Tokens
    from zenml.records.plan import Place, Plan, StepDefinition
    from zenml.records.run import Artifact, Run, StepRun
    from zenml.records.task import Damage
    from zenml.store.store import Batch, CacheEntry, RunTransaction, Store


class Places(Protocol):
    """Where steps can run."""

    def free(self) -> dict[Place, int]:
        """Return how many more steps of each kind may start now."""

    def kind_of(self, definition: StepDefinition) -> Place:
        """Return which kind of place a step needs."""

    @property
    def tokens(self) -> Tokens[Candidate] | None:
        """What there is of CPUs, memory and GPUs; None as long as no step declares what it needs."""

    def need_of(self, key: str) -> Need:
        """Return the tokens that a step takes, by the key of its definition."""


class Admission(KnownResults):
    """The ready steps of one run. Everything here happens with the engine's baton."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        machine: Machine,
        artifact_store: ArtifactStore,
        externals: Mapping[str, Artifact],
        secret_prints: Mapping[str, str],
        stack: RunStack,
    ) -> None:
        self.artifacts: dict[tuple[str, str], Artifact] = {}
        """The current artifact of each output, by invocation id and output name."""
        self.own: set[str] = set()
        """Ids of the artifacts that this run itself made: they are trusted before they are signed."""
        self._run = run
        self._plan = plan
        self._machine = machine
        self._artifact_store = artifact_store
        self._externals = externals
        self._keys = KeyBuilder(secret_prints, run.variables, stack.result_parts)
        self._inline = InlineEnvironment()
        self._attempts: dict[str, int] = {}
        self._announced: dict[str, StepRun] = {}
        """By invocation id: the attempt that has its row already, and waits for its time or its turn."""
        self._forced: set[str] = set()
        self._refreshed = set(plan.refreshed)
        self._turn = 0
        self._tokens: Tokens[Candidate] | None = None
        """Where candidates wait that declare what they need, once there are any."""
        self._candidates: list[Candidate] = []
        """Steps that the cache does not answer, waiting for a free worker; a stack."""
        self._elsewhere: list[Candidate] = []
        """Steps whose result another run is computing right now."""
        self._in_flight: dict[str, list[Candidate]] = {}
        """By cache key that this run is computing: further steps that wait for the same result."""
        self._released: list[Candidate] = []
        """Steps whose wait for a result of this run is over."""
        self.name_returned: Callable[[str, Sequence[Artifact]], dict[str, Artifact]] | None = None
        """Gives what the call of a pipeline has returned the names that it goes by."""
        self.recorded: Recorded | None = None
        """What the run has finished before it was resumed; None for one that was not."""
        self.replayed: Replayed | None = None
        """What a replay takes from its original; None for a run that is none."""

    # Questions

    @property
    def has_candidates(self) -> bool:
        """Tell whether a step waits for nothing but a free worker."""
        return bool(self._candidates) or (self._tokens is not None and self._tokens.has_waiting)

    @property
    def waits_elsewhere(self) -> bool:
        """Tell whether a step waits for another run, which has to be looked at again and again."""
        return bool(self._elsewhere)

    def artifact_of(self, ref: OutputRef | ArtifactRef) -> Artifact:
        """Return the artifact that a binding refers to."""
        if isinstance(ref, ArtifactRef):
            return self._externals[ref.id]
        found = self.artifacts.get((ref.step, ref.name))
        if found is None:  # only what a pipeline returns is not known in advance
            raise DeclarationError(
                f"Output `{ref.name}` of pipeline `{ref.step}` was passed on before that had ended, and it did not return it. "
                "Annotate what the pipeline returns, or wait with `.result()` and pass on what it gives."
            )
        return found

    def take_ready(self, *, is_poll: bool = False) -> list[Candidate]:
        """Return what is to be looked up: new steps, and those whose wait may be over."""
        self._turn += 1
        found, self._released = self._released, []
        if is_poll:
            found += self._elsewhere
            self._elsewhere = []
        found = [one for one in found if self._machine.nodes[one.id].state == "ready"]  # or it was cancelled
        return [*found, *map(self._with_key, self._machine.take_ready())]

    def is_current(self, damage: Damage) -> bool:
        """Tell whether a damaged artifact is still the one that its producer's output stands for."""
        return any(
            artifact.id == damage.artifact_id and step == damage.producer
            for (step, _), artifact in self.artifacts.items()
        )

    # Changes

    def resume(self, recorded: Recorded) -> None:
        """Learn what the run has recorded already; attempts are numbered on from there."""
        self.recorded = recorded
        self._attempts.update(recorded.attempts)

    def force(self, identifier: str) -> None:
        """Have a step executed although the cache knows it: its stored output is damaged.

        Steps that take the output wait for it again, and get their keys anew.
        """
        self._forced.add(identifier)
        for waiting in (self._candidates, self._elsewhere, self._released, *self._in_flight.values()):
            waiting[:] = [one for one in waiting if self._machine.nodes[one.id].state == "ready"]
        if self._tokens is not None:
            self._tokens.keep(lambda one: self._machine.nodes[one.id].state == "ready")

    def refresh(self, identifier: str) -> None:
        """Have a step executed whatever the cache knows."""
        self._refreshed.add(identifier)

    def skipped(self, identifier: str) -> StepRun:
        """Return the record of a step that will not run."""
        return recording.skipped(self._run, self._machine.nodes[identifier], self._next_attempt(identifier))

    def announce(self, identifier: str, starts_at: int, reason: str) -> StepRun:
        """Return the record of the next attempt of a step, which waits for its time."""
        invocation = self._machine.nodes[identifier].invocation
        attempt = self._next_attempt(identifier)
        step = recording.announced(self._run, invocation, attempt, starts_at, reason)
        self._announced[identifier] = step
        return step

    def release(self, step: StepRun) -> None:
        """Have whoever waited for a step ask again; a failure is not shared, each then tries itself."""
        self._inline.leave(step.invocation_id)
        if step.cache_key is not None:
            self._released.extend(self._in_flight.pop(step.cache_key, ()))

    def forget(self) -> None:
        """Let go of everything that has not started."""
        self._candidates.clear()
        if self._tokens is not None:
            self._tokens.clear()
        self._elsewhere.clear()
        self._in_flight.clear()
        self._released.clear()

    # Decisions

    def answer_from_cache(self, store: Store, batch: Batch) -> None:
        """Resolve the cached beginning of the graph by plain reads, level by level."""
        while ready := self.take_ready():
            hits = store.look_up([one.key.digest for one in ready if self._may_use_cache(one.id)])
            missed = [one for one in ready if not self._try_hit(one, hits, batch)]
            self._candidates.extend(reversed(missed))

    def decide(self, transaction: RunTransaction, ready: list[Candidate], batch: Batch) -> None:
        """Answer ready steps from the cache, and what that makes ready, inside the transaction."""
        while ready:
            hits = self._look_up(transaction, ready)
            missed = [
                one for one in ready if not self._try_hit(one, hits, batch) and not self._must_wait(one, hits)
            ]
            self._wait_for_place(missed)
            ready = [self._with_key(identifier) for identifier in self._machine.take_ready()]

    def _wait_for_place(self, missed: list[Candidate]) -> None:
        """Put candidates on the stack; those that nothing made ready go below all others, in their order."""
        nodes = self._machine.nodes
        found = [Candidate(one.id, one.key, self._turn) for one in reversed(missed)]
        last = [one for one in found if nodes[one.id].is_last]
        self._candidates.extend([one for one in found if not nodes[one.id].is_last] if last else found)
        self._candidates[:0] = last

    def start(self, transaction: RunTransaction, places: Places, batch: Batch) -> list[StepRun]:
        """Start as many candidates as there are free places, the deepest first."""
        started: list[StepRun] = []
        free, self._tokens = places.free(), places.tokens
        while chosen := self._choose(free, places):
            hits = self._look_up(transaction, [one for one in chosen if one.turn != self._turn])
            for one in chosen:
                if self._try_hit(one, hits, batch) or self._must_wait(one, hits):
                    free[places.kind_of(self._definition(one.id))] += 1
                    self._inline.leave(one.id)
                    if self._tokens is not None:
                        self._tokens.give_back(one.id)
                    continue
                started.append(self._start_one(one, batch))
            # What was answered just now may have made other steps ready.
            self.decide(transaction, [self._with_key(i) for i in self._machine.take_ready()], batch)
        return started

    def _start_one(self, one: Candidate, batch: Batch) -> StepRun:
        invocation = self._machine.nodes[one.id].invocation
        reason = child = None
        if self._definition(one.id).is_pipeline:
            child = self._child_of(one)
        if one.id in self._forced:
            reason = "its stored output was damaged"
        elif self.recorded is not None and (again := self.recorded.reason(one.id, one.key)):
            reason = again
        elif self.replayed is not None:
            reason = self.replayed.missed(one.id)
        elif one.id in self._refreshed:
            reason = "it was to be refreshed"
        elif child is None and not self._may_use_cache(one.id):
            reason = "caching is disabled for it"
        attempt = self._next_attempt(one.id)
        step = recording.started(self._run, invocation, one.key, attempt, reason, child)
        self._machine.start(one.id)
        if self._may_use_cache(one.id):
            self._in_flight[one.key.digest] = []
        self._forced.discard(one.id)
        batch.started.append(step)
        batch.inputs.extend(recording.inputs(step, self.artifact_of))
        return step

    def _child_of(self, one: Candidate) -> RunId:
        """Return which run the call of a pipeline is: the one that it was before, unless its output was damaged."""
        found = None
        if self.recorded is not None and one.id not in self._forced:
            found = self.recorded.child(one.id, one.key.digest, self._machine.nodes)
        return found or RunId(new_id())

    def _choose(self, free: dict[Place, int], places: Places) -> list[Candidate]:
        """Take candidates for which a place is free off the stack, after those that waited for tokens."""
        tokens = self._tokens
        chosen = [] if tokens is None else self._choose_waiting(free, tokens)
        postponed = []
        while self._candidates and any(free.values()):
            one = self._candidates.pop()
            if self._machine.nodes[one.id].state != "ready":
                continue
            definition = self._definition(one.id)
            kind = places.kind_of(definition)
            if free[kind] and tokens is not None:
                need = places.need_of(self._machine.nodes[one.id].invocation.definition)
                if not tokens.may_take(need):
                    tokens.wait(one, kind, need)
                    continue
            if free[kind] and (kind != "inline" or self._inline.enter(one.id, definition)):
                free[kind] -= 1
                chosen.append(one)
                if tokens is not None:
                    tokens.take(one.id, need)
            else:
                postponed.append(one)
        self._candidates.extend(reversed(postponed))
        return chosen

    def _choose_waiting(self, free: dict[Place, int], tokens: Tokens[Candidate]) -> list[Candidate]:
        """Take those whose tokens are free by now, the one that has waited longest first."""
        chosen: list[Candidate] = []
        passed_over: set[str] = set()
        while found := tokens.next(free, passed_over):
            one, kind, need = found
            if self._machine.nodes[one.id].state != "ready":
                tokens.drop(kind, need)
            elif kind == "inline" and not self._inline.enter(one.id, self._definition(one.id)):
                passed_over.add(one.id)
            else:
                tokens.drop(kind, need)
                tokens.take(one.id, need)
                free[kind] -= 1
                chosen.append(one)
        return chosen

    def _must_wait(self, one: Candidate, hits: Mapping[str, CacheEntry]) -> bool:
        """Let a step wait for the same work in flight, in this run or in another one."""
        if not self._may_use_cache(one.id):
            return False
        if one.key.digest in self._in_flight:
            self._in_flight[one.key.digest].append(one)
            return True
        entry = hits.get(one.key.digest)
        if entry is not None and not entry.is_finished and entry.run_id != self._run.id:
            self._elsewhere.append(one)
            return True
        return False

    def _look_up(self, transaction: RunTransaction, candidates: Iterable[Candidate]) -> dict[str, CacheEntry]:
        keys = list({one.key.digest for one in candidates if self._may_use_cache(one.id)})
        return transaction.look_up(keys) if keys else {}

    def _with_key(self, identifier: str) -> Candidate:
        invocation = self._machine.nodes[identifier].invocation
        key = self._keys.build(invocation, self._definition(identifier), self.artifact_of)
        for known in (self.recorded, self.replayed):
            if known is not None:
                known.announce(identifier, key.digest)
        return Candidate(identifier, key)

    def _definition(self, identifier: str) -> StepDefinition:
        return self._plan.definitions[self._machine.nodes[identifier].invocation.definition]

    def _may_use_cache(self, identifier: str) -> bool:
        if identifier in self._forced or identifier in self._refreshed or self.replayed is not None:
            return False
        return self._definition(identifier).options.enable_cache

    def _next_attempt(self, identifier: str) -> recording.Attempt:
        announced = self._announced.pop(identifier, None)
        if announced is not None:
            return recording.Attempt(announced.id, announced.attempt)
        number = self._attempts[identifier] = self._attempts.get(identifier, 0) + 1
        return recording.Attempt(StepRunId(new_id()), number)
