"""What answers a ready step without executing it: its own run, the original of a replay, or the cache."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import msgspec

from zenml.compile.cache_key import CacheKey
from zenml.execute import recording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.execute.machine import Machine
    from zenml.execute.recorded import Recorded
    from zenml.execute.replayed import Replayed
    from zenml.records.ids import RunId
    from zenml.records.plan import ArtifactRef, OutputRef, StepDefinition
    from zenml.records.run import Artifact, Run
    from zenml.store.store import Batch, CacheEntry


class Candidate(msgspec.Struct, frozen=True):
    """A ready step with its cache key, and the turn in which the cache was last asked for it."""

    id: str
    key: CacheKey
    turn: int = -1


class KnownResults:
    """The part of the admission that uses results which are stored."""

    artifacts: dict[tuple[str, str], Artifact]
    recorded: Recorded | None
    replayed: Replayed | None
    name_returned: Callable[[str, Sequence[Artifact]], dict[str, Artifact]] | None
    _run: Run
    _machine: Machine
    _artifact_store: ArtifactStore
    _forced: set[str]

    @abstractmethod
    def artifact_of(self, ref: OutputRef | ArtifactRef) -> Artifact:
        """Return the artifact that a binding refers to."""
        raise NotImplementedError

    @abstractmethod
    def _definition(self, identifier: str) -> StepDefinition:
        raise NotImplementedError

    @abstractmethod
    def _may_use_cache(self, identifier: str) -> bool:
        raise NotImplementedError

    @abstractmethod
    def _next_attempt(self, identifier: str) -> recording.Attempt:
        raise NotImplementedError

    def _try_hit(self, one: Candidate, hits: Mapping[str, CacheEntry], batch: Batch) -> bool:
        """Use a stored result if it is complete and young enough."""
        if self.recorded is not None and self._try_recorded(self.recorded, one, batch):
            return True
        if self.replayed is not None:
            return self._try_replayed(self.replayed, one, batch)
        entry = hits.get(one.key.digest)
        if entry is None or not entry.is_finished or not self._may_use_cache(one.id):
            return False
        if not recording.is_usable(entry, self._definition(one.id), self._artifact_store):
            return False
        self._add_cached(one, entry, batch)
        return True

    def _add_cached(
        self,
        one: Candidate,
        entry: CacheEntry,
        batch: Batch,
        *,
        reason: str | None = None,
        child: RunId | None = None,
    ) -> None:
        """Record that a stored result answers a step."""
        self._know(one.id, entry.artifacts)
        invocation, attempt = self._machine.nodes[one.id].invocation, self._next_attempt(one.id)
        step = recording.cached(
            self._run, invocation, one.key, entry, attempt, reason=reason, child_run_id=child
        )
        batch.started.append(step)
        batch.inputs.extend(recording.inputs(step, self.artifact_of))
        self._machine.cached(one.id)

    def _try_recorded(self, recorded: Recorded, one: Candidate, batch: Batch) -> bool:
        """Use what the run itself has recorded before it was resumed; under its own id that needs no new row."""
        if one.id in self._forced:
            return False
        found = recorded.take(one.id, one.key.digest, self._machine.nodes)
        if found is None or not recording.is_whole(
            found.artifacts, self._definition(one.id), self._artifact_store
        ):
            return False
        if found.step.invocation_id == one.id and found.is_last:
            self._know(one.id, found.artifacts)
            recorded.reused.append(found.step)
            self._machine.cached(one.id)
        else:
            self._add_cached(one, recording.entry_of(found), batch, child=found.step.child_run_id)
        return True

    def _try_replayed(self, replayed: Replayed, one: Candidate, batch: Batch) -> bool:
        """Use what the original of a replay has recorded, if that is to be taken."""
        if one.id in self._forced:
            return False
        definition = self._definition(one.id)
        found = replayed.take(one.id, one.key, definition, self._machine.nodes, self._artifact_store)
        if found is None:
            return False
        reason, child = replayed.reason(found, one.key), found.step.child_run_id
        self._add_cached(one, recording.entry_of(found), batch, reason=reason, child=child)
        return True

    def _know(self, identifier: str, outputs: Sequence[Artifact]) -> None:
        """Take recorded outputs as those of a call; a pipeline has names of its own for what it returned."""
        named = {artifact.output: artifact for artifact in outputs}
        if self._definition(identifier).is_pipeline and self.name_returned is not None:
            named = self.name_returned(identifier, outputs)
        for name, artifact in named.items():
            self.artifacts[identifier, name] = artifact
