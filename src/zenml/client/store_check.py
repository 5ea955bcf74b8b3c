"""Is what a store has recorded still what was written: the database, and every artifact, byte for byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.artifacts import verification
from zenml.components.artifact_stores import ArtifactStores, artifact_stores
from zenml.errors import ArtifactError, ComponentError
from zenml.records.run import Artifact, StepRun
from zenml.store import inspection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.store.database import Database

PART = 1_000
"""Artifacts that are read at once."""


class DamagedArtifact(msgspec.Struct, frozen=True):
    """An artifact that is not what was stored."""

    artifact: Artifact
    problem: str
    run_id: str | None
    """The run whose step made it; None if it was saved outside of steps, or its run was deleted."""
    step: str | None
    """The invocation id of that step."""


class StoreCheck(msgspec.Struct, frozen=True):
    """What was found."""

    database: tuple[str, ...]
    """What the database finds wrong with itself."""
    artifacts: int
    """How many artifacts were looked at."""
    size: int
    """Their bytes."""
    damaged: tuple[DamagedArtifact, ...]
    not_looked_at: dict[str, str] = {}
    """Artifacts in stores that are not reached, by id, and why."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.database and not self.damaged


def check_store(store: Database, *, progress: Callable[[int, int], None] = lambda _, __: None) -> StoreCheck:
    """Read the whole store and compare it with what was recorded; nothing is changed.

    Args:
        store: the store; runs may go on meanwhile.
        progress: is told how many artifacts were looked at, and of how many.
    """
    problems = tuple(inspection.integrity_problems(store))
    if problems:
        return StoreCheck(problems, 0, 0, ())  # what a damaged database says of artifacts is worth nothing
    ids = inspection.artifact_ids(store)
    damaged, size = [], 0
    unknown: dict[str, str] = {}
    stores = artifact_stores(store)
    for start in range(0, len(ids), PART):
        part = store.select(Artifact, id=tuple(ids[start : start + PART]))
        size += sum(one.size for one in part)
        damaged += _damaged(store, stores, part, unknown)
        progress(min(start + PART, len(ids)), len(ids))
    return StoreCheck((), len(ids) - len(unknown), size, tuple(damaged), unknown)


def _verify_files(store: Database, stores: ArtifactStores, artifact: Artifact) -> None:
    """Read the files beside the database; of those in another store, which may be large, only names and sizes."""
    if artifact.store_id is None:
        verification.verify(artifact.stored_value(), os.path.join(store.artifact_root, artifact.key or ""))
    else:
        stores.check(artifact.stored_value())


def _damaged(
    store: Database, stores: ArtifactStores, part: Sequence[Artifact], unknown: dict[str, str]
) -> list[DamagedArtifact]:
    found = []
    for artifact in part:
        try:
            if artifact.key is None:
                verification.verify_inline(artifact.stored_value())
            else:
                _verify_files(store, stores, artifact)
        except ComponentError as error:
            unknown[artifact.id] = str(error)
        except ArtifactError as error:
            if store.get(Artifact, artifact.id) is None:
                continue  # collected while this looked
            step = None if artifact.producer is None else store.get(StepRun, artifact.producer)
            found.append(
                DamagedArtifact(
                    artifact,
                    str(error),
                    None if step is None else step.run_id,
                    None if step is None else step.invocation_id,
                )
            )
    return found
