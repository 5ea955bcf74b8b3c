"""Floors: the least that the same result costs, without the package.

A floor does by hand what cannot be left out. For steps that is: call the function, and get the
very rows that the run recorded into an SQLite file with the same schema, under the same lock and
with the same durability. So the ratio shows what typing, cache keys, scheduling, capture of
output and serialisation cost on top.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

Rows = list[tuple[Any, ...]]
PARENTS = ("owners", "pipelines", "documents", "runs")
CHECKPOINT_EVERY = 400
"""Transactions between two checkpoints of the WAL: as many as keep it near 6 MB, as the store does."""


def time_of(call: Callable[[], object]) -> float:
    """Return the seconds a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def call_chain(function: Callable[[int], int], count: int) -> float:
    """Call a function `count` times on its own result; return the seconds."""

    def chain() -> None:
        value = 0
        for _ in range(count):
            value = function(value)

    return time_of(chain)


class BareStore:
    """A bare SQLite file that takes rows the way a durable store has to."""

    def __init__(self, path: str, *, is_durable: bool) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=0"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._transactions = 0
        self._wal = f"{path}-wal"
        self._sync = WalSync(self._wal) if is_durable else None

    def transaction(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do some work as one transaction, under a file lock."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            work(self.connection)
            self.connection.execute("COMMIT")
            self._transactions += 1
            if self._transactions % CHECKPOINT_EVERY == 0:
                self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        if self._sync is not None:
            self._sync.request()

    def wait_durable(self) -> None:
        """Return when all of it is on the disk."""
        if self._sync is not None:
            self._sync.wait()

    def close(self) -> None:
        """Close the file."""
        if self._sync is not None:
            self._sync.close()
        self.connection.close()
        os.close(self._lock)


class WalSync:
    """A helper thread that pushes the WAL to the disk while the next transaction is prepared."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._wanted = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def request(self) -> None:
        """Have everything so far pushed soon."""
        self._wanted.set()

    def wait(self) -> None:
        """Push everything so far now."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDONLY)
        os.fdatasync(self._file)

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        self._wanted.set()
        self._thread.join()
        if self._file >= 0:
            os.close(self._file)

    def _loop(self) -> None:
        file = -1
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._is_closed:
                break
            if file < 0:
                file = os.open(self._path, os.O_RDONLY)
            os.fdatasync(file)
        if file >= 0:
            os.close(file)


class Recorded:
    """The rows that the newest run of a store recorded, read back from its file."""

    def __init__(self, root: str) -> None:
        source = sqlite3.connect(f"file:{root}/store.db?mode=ro", uri=True)
        self.schema = [
            row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        ]
        self.parents = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in PARENTS}  # noqa: S608  our own names
        run = source.execute("SELECT max(id) FROM runs").fetchone()[0]
        self.columns = [row[1] for row in source.execute("PRAGMA table_info(step_runs)")]
        self.steps: Rows = source.execute(
            "SELECT * FROM step_runs WHERE run_id = ? ORDER BY id", (run,)
        ).fetchall()
        self.artifacts = self._of_steps(source, "artifacts", "producer", run)
        self.inputs = self._of_steps(source, "step_inputs", "step_run_id", run)
        source.close()

    @staticmethod
    def _of_steps(source: sqlite3.Connection, table: str, column: str, run: str) -> dict[str, Rows]:
        """Return the rows of a table that belong to a run's steps, by step."""
        steps = "SELECT id FROM step_runs WHERE run_id = ?"
        found: dict[str, Rows] = {}
        sql = f"SELECT {column}, * FROM {table} WHERE {column} IN ({steps})"  # noqa: S608  our own names
        for key, *row in source.execute(sql, (run,)):
            found.setdefault(key, []).append(tuple(row))
        return found

    def statuses(self) -> list[str]:
        """Return what became of the steps, each status once."""
        return sorted({row[self.columns.index("status")] for row in self.steps})

    def bare_store(self, path: str, *, is_durable: bool) -> BareStore:
        """Return a bare store with this schema and everything the rows of steps refer to."""
        store = BareStore(path, is_durable=is_durable)
        for statement in self.schema:
            store.connection.execute(statement)
        for table, rows in self.parents.items():
            insert_all(store.connection, table, rows)
        return store

    def replay_executed(self, path: str, *, is_durable: bool, together: int = 1) -> float:
        """Write the rows again: the end of some steps and the start of the next are one transaction."""
        store = self.bare_store(path, is_durable=is_durable)
        status, ended = self.columns.index("status"), self.columns.index("ended_at")
        started = [
            tuple("running" if i == status else None if i == ended else value for i, value in enumerate(row))
            for row in self.steps
        ]
        groups = [range(i, min(i + together, len(started))) for i in range(0, len(started), together)]

        def write(connection: sqlite3.Connection, ends: Sequence[int], begins: Sequence[int]) -> None:
            for i in ends:
                row = self.steps[i]
                connection.execute(
                    "UPDATE step_runs SET status = ?, ended_at = ? WHERE id = ?",
                    (row[status], row[ended], row[0]),
                )
                insert_all(connection, "artifacts", self.artifacts.get(row[0], []))
            insert_all(connection, "step_runs", [started[i] for i in begins])
            for i in begins:
                insert_all(connection, "step_inputs", self.inputs.get(started[i][0], []))

        def replay() -> None:
            before: Sequence[int] = ()
            for group in [*groups, ()]:
                store.transaction(lambda c, ends=before, begins=group: write(c, ends, begins))
                before = group
            store.wait_durable()

        seconds = time_of(replay)
        store.close()
        return seconds

    def replay_cached(self, path: str, *, is_durable: bool) -> float:
        """Look each step up by its key, one after the other, and write the rows in one transaction."""
        store = self.bare_store(path, is_durable=is_durable)
        key = self.columns.index("cache_key")

        def replay() -> None:
            for row in self.steps:
                store.connection.execute(
                    "SELECT * FROM step_runs s LEFT JOIN artifacts a ON a.producer = s.id"
                    " WHERE s.cache_key = ? AND s.status = 'completed'",
                    (row[key],),
                ).fetchall()
            inputs = [row for step in self.steps for row in self.inputs.get(step[0], [])]
            store.transaction(
                lambda c: (insert_all(c, "step_runs", self.steps), insert_all(c, "step_inputs", inputs))
            )
            store.wait_durable()

        seconds = time_of(replay)
        store.close()
        return seconds


def insert_all(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert complete rows."""
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608


def write_and_hash(path: str, data: memoryview) -> float:
    """Write bytes to a new file, make it durable, hash the same bytes; return the seconds."""

    def work() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        done = 0
        while done < len(data):
            done += os.write(descriptor, data[done:])
        os.fsync(descriptor)
        os.close(descriptor)
        hashlib.sha256(data).hexdigest()

    return time_of(work)


def fork_each(work: Callable[[], object], count: int, at_once: int) -> float:
    """Do the same work in `count` forked processes, some at once; return the seconds until all have ended."""

    def all_of_them() -> None:
        started = running = 0
        while started < count or running:
            while started < count and running < at_once:
                if os.fork() == 0:
                    work()
                    os._exit(0)
                started += 1
                running += 1
            os.wait()
            running -= 1

    return time_of(all_of_them)


def fork_and_answer() -> float:
    """Fork a process that answers through a pipe and leaves; return the seconds until both are known."""

    def once() -> None:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, b"1")
            os._exit(0)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        os.waitpid(child, 0)

    return time_of(once)
