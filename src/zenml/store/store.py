"""What the rest of the project asks of a store: a few generic verbs and the transactions that are special.

`Database` is the implementation; on ":memory:" it is also the store for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from zenml.records.hooks import HookRun
from zenml.records.models import ModelLink
from zenml.records.run import (
    Artifact,
    Document,
    Metadata,
    Record,
    Run,
    RunOutput,
    StepInput,
    StepOutline,
    StepRun,
    Tag,
)
from zenml.records.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from zenml.records.plan import ModelSpec
    from zenml.records.query import Page, Query
    from zenml.records.run import Owner
    from zenml.store.heartbeats import Heartbeat
    from zenml.store.models import ModelTables
    from zenml.store.schedules import ScheduleTables
    from zenml.store.secrets import Secrets
    from zenml.store.stacks import StackTables

R = TypeVar("R", bound=Record)


class CacheEntry(msgspec.Struct, frozen=True):
    """What the store knows of one cache key: a finished result, or work in flight."""

    step_run_id: str
    run_id: str
    is_finished: bool
    ended_at: int
    artifacts: tuple[Artifact, ...] = ()
    """The outputs, without their inline bytes: those are read when somebody loads them."""


class RunDocuments(msgspec.Struct, frozen=True):
    """The documents of a run, encoded: stored once however many runs share them."""

    plan: bytes
    environment: bytes
    sources: dict[str, bytes]
    """Source text by code digest, for the diffs of later explanations."""
    stack: tuple[str, bytes] | None = None
    """The stack that the run is made with, under its digest; None for the default one."""


class StepEnd(msgspec.Struct, frozen=True):
    """The end of a step attempt, as the engine hands it to the store."""

    step: StepRun
    artifacts: tuple[Artifact, ...] = ()


class Notes(msgspec.Struct):
    """Metadata and tags to be written."""

    metadata: list[Metadata] = []
    tags: list[Tag] = []
    untagged: list[Tag] = []
    """Tags to be taken off, which happens before the others are put on."""

    def tag(self, tags: Iterable[Tag]) -> None:
        """Put tags on; an earlier removal of the same tag no longer counts."""
        for tag in tags:
            self._forget(tag)
            self.tags.append(tag)

    def untag(self, tags: Iterable[Tag]) -> None:
        """Take tags off; an earlier addition of the same tag no longer counts."""
        for tag in tags:
            self._forget(tag)
            self.untagged.append(tag)

    def _forget(self, tag: Tag) -> None:
        said = (tag.kind, tag.target_id, tag.name)
        for known in (self.tags, self.untagged):
            known[:] = [one for one in known if (one.kind, one.target_id, one.name) != said]

    def __bool__(self) -> bool:
        return bool(self.metadata or self.tags or self.untagged)


class Batch(msgspec.Struct):
    """Everything that one transaction of a run writes."""

    ended: list[StepEnd] = []
    started: list[StepRun] = []
    inputs: list[StepInput] = []
    run: Run | None = None
    """The run's own end, or its pause."""
    wait: Wait | None = None
    """The question for which it pauses."""
    outputs: list[RunOutput] = []
    aliases: list[Artifact] = []
    """Pipeline outputs under the name that their annotation gives them."""
    saved: list[Artifact] = []
    """Artifacts that steps saved beside their outputs."""
    links: list[ModelLink] = []
    """Artifacts that belong to a version of a model."""
    notes: Notes = msgspec.field(default_factory=Notes)
    hooks: list[HookRun] = []
    """Hooks that are due because of what else the batch holds."""
    documents: list[Document] = []
    """What the steps of a dynamic pipeline are, recorded with the first of them."""


