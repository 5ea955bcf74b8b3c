"""Tags of runs: adding, removing, counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client.resolving import find_run
from zenml.errors import ConfigurationError
from zenml.records.run import Tag
from zenml.store import tagging
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.store.database import Database


def add_tags(store: Database, run: str, names: Iterable[str]) -> RunView:
    """Add tags to a run; one that it has already is no error."""
    record = find_run(store, run)
    tags = [Tag(kind="run", target_id=record.id, name=name) for name in names]
    for tag in tags:
        if not tag.name.strip():
            raise ConfigurationError(f"`{tag.name}` is no tag for run `{record.name}`. Give it a name.")
    tagging.add(store, tags)
    return RunView(record, store)


def remove_tags(store: Database, run: str, names: Iterable[str]) -> RunView:
    """Remove tags from a run; one that it does not have is no error."""
    record = find_run(store, run)
    tagging.remove(store, [Tag(kind="run", target_id=record.id, name=name) for name in names])
    return RunView(record, store)


def count_tags(store: Database) -> dict[str, int]:
    """Return how many runs have each tag, by name."""
    counts: dict[str, int] = {}
    for tag in store.select(Tag, kind="run"):
        counts[tag.name] = counts.get(tag.name, 0) + 1
    return dict(sorted(counts.items()))
