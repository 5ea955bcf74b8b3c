"""Looking at the database itself: is it whole, how large is it, who writes."""

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
# On a server the writer holds an advisory lock.
_WRITER = """
SELECT l.pid, host(a.client_addr) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()
"""


def integrity_problems(store: Database) -> list[str]:
    """Return what the database finds wrong with itself: nothing in a sound one, and on a server nothing at all."""
    if store.file.is_shared:
        return []
    try:
        rows = store.file.read("PRAGMA integrity_check(20)")
        broken = store.file.read("PRAGMA foreign_key_check")
    except StoreUnavailableError as error:
        return [str(error)]
    found = [str(row[0]) for row in rows if row[0] != "ok"]
    return found + [f"a row of `{row[0]}` refers to a missing row of `{row[2]}`" for row in broken]


def file_problems(path: str) -> list[str]:
    """Return what a database file finds wrong with itself, without opening it as a store or changing it."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return [str(error)]


def artifact_ids(store: Database) -> list[str]:
    """Return the ids of all artifacts, the oldest first."""
    return [row[0] for row in store.file.read("SELECT id FROM artifacts ORDER BY id")]


def schema_version(store: Database) -> int:
    """Return the schema that the database has."""
    return store.file.read_version()


def server_version(store: Database) -> str:
    """Return what a server of a team calls itself, such as `PostgreSQL 15.10`."""
    return " ".join(str(store.file.read("SELECT version()")[0][0]).split()[:2])


def database_size(store: Database) -> int:
    """Return the bytes of the database, its log included."""
    if store.file.is_shared:
        return int(store.file.read("SELECT pg_database_size(current_database())")[0][0])
    return sum(_file_size(f"{store.file.path}{suffix}") for suffix in ("", "-wal", "-shm"))


def wal_size(store: Database) -> int:
    """Return the bytes of the log beside the database."""
    return _file_size(f"{store.file.path}-wal")


def lock_holder(store: Database) -> str | None:
    """Return who writes right now, as `pid 123 (python)`; None when nobody does.

    Looking does not wait; the lock is given back at once.
    """
    if store.file.is_shared:
        rows = store.file.read(_WRITER)
        return f"server process {rows[0][0]} (from {rows[0][1] or 'this host'})" if rows else None
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


def _file_size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


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
