"""What the rest of the project asks of a store: a few generic verbs and the transactions that are special.

`Database` is the implementation; on ":memory:" it is also the store for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from zenml.records.run import Artifact, Record, Run, RunOutput, StepInput, StepRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from zenml.records.query import Page, Query
    from zenml.records.run import Owner

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


class StepEnd(msgspec.Struct, frozen=True):
    """The end of a step attempt, as the engine hands it to the store."""

    step: StepRun
    artifacts: tuple[Artifact, ...] = ()


class Batch(msgspec.Struct):
    """Everything that one transaction of a run writes."""

    ended: list[StepEnd] = []
    started: list[StepRun] = []
    inputs: list[StepInput] = []
    run: Run | None = None
    """The run's own end."""
    outputs: list[RunOutput] = []
    aliases: list[Artifact] = []
    """Pipeline outputs under the name that their annotation gives them."""


class RunTransaction(Protocol):
    """The store while one run writes: look-ups see what the transaction decides upon."""

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each cache key; work of dead owners does not count."""

    def write(self, batch: Batch) -> None:
        """Write a batch; raises `RunStoppedError` when another owner has taken the run over."""


class Store(Protocol):
    """A store of records."""

    root: str

    def get(self, kind: type[R], identifier: str) -> R | None:
        """Return the record with this id, or None."""

    def find(self, kind: type[R], query: Query) -> Page:
        """Return the page of records that a query asks for."""

    def select(self, kind: type[R], /, **fields: Any) -> list[R]:
        """Return the records whose fields equal the given values, oldest first."""

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

    def start_run(self, run: Run, documents: RunDocuments) -> bool:
        """Record a run and what it needs to be understood later; return False if its name is taken."""

    def run_transaction(self, run: Run) -> AbstractContextManager[RunTransaction]:
        """Open a write transaction of a run."""

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each cache key, without a transaction."""

    def insert_artifact(self, artifact: Artifact) -> Artifact:
        """Record an artifact that no step made; return it with its version and signature."""

    def inline_bytes(self, artifact_id: str) -> bytes:
        """Return the bytes of a small artifact."""

    def is_trusted(self, artifact: Artifact) -> bool:
        """Tell whether this store recorded the artifact just as it is now."""

    def outputs_of(self, step_run_ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """Return the artifacts that executed step runs produced, by producer."""

    def interrupt_dead_runs(self) -> list[str]:
        """Mark the runs of dead owners as interrupted; return their ids."""

    def wait_durable(self) -> None:
        """Return when everything committed so far would survive a power loss."""
