"""The database of a team on a PostgreSQL server: the twin of the SQLite file, with the same SQL.

There is one writer at a time here too: a write transaction begins by taking the store's advisory
lock, which the server gives back with the transaction, however that ends. So numbers are given
once, two processes never begin the same work, and no transaction fails because of another one.
Readers never wait.

A connection that is lost costs nothing but time: queries are asked again, and transactions are
repeated (see `WriteTransaction`). A forked child never touches the connections of its parent.
"""

from __future__ import annotations

import os
import random
import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from zenml.errors import MissingLibraryError, StoreUnavailableError
from zenml.store.address import without_password
from zenml.store.placeholders import translated
from zenml.store.postgresql_errors import ConnectionLostError, explain, is_lost, is_passing

try:
    import psycopg
    from psycopg.types.numeric import Int2Dumper
except ImportError as problem:
    raise MissingLibraryError(
        "The store is on a PostgreSQL server, for which the package `psycopg` is needed. "
        'Install it: pip install "zenml-core[postgresql]"'
    ) from problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.errors import RunStoppedError
    from zenml.store.file import Row, Values
    from zenml.store.postgresql_transaction import WriteTransaction

    Connection = psycopg.Connection[Any]
    Found = TypeVar("Found")

PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 5.0, 5.0)
"""Seconds between attempts while the server cannot be reached: 16 in all, enough for its restart."""
MOST_READERS = 8
"""Connections of one process that read at once; a server has about a hundred for everybody."""
LOCK = 0x7A656E6D6C
"""The advisory lock of the writer: `zenml` in ASCII. Locks are of one database, as a store is."""
MOST_SECONDS_OF_WAITING = 60
MOST_SECONDS_OF_SILENCE = 10
"""After so long a silence in a transaction the server ends it, so that a stopped process holds up nobody."""

_SETTINGS = f"""SELECT set_config('lock_timeout', '{MOST_SECONDS_OF_WAITING}s', false),
    set_config('idle_in_transaction_session_timeout', '{MOST_SECONDS_OF_SILENCE}s', false),
    set_config('synchronous_commit', %s, false), current_setting('server_encoding')"""
_VERSION = "SELECT value FROM store_meta WHERE name = 'schema_version'"