class RunTransaction(Protocol):
    """The store while one run writes: look-ups see what the transaction decides upon."""

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each cache key; work of dead owners does not count."""

    def write(self, batch: Batch) -> None:
        """Write a batch; raises `RunStoppedError` when another owner has taken the run over."""


class Store(Protocol):
    """A store of records."""

    root: str
    artifact_root: str
    """The folder of the files of artifacts."""
    is_shared: bool
    """Whether other hosts use it too: then owners give signs of life, and files may lie elsewhere."""
    heartbeat: Heartbeat | None
    """What tells other hosts that this process lives; None where the kernel tells who does."""

    @property
    def models(self) -> ModelTables:
        """Models, their versions, and what belongs to them."""

    @property
    def secrets(self) -> Secrets:
        """The secrets of this store."""

    @property
    def schedules(self) -> ScheduleTables:
        """Schedules, and what became of their times."""

    @property
    def stacks(self) -> StackTables:
        """Stacks and their components."""

    def get(self, kind: type[R], identifier: str) -> R | None:
        """Return the record with this id, or None."""

    def find(self, kind: type[R], query: Query) -> Page:
        """Return the page of records that a query asks for."""

    def with_digits(self, kind: type[R], text: str) -> list[R]:
        """Return the newest records whose id begins or ends with some digits, four or more."""

    def runs_of_pipelines(self, names: Sequence[str]) -> dict[str, tuple[int, Run]]:
        """Return how many runs each pipeline has, and the newest; those that have none are left out."""

    def tag_counts(self) -> list[tuple[str, str, int]]:
        """Return each tag by name, a kind of thing that has it, and how many of those do."""

    def select(self, kind: type[R], /, **fields: Any) -> list[R]:
        """Return the records whose fields equal the given values, oldest first: a tuple means any of them, None no value."""

    def insert(self, records: Iterable[Record]) -> None:
        """Insert records, all or none."""

    def update(self, kind: type[R], identifier: str, /, **fields: Any) -> bool:
        """Change fields of one record; return whether it exists."""

    def delete(self, kind: type[R], identifier: str) -> bool:
        """Delete one record; return whether it existed."""

    def document(self, digest: str) -> bytes | None:
        """Return the document stored under a digest, or None."""

    def owner(self) -> Owner:
        """Return this process as an owner of runs."""

    def start_run(self, run: Run, documents: RunDocuments, models: Sequence[ModelSpec] = ()) -> bool:
        """Record a run and what it needs to be understood later; return False if its name is taken.

        The versions of `models` are found or created, and linked to the run, in the same transaction.
        """

    def resume_run(self, run: Run, documents: Mapping[str, bytes], models: Sequence[ModelSpec] = ()) -> bool:
        """Record that this process goes on with a run; return False if it is no longer as it was seen.

        Args:
            run: as it is to be recorded: with the next epoch, and this process as its owner.
            documents: what it needs beside, by digest.
            models: versions of models that it did not work on before.
        """

    def answer_wait(self, wait: Wait) -> bool:
        """Record the answer to an open question of a paused run; return False if it is no longer to be answered."""

    def expire_wait(self, wait_id: str) -> None:
        """Record that the time for an answer is over, if it is and there is none."""

    def run_transaction(self, run: Run) -> AbstractContextManager[RunTransaction]:
        """Open a write transaction of a run."""

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each cache key, without a transaction."""

    def insert_artifact(self, artifact: Artifact, notes: Notes | None = None) -> Artifact:
        """Record an artifact that no step made, with notes on it; return it with version and signature."""

    def annotate(self, notes: Notes) -> None:
        """Write metadata and tags."""

    def inline_bytes(self, artifact_id: str) -> bytes:
        """Return the bytes of a small artifact."""

    def mac(self, purpose: str, text: str) -> str:
        """Return what only this store can compute of a text: equal texts give equal answers, which tell nothing."""

    def is_trusted(self, artifact: Artifact) -> bool:
        """Tell whether this store recorded the artifact just as it is now."""

    def outputs_of(self, step_run_ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """Return the artifacts that executed step runs produced, by producer."""

    def states_of_children(self, run_id: str) -> dict[str, dict[str, int]]:
        """Return how many steps of each child of a run are in which state, by the id of the child's run."""

    def outline(self, run_id: str) -> list[StepOutline]:
        """Return all attempts of a run in outline, in the order in which they began: many times cheaper than records."""

    def request_stop(self, run_id: str, reason: str) -> bool:
        """Record that a run is to stop, or that a paused one is stopped; return whether it was either."""

    def announce_stop(self, run: Run, reason: str) -> None:
        """Record that the owner of a run is about to stop it, unless it is the run of somebody else by now."""

    def interrupt_dead_runs(self) -> list[str]:
        """Mark the runs of dead owners as interrupted; return their ids."""

    def wait_durable(self) -> None:
        """Return when everything committed so far would survive a power loss."""
