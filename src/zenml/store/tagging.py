"""Adding and removing tags; a tag is its own key, so the generic verbs do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.run import Tag
from zenml.store import queries
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.store.database import Database

_REMOVE = "DELETE FROM tags WHERE kind = :kind AND target_id = :target_id AND name = :name"


def add(store: Database, tags: Sequence[Tag]) -> None:
    """Record tags; those that are there already stay."""
    table = table_of(Tag)
    with store.file.write() as transaction:
        insert = queries.INSERT_ONCE.format(insert=table.insert)
        transaction.run_many(insert, [table.row(tag) for tag in tags])


def remove(store: Database, tags: Sequence[Tag]) -> None:
    """Remove tags that are there."""
    table = table_of(Tag)
    with store.file.write() as transaction:
        transaction.run_many(_REMOVE, [table.row(tag) for tag in tags])