class PostgreSQLServer:
    """A database on a server, opened by this process, with its writer and its readers."""

    types: ClassVar[Mapping[str, str]] = {
        "bytes": "BYTEA",
        "text": 'TEXT COLLATE "C"',
        "clustered": "",
        "nulls_first": " NULLS FIRST",
    }
    is_shared = True

    def __init__(self, address: str, *, is_durable: bool) -> None:
        self.path = without_password(address)
        self.statements = 0
        self.transactions = 0
        self._address = address
        self._commits = "on" if is_durable else "off"
        self._was_reached = False
        self.problem: RunStoppedError | None = None
        """Why waiting for the server is of no use."""
        self._begin_anew()
        _open_servers.add(self)

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._writing = threading.RLock()
        self._writer: Connection | None = None
        self._readers: list[Connection] = []
        self._beside: Connection | None = None
        self._asking_beside = threading.Lock()
        self._is_given_up = threading.Event()
        self._places = threading.BoundedSemaphore(MOST_READERS)
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()

    # Reading

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query and return its rows; asked again where the connection is lost."""
        self.statements += 1
        self._check_process()
        text = translated(sql)
        return self.repeat(lambda: self._read_once(text, values))

    def _read_once(self, text: str, values: Values | Sequence[Any]) -> list[Row]:
        with self._places:
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self.connect()
            try:
                rows = connection.execute(text, values).fetchall()
            except BaseException as error:
                was_lost = is_lost(error, connection)
                connection.close()
                if was_lost:
                    self._drop_readers()
                    raise ConnectionLostError(error) from error
                if isinstance(error, psycopg.Error):
                    raise self.explain(error) from error
                raise
            self._readers.append(connection)
        return rows

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""
        if self.read("SELECT to_regclass('store_meta')")[0][0] is None:
            return 0
        return int(self.read(_VERSION)[0][0])

    def is_there(self) -> bool:
        """Tell whether the database was not deleted under its users: its server refuses to delete it."""
        return True

    # Writing

    def write(self) -> WriteTransaction:
        """Return a context manager in which statements are one transaction of the only writer."""
        from zenml.store.postgresql_transaction import WriteTransaction

        self._check_process()
        return WriteTransaction(self)

    def wait_durable(self) -> None:
        """Do nothing: the server says that something is committed when it is on its disk."""

    def writer(self) -> Connection:
        """Return the connection that writes; who calls holds the lock of this process."""
        if self._writer is None or self._writer.closed:
            self._writer = self.connect()
        return self._writer

    def drop_writer(self) -> None:
        """Close the connection that writes; the next transaction opens another one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def ask_beside(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run one statement outside of all transactions, once; return how many rows changed.

        Raises:
            OSError: the server is not reached.
        """
        self._check_process()
        try:
            with self._asking_beside:
                if self._beside is None or self._beside.closed:
                    self._beside = self.connect()
                try:
                    return self._beside.execute(translated(sql), values).rowcount
                except psycopg.Error as error:
                    self._beside.close()
                    raise self.explain(error) from error
        except ConnectionLostError as error:
            raise self.explain(error.cause) from error.cause

    # Connections

    def connect(self) -> Connection:
        """Open a connection.

        Raises:
            ConnectionLostError: the server cannot be reached now, and may be later.
            StoreUnavailableError: it refuses us.
        """
        try:
            connection: Connection = psycopg.connect(
                self._address,
                autocommit=True,
                application_name="zenml-core",
                connect_timeout=10,
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=20_000,
            )
        except psycopg.Error as error:
            if is_passing(error, was_reached=self._was_reached):
                raise ConnectionLostError(error) from error
            raise self.explain(error) from error
        self._connections.add(connection)
        connection.adapters.register_dumper(bool, _BoolDumper)
        try:
            *_, encoding = connection.execute(_SETTINGS, [self._commits]).fetchone() or ("",)
        except psycopg.Error as error:
            connection.close()
            raise ConnectionLostError(error) from error
        if encoding != "UTF8":
            connection.close()
            raise StoreUnavailableError(
                f"The database `{self.path}` has the encoding {encoding}, which cannot hold every text. "
                "Make one with: createdb --encoding UTF8 --template template0 NAME"
            )
        self._was_reached = True
        return connection

    def repeat(self, act: Callable[[], Found]) -> Found:
        """Do something that may be done again, until the server is reached or the time is over.

        Raises:
            StoreUnavailableError: the time is over.
            RunStoppedError: the runs of this process are not its own any more.
        """
        pauses = iter(PAUSES)
        while True:
            try:
                return act()
            except ConnectionLostError as error:
                pause = next(pauses, None)
                if pause is None:
                    raise self.explain(error.cause) from error.cause
                pause *= random.uniform(0.5, 1)  # noqa: S311  no secret: it keeps processes apart
                if self._is_given_up.wait(pause) and self.problem is not None:
                    raise self.problem from error.cause

    def give_up(self, problem: RunStoppedError | None) -> None:
        """Have nobody wait for the server any more: the runs of this process are lost; None takes that back."""
        self.problem = problem
        self._is_given_up.clear() if problem is None else self._is_given_up.set()

    def explain(self, error: BaseException) -> StoreUnavailableError:
        """Return an error of the server in our words."""
        return explain(error, self.path, self._address)

    def close(self) -> None:
        """Close all connections; the next query opens new ones."""
        if self._process != os.getpid():
            return
        with self._writing:
            self.drop_writer()
            self._drop_readers()
        with self._asking_beside:
            if self._beside is not None:
                self._beside.close()

    def _drop_readers(self) -> None:
        """Close the readers that nobody uses: where one is lost, the others are too."""
        while True:
            try:
                self._readers.pop().close()
            except IndexError:  # other threads take some meanwhile
                return

    def _check_process(self) -> None:
        """Start afresh in a forked child, and never touch the parent's connections there."""
        if self._process != os.getpid():
            _abandoned.append(list(self._connections))
            self._begin_anew()


class _BoolDumper(Int2Dumper):
    """Truth values are stored as 0 and 1, as SQLite does."""

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


_open_servers: weakref.WeakSet[PostgreSQLServer] = weakref.WeakSet()
_abandoned: list[list[Any]] = []
"""Connections of a parent: kept, so that nothing of them is closed."""


def _leave_connections_in_child() -> None:
    """Put nothing in the place of inherited sockets: a parent that dies takes its transactions along."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for server in _open_servers:
        for connection in server._connections:
            if not connection.closed:
                os.dup2(nothing, connection.fileno(), inheritable=False)
    os.close(nothing)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_connections_in_child)
