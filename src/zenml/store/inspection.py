"""Looking at the database as a file: is it whole, how long is its WAL, who holds the lock."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from zenml.errors import StoreUnavailableError
from zenml.records.run import Owner
from zenml.store import owners

if TYPE_CHECKING:
    from zenml.store.database import Database

SQLITE_VERSION = sqlite3.sqlite_version


def integrity_problems(store: Database) -> list[str]:
    """Return what SQLite finds wrong with the file: nothing in a sound one."""
    try:
        rows = store.file.read("PRAGMA integrity_check(20)")
        broken = store.file.read("PRAGMA foreign_key_check")
    except StoreUnavailableError as error:
        return [str(error)]
    found = [str(row[0]) for row in rows if row[0] != "ok"]
    return found + [f"a row of `{row[0]}` refers to a missing row of `{row[2]}`" for row in broken]


def schema_version(store: Database) -> int:
    """Return the schema that the file has."""
    return int(store.file.read("PRAGMA user_version")[0][0])


def wal_size(store: Database) -> int:
    """Return the bytes of the log beside the database."""
    try:
        return os.stat(f"{store.file.path}-wal").st_size
    except OSError:
        return 0


def lock_holder(store: Database) -> str | None:
    """Return who writes right now, as `pid 123 (python)`; None when nobody does.

    Looking does not wait; the lock is given back at once.
    """
    import fcntl

    try:
        descriptor = os.open(os.path.join(store.root, "store.lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _holder_of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return None


def owners_of_leases(store: Database) -> list[tuple[Owner, bool]]:
    """Return the processes whose lease files lie in the store, and whether each lives."""
    names = os.listdir(os.path.join(store.root, "leases"))
    found = store.select(Owner, id=names) if names else []
    return [(owner, owners.is_alive(owner, store.root)) for owner in found]


def _holder_of(status: os.stat_result) -> str:
    """Read from the kernel's list which process holds a lock on a file."""
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            pids = [line.split()[4] for line in locks if line.split()[5:6] == [file]]
        with open(f"/proc/{pids[0]}/comm", encoding="utf-8", errors="replace") as name:
            return f"pid {pids[0]} ({name.read().strip()})"
    except (OSError, IndexError):
        return "a process that the kernel does not name"
