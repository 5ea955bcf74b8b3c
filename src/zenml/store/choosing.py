"""Which database a store has: the file in its folder, one on the server of a team, or one in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zenml.store.location import prepare_root, refuse_lost_database, team_folder
from zenml.store.migrations import identifier_of, migrate
from zenml.store.sqlite import MEMORY, SQLiteFile

if TYPE_CHECKING:
    from zenml.store.file import StoreFile


def prepare(root: str, address: str | None, *, is_durable: bool) -> tuple[str, StoreFile]:
    """Open the database of a store and bring it to the schema of this version; return its folder too."""
    if root == MEMORY:
        file = _open(root, None, is_durable=is_durable)
    else:
        root = os.path.realpath(root)  # one folder is one store, however it is spelt
        if address is None:
            prepare_root(root)
        file = _open(root, address, is_durable=is_durable)
    try:
        migrate(file)
        if file.is_shared:
            root = team_folder(root, identifier_of(file))
            prepare_root(root)
    except BaseException:
        file.close()
        raise
    return root, file


def _open(root: str, address: str | None, *, is_durable: bool) -> StoreFile:
    """Return the database of a store, not yet used."""
    if address is not None:
        from zenml.store.postgresql import PostgreSQLServer  # most stores are files

        return PostgreSQLServer(address, is_durable=is_durable)
    if root == MEMORY:
        return SQLiteFile(MEMORY, is_durable=is_durable)
    path = os.path.join(root, "store.db")
    refuse_lost_database(root, path)
    return SQLiteFile(path, is_durable=is_durable)
