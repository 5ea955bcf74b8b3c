"""The SQLite file: one writer at a time, any number of readers, and what is on disk when.

Every write takes, in this order, a lock of the process, a `flock` on a file beside the
database, and `BEGIN IMMEDIATE`. SQLite's own busy handler is unfair and starves processes
under load; the kernel's file lock queues them. The same lock covers checkpoints, because
SQLite releases before 3.51.3 can damage a WAL when a checkpoint races another commit.

A commit writes to the WAL without waiting for the disk (`synchronous=NORMAL`), so it costs
microseconds. In the durable mode a helper thread pushes the WAL to the disk continuously, and
`wait_durable` returns once everything committed so far is there. A WAL is a log with a
checksum per frame: after a power loss the database holds a prefix of the commits, never a
part of one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zenml import fs
from zenml.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = tuple[Any, ...]
    Values = Mapping[str, Any]

CHECKPOINT_PAGES = 1500
"""WAL length, in 4 KiB pages, after which the holder of the lock recycles it (about 6 MB).

A WAL that only grows pays for extending the file with every commit: 0.42 against 0.25 ms."""

PAGES_PER_COMMIT = 10
"""Pages that a small commit writes to the WAL: the tables and indexes it touches."""

MEMORY = ":memory:"

DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a database raises; the second one where a damaged text is in its way."""
_DAMAGED = ("malformed", "UTF-8", "corrupt", "no such table", "no such column")


