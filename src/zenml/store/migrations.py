"""Bringing a store to the schema of this version: numbered SQL files, one transaction each.

One query tells whether anything has to be done: on SQLite the version is its `user_version`. A
newer store is refused, never touched; an older one is copied to `backups/` first.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from zenml import fs
from zenml.errors import StoreVersionError
from zenml.records.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.store.file import StoreFile

SCHEMA_VERSION = 1
BACKUPS = "backups"
"""The folder of a store in which older databases are kept when they are upgraded."""
_NAME_IT = "INSERT INTO store_meta (name, value) VALUES ('store_id', :value) ON CONFLICT DO NOTHING"
_ITS_NAME = "SELECT value FROM store_meta WHERE name = 'store_id'"


def migrate(file: StoreFile) -> None:
    """Create or upgrade the schema; several processes may do so at once, one of them does it."""
    version = file.read_version()
    refuse_newer(version, file.path)
    if version == SCHEMA_VERSION:
        return
    if version and not file.is_shared:
        _keep(file, version)
    with file.write() as transaction:
        version = transaction.read_version()
        refuse_newer(version, file.path)
        for number, path in _migrations():
            if number > version:
                with open(path, encoding="utf-8") as text:
                    transaction.run_script(_statements(text.read(), file.types))
        if version < SCHEMA_VERSION:
            transaction.write_version(SCHEMA_VERSION)
        if file.is_shared:
            transaction.run(_NAME_IT, {"value": new_id()})


def _keep(file: StoreFile, version: int) -> None:
    """Copy an older database beside the store before it is changed, once, whoever else is at it."""
    folder = os.path.join(os.path.dirname(file.path), BACKUPS)
    target = os.path.join(folder, f"schema-{version}.db")
    if os.path.exists(target):
        return
    fs.make_folder(folder)
    draft = fs.draft_of(target)
    file.read("VACUUM INTO ?", (draft,))
    fs.settle(draft)
    fs.replace(draft, target)
    fs.sync_folder(folder)


def identifier_of(file: StoreFile) -> str:
    """Return what tells the database of a team from all others, whatever address it is reached at."""
    return str(file.read(_ITS_NAME)[0][0])


def refuse_newer(version: int, path: str) -> None:
    """Raise when the store was written by a newer version of this package."""
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"The store `{path}` has schema {version}; this version knows schemas up to {SCHEMA_VERSION}. "
            "Upgrade with `pip install -U zenml-core`, or choose another store."
        )


def _migrations() -> Iterator[tuple[int, str]]:
    folder = os.path.join(os.path.dirname(__file__), "migrations")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".sql"):
            yield int(name.split("_", 1)[0]), os.path.join(folder, name)


def _statements(script: str, types: Mapping[str, str]) -> Iterator[str]:
    """Split a migration into statements; our files hold no semicolon inside a literal."""
    for part in re.sub(r"--[^\n]*", "", script).split(";"):
        if part.strip():
            # `TEXT` is what people write; a database may have more to say of it, such as how text is sorted.
            yield re.sub(r"\bTEXT\b", types["text"], part.strip().format(**types))
