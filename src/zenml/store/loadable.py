"""Which finished results can be loaded on this machine, where several share a store but not their files.

A result is no use here if its files lie on another machine, or if it is pickled and signed with another
key. Then an older one may be; so two machines that each have their own keep both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.store import queries
from zenml.store.row_writing import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.store.database import Database
    from zenml.store.store import CacheEntry

    Read = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def replace_unloadable(database: Database, read: Read, found: dict[str, CacheEntry]) -> None:
    """Put the newest result that can be loaded here, or work in flight, in the place of those that cannot."""
    lost = [key for key, entry in found.items() if entry.is_finished and not _is_loadable(database, entry)]
    for start in range(0, len(lost), queries.CHUNK):
        keys = lost[start : start + queries.CHUNK]
        sql = queries.ALL_OF_KEYS.format(artifact=queries.ARTIFACT_COLUMNS, keys=queries.marks(len(keys)))
        rows = read(sql, keys)
        for key in keys:
            del found[key]
            replacement = _newest_loadable(database, [row for row in rows if row[0] == key])
            if replacement is not None:
                found[key] = replacement


def _newest_loadable(database: Database, rows: Sequence[tuple[Any, ...]]) -> CacheEntry | None:
    """Return the entry of the newest result that can be loaded, of rows with the newest first; else work in flight."""
    in_flight = None
    for step_run_id in dict.fromkeys(row[1] for row in rows):
        entries: dict[str, CacheEntry] = {}
        collect(entries, [row for row in rows if row[1] == step_run_id])
        (entry,) = entries.values()
        if not entry.is_finished:
            in_flight = in_flight or entry
        elif _is_loadable(database, entry):
            return entry
    return in_flight


def _is_loadable(database: Database, entry: CacheEntry) -> bool:
    """Tell whether every output may be loaded, and is in the database or lies here; the cache looks closer."""
    return all(
        database.can_load(one)
        and (
            one.key is None
            or one.store_id is not None
            or os.path.exists(os.path.join(database.artifact_root, one.key))
        )
        for one in entry.artifacts
    )