class SQLiteFile:
    """A database file, opened by this process, with its writer, its readers and its lock."""

    types: ClassVar[dict[str, str]] = {
        "bytes": "BLOB",
        "text": "TEXT",
        "clustered": " WITHOUT ROWID",
        "nulls_first": "",
    }
    is_shared = False

    def __init__(self, path: str, *, is_durable: bool) -> None:
        self.path = path
        self.is_durable = is_durable and path != MEMORY
        self.statements = 0
        self.transactions = 0
        self._process = os.getpid()
        self._writing = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []
        self._lock_file = -1
        self._sync = _WalSync(f"{path}-wal") if self.is_durable else None
        self._pages = 0
        _open_files.add(self)

    # Reading

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query and return its rows."""
        self.statements += 1
        if self.path == MEMORY:
            with self._writing:
                return self._connect().execute(sql, values).fetchall()
        self._check_process()
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._open()
        try:
            rows = connection.execute(sql, values).fetchall()
        except DATABASE_ERRORS as error:
            connection.close()
            raise self._explain(error) from error
        self._readers.append(connection)
        return rows

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""
        is_new = self.path == MEMORY or not os.path.exists(self.path)
        return 0 if is_new else int(self.read("PRAGMA user_version")[0][0])

    def is_there(self) -> bool:
        """Tell whether the file was not deleted under its users."""
        return os.path.exists(self.path)

    # Writing

    def write(self) -> WriteTransaction:
        """Return a context manager in which statements are one transaction of the only writer."""
        self._check_process()
        return WriteTransaction(self)

    def wait_durable(self) -> None:
        """Return when everything committed so far would survive a power loss."""
        if self._sync is not None:
            self._sync.wait()

    def close(self) -> None:
        """Close all connections, under the lock: the last one to close recycles the WAL."""
        if self._process != os.getpid():
            return
        with self._writing:
            if self._sync is not None:
                self._sync.stop()
            locked = self._writer is not None and self.path != MEMORY
            if locked:
                self._take_lock()
            try:
                for connection in (*self._readers, self._writer):
                    if connection is not None:
                        connection.close()
            finally:
                self._readers, self._writer = [], None
                if locked:
                    self._release_lock()
                if self._lock_file >= 0:
                    os.close(self._lock_file)
                    self._lock_file = -1

    def _connect(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._open("journal_mode = WAL")
        return self._writer

    def _open(self, *pragmas: str) -> sqlite3.Connection:
        """Return a new connection. Only the writer sets the journal: of two that do, SQLite refuses one at once."""
        connection = None
        try:
            fs.point("connect", self.path)
            connection = sqlite3.connect(
                self.path, timeout=60, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            for pragma in (
                *pragmas,
                "synchronous = NORMAL",
                "foreign_keys = ON",
                "trusted_schema = OFF",
                "cell_size_check = ON",
                "wal_autocheckpoint = 0",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except DATABASE_ERRORS as error:
            if connection is not None:
                connection.close()
            raise self._explain(error) from error
        if self.path != MEMORY and os.stat(self.path).st_mode & 0o077:
            os.chmod(self.path, 0o600)
        return connection

    def _check_process(self) -> None:
        """Start afresh in a forked child, and never touch the parent's connections there.

        SQLite forbids carrying a connection across a fork, closing it included, so the
        parent's are kept referenced and forgotten.
        """
        if self._process == os.getpid():
            return
        _abandoned.append((self._writer, self._readers))
        self._process = os.getpid()
        self._writing = threading.RLock()
        self._writer, self._readers = None, []
        self._sync = _WalSync(f"{self.path}-wal") if self.is_durable else None

    def _take_lock(self) -> None:
        import fcntl

        if self._lock_file < 0:
            folder = os.path.dirname(self.path)
            self._lock_file = fs.open_file(os.path.join(folder, "store.lock"), os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)

    def _release_lock(self) -> None:
        import fcntl

        fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _after_commit(self, connection: sqlite3.Connection, rows: int) -> None:
        """Recycle a long WAL (under the lock) and have the helper push the rest to the disk."""
        self.transactions += 1
        self._pages += PAGES_PER_COMMIT + rows // 2
        if self._pages >= CHECKPOINT_PAGES and self.path != MEMORY:
            self._pages = 0
            try:
                fs.point("checkpoint", self.path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error:
                pass  # the transaction is committed; the WAL is recycled another time
        if self._sync is not None:
            self._sync.request()

    def _explain(self, error: Exception) -> StoreUnavailableError:
        hint = "Check the disk and the permissions of the folder."
        is_damaged = isinstance(error, UnicodeDecodeError) or any(word in str(error) for word in _DAMAGED)
        if isinstance(error, (sqlite3.DatabaseError, UnicodeDecodeError)) and is_damaged:
            hint = "The file is damaged; restore a backup of it. It is never replaced by a new one silently."
        if "not a database" in str(error):
            hint = "The file is damaged or is not a store; restore a backup, or choose another ZENML_CONFIG_PATH."
        return StoreUnavailableError(f"The store `{self.path}` cannot be used: {error}. {hint}")


class WriteTransaction:
    """The one write transaction of the store at a time; leaves nothing behind when its body raises."""

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection
        self._rows = 0

    def __enter__(self) -> Self:
        file = self._file
        file._writing.acquire()
        try:
            if file.path != MEMORY:
                file._take_lock()
            try:
                self._connection = file._connect()
                fs.point("begin", file.path)
                self._connection.execute("BEGIN IMMEDIATE")
            except BaseException:
                if file.path != MEMORY:
                    file._release_lock()
                raise
        except BaseException as error:
            file._writing.release()
            if isinstance(error, DATABASE_ERRORS):
                raise file._explain(error) from error
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        file = self._file
        try:
            if error is None:
                fs.point("commit", file.path)
                self._connection.execute("COMMIT")
                file._after_commit(self._connection, self._rows)
            elif self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except DATABASE_ERRORS as failure:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise file._explain(failure) from failure
        finally:
            if file.path != MEMORY:
                file._release_lock()
            file._writing.release()
        if isinstance(error, DATABASE_ERRORS):
            raise file._explain(error) from error

    def run(self, sql: str, values: Values | Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it changed."""
        self._file.statements += 1
        self._rows += 1
        if fs.watch is not None:
            fs.point("statement", self._file.path, sql)
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Sequence[Values]) -> int:
        """Run one statement for each of many rows; return how many rows changed in all."""
        self._file.statements += len(rows)
        self._rows += len(rows)
        if fs.watch is not None:
            fs.point("statement", self._file.path, sql)
        return self._connection.executemany(sql, rows).rowcount

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query inside the transaction."""
        self._file.statements += 1
        return self._connection.execute(sql, values).fetchall()

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""
        return int(self.read("PRAGMA user_version")[0][0])

    def write_version(self, number: int) -> None:
        """Note the number of the schema."""
        self.run(f"PRAGMA user_version = {number:d}")

    def run_script(self, statements: Iterable[str]) -> None:
        """Run the statements of a migration, one by one, inside the transaction."""
        for statement in statements:
            self.run(statement)


class _WalSync:
    """Pushes the WAL to the disk from a thread of its own, so that commits do not wait for it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._committed = 0
        self._synced = 0
        self._wake = threading.Lock()  # a C lock used as a binary semaphore: cheaper than Event
        self._wake.acquire()
        self._syncing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_idle = False
        self._is_stopped = False
        self._failure: OSError | None = None

    def request(self) -> None:
        """Note a commit; the thread will push it soon."""
        self._committed += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="zenml-store-sync", daemon=True)
            self._thread.start()
        elif self._is_idle:
            self._is_idle = False
            self._signal()

    def wait(self) -> None:
        """Push everything committed so far, in the calling thread if the helper has not done so."""
        target = self._committed
        if self._synced < target:
            with self._syncing:
                if self._synced < target:
                    self._push()
        if self._failure is not None:
            raise StoreUnavailableError(
                f"The store's log `{self._path}` could not be written to the disk: {self._failure}. "
                "What this run reported may be lost if the machine stops now."
            ) from self._failure

    def stop(self) -> None:
        self._is_stopped = True
        self._signal()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _signal(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            pass  # already awake

    def _loop(self) -> None:
        while not self._is_stopped:
            if self._synced >= self._committed:
                self._is_idle = True
                if self._synced >= self._committed and not self._is_stopped:
                    self._wake.acquire()
                self._is_idle = False
                continue
            with self._syncing:
                if self._synced < self._committed and not self._is_stopped:
                    self._push()

    def _push(self) -> None:
        target = self._committed
        try:
            if self._file < 0:
                self._file = fs.open_file(self._path, os.O_RDONLY)
                fs.sync_folder(os.path.dirname(self._path))  # the name of a fresh file lives there
            fs.sync_data(self._file)
        except OSError as error:
            self._failure = error
        self._synced = max(self._synced, target)


_open_files: weakref.WeakSet[SQLiteFile] = weakref.WeakSet()
_abandoned: list[Any] = []


def _close_lock_files_in_child() -> None:
    """Drop inherited copies of the store's lock: a forked child must not hold its parent's lock.

    The descriptors share one lock with the parent; closing releases nothing there.
    """
    for file in _open_files:
        if file._lock_file >= 0:
            os.close(file._lock_file)
            file._lock_file = -1
        if file._sync is not None and file._sync._file >= 0:
            os.close(file._sync._file)
            file._sync._file = -1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_lock_files_in_child)
