"""Bringing a store to the schema of this version: numbered SQL files, one transaction each.

The version is SQLite's `user_version`: one PRAGMA tells whether anything has to be done. A
newer store is refused, never touched.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from zenml.errors import StoreVersionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.store.sqlite import SQLiteFile

SCHEMA_VERSION = 1


def migrate(file: SQLiteFile) -> None:
    """Create or upgrade the schema; several processes may do so at once, one of them does it."""
    if file.path != ":memory:" and os.path.exists(file.path) and _version(file) == SCHEMA_VERSION:
        return
    with file.write() as transaction:
        version = int(transaction.read("PRAGMA user_version")[0][0])
        refuse_newer(version, file.path)
        for number, path in _migrations():
            if number > version:
                with open(path, encoding="utf-8") as text:
                    transaction.run_script(_statements(text.read(), file.types))
        transaction.run(f"PRAGMA user_version = {SCHEMA_VERSION}")


def refuse_newer(version: int, path: str) -> None:
    """Raise when the store was written by a newer version of this package."""
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"The store `{path}` has schema {version}; this version knows schemas up to {SCHEMA_VERSION}. "
            "Upgrade with `pip install -U zenml-core`, or choose another store with ZENML_CONFIG_PATH."
        )


def _version(file: SQLiteFile) -> int:
    version = int(file.read("PRAGMA user_version")[0][0])
    refuse_newer(version, file.path)
    return version


def _migrations() -> Iterator[tuple[int, str]]:
    folder = os.path.join(os.path.dirname(__file__), "migrations")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".sql"):
            yield int(name.split("_", 1)[0]), os.path.join(folder, name)


def _statements(script: str, types: dict[str, str]) -> Iterator[str]:
    """Split a migration into statements; our files hold no semicolon inside a literal."""
    for part in re.sub(r"--[^\n]*", "", script).split(";"):
        if part.strip():
            yield part.strip().format(**types)
