"""What nothing refers to in registered artifact stores, which other databases may use as well.

The folder beside a database is that database's alone; a bucket may be shared. So in a bucket only that is garbage which
a step of this database has left, besides the files of artifacts whose rows go. What lies in a store
that is not reached is left alone, with its rows, until it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ComponentError, ZenMLError
from zenml.records.run import StepRun
from zenml.store import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zenml.artifacts.artifact_store import Kept
    from zenml.records.run import Artifact
    from zenml.records.stacks import PartAddress
    from zenml.store.database import Database


class StoreGarbage(msgspec.Struct, frozen=True):
    """What would go from one registered artifact store, with its bytes."""

    store_id: str
    name: str
    folders: dict[str, int] = {}
    """Stored folders that no artifact names, by key."""
    staging: dict[str, int] = {}
    """What attempts have begun to store whose process is gone."""

    @property
    def size(self) -> int:
        """The bytes of all of it."""
        return sum(self.folders.values()) + sum(self.staging.values())


class Listed(msgspec.Struct, frozen=True):
    """What a registered artifact store has, listed before rows are read."""

    address: PartAddress
    folders: list[Kept]
    staged: list[Kept]


class Elsewhere(msgspec.Struct, frozen=True):
    """All registered artifact stores."""

    listed: list[Listed]
    not_reached: dict[str, str]
    """Why a store could not be asked, by its name."""
    lost: frozenset[str]
    """The ids of those stores."""


def list_elsewhere(store: Database) -> Elsewhere:
    """Ask every registered artifact store what it has."""
    stores = artifact_stores(store)
    listed, not_reached, lost = [], {}, []
    for address in stores.book.all():
        try:
            opened = stores.of(address.id)
            listed.append(Listed(address, list(opened.published()), list(opened.unpublished())))
        except ZenMLError as error:  # not reached, refused, or a library is missing
            not_reached[address.name] = str(error)
            lost.append(address.id)
    return Elsewhere(listed, not_reached, frozenset(lost))


def garbage_in(
    store: Database,
    one: Listed,
    *,
    named: set[str],
    running: set[str],
    old: Callable[[Iterable[Kept]], dict[str, int]],
) -> StoreGarbage:
    """Return what steps of this database have left in a store; `named` and `running` are keys and steps in use."""
    unnamed = [kept for kept in one.folders if kept.name not in named]
    attempts = {kept.name.partition(".")[0] for kept in (*unnamed, *one.staged)} - running
    ours = _steps_among(store, attempts)
    return StoreGarbage(
        one.address.id,
        one.address.name,
        old(kept for kept in unnamed if kept.name.partition(".")[0] in ours),
        old(kept for kept in one.staged if kept.name in ours),
    )


def remove_elsewhere(
    store: Database, garbage: Iterable[StoreGarbage], artifacts: Iterable[Artifact], named: set[str]
) -> dict[str, str]:
    """Remove what was found, and the files of artifacts that are gone; return which stores were not reached, and why."""
    stores = artifact_stores(store)
    keys: dict[str, set[str]] = {}
    attempts: dict[str, set[str]] = {}
    for one in garbage:
        keys.setdefault(one.store_id, set()).update(one.folders)
        attempts.setdefault(one.store_id, set()).update(one.staging)
    for artifact in artifacts:
        if artifact.store_id is not None and artifact.key is not None:
            keys.setdefault(artifact.store_id, set()).add(artifact.key)
    not_reached = {}
    for store_id, wanted in keys.items():
        if stores.book.find(store_id) is None:
            continue  # nobody can tell where it was
        try:
            opened = stores.of(store_id)
            for key in sorted(wanted - named):
                opened.delete(key)
            for attempt in sorted(attempts.get(store_id, ())):
                opened.discard(attempt)
        except ComponentError as error:
            address = stores.book.find(store_id)
            not_reached[address.name if address is not None else store_id] = str(error)
    return not_reached


def _steps_among(store: Database, identifiers: set[str]) -> set[str]:
    wanted = sorted(identifiers)
    found: set[str] = set()
    for start in range(0, len(wanted), queries.CHUNK):
        found.update(step.id for step in store.select(StepRun, id=wanted[start : start + queries.CHUNK]))
    return found


def old_enough(kept: Iterable[Kept], young: float) -> dict[str, int]:
    """Return the size of everything that was not changed for so many seconds."""
    found = {}
    for one in sorted(kept, key=lambda one: one.name):
        measured = one.measure()
        if measured is not None and time.time() - measured.changed_at >= young:
            found[one.name] = measured.size
    return found
