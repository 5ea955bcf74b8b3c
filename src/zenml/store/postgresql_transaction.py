"""A write transaction on a PostgreSQL server, which outlives its connection.

What was asked so far is kept with its answers. Where the connection is lost, the server has undone
all of it: a new connection asks everything again. If every answer is the same, what was concluded
from them holds, and the transaction goes on as if nothing had happened. If one is another, somebody
else has written meanwhile, and the transaction fails with nothing written.

Where the connection is lost while the server commits, nobody knows which it did. The server is
asked: it knows the outcome of a transaction by its number. Nothing is ever repeated blindly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import psycopg

from zenml import fs
from zenml.errors import StoreUnavailableError
from zenml.store.placeholders import translated
from zenml.store.postgresql import LOCK, PostgreSQLServer
from zenml.store.postgresql_errors import ConnectionLostError, is_lost, is_repeatable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zenml.store.file import Row, Values

    Kind = Literal["run", "run_many", "read"]

# One message to the server. Each later statement sees what was committed before the lock was given.
_BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK}); SELECT txid_current()"
_WRITE_VERSION = (
    "INSERT INTO store_meta (name, value) VALUES ('schema_version', :value)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class _Asked:
    """A statement with what the server answered: how many rows changed, or the rows found."""

    __slots__ = ("answer", "kind", "sql", "values")

    def __init__(self, kind: Kind, sql: str, values: Any) -> None:
        self.kind = kind
        self.sql = sql
        self.values = values
        self.answer: Any = None

    def ask(self, connection: psycopg.Connection[Any]) -> Any:
        if self.kind == "run_many":
            with connection.cursor() as cursor:
                cursor.executemany(self.sql, self.values)
                return cursor.rowcount
        cursor = connection.execute(self.sql, self.values)
        return cursor.fetchall() if self.kind == "read" else cursor.rowcount


class WriteTransaction:
    """The one write transaction of the store at a time; leaves nothing behind when its body raises."""

    def __init__(self, server: PostgreSQLServer) -> None:
        self._server = server
        self._connection: psycopg.Connection[Any]
        self._number = 0
        self._asked: list[_Asked] = []

    def __enter__(self) -> Self:
        server = self._server
        server._writing.acquire()
        try:
            if server._writer is not None and server._writer.info.transaction_status.name == "INTRANS":
                raise RuntimeError("A write transaction was begun inside of another one.")
            server.repeat(self._begin)
        except BaseException:
            server._writing.release()
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        server = self._server
        try:
            if error is None:
                server.repeat(self._commit)
                server.transactions += 1
            else:
                self._undo()
        except BaseException:
            server.drop_writer()
            raise
        finally:
            server._writing.release()
        if isinstance(error, psycopg.Error):
            raise server.explain(error) from error

    def run(self, sql: str, values: Values | Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it changed."""
        self._server.statements += 1
        changed: int = self._ask(_Asked("run", translated(sql), values))
        return changed

    def run_many(self, sql: str, rows: Sequence[Values]) -> int:
        """Run one statement for each of many rows; return how many rows changed in all."""
        self._server.statements += len(rows)
        if not rows:
            return 0
        changed: int = self._ask(_Asked("run_many", translated(sql), rows))
        return changed

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query inside the transaction."""
        self._server.statements += 1
        rows: list[Row] = self._ask(_Asked("read", translated(sql), values))
        return rows

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""
        if self.read("SELECT to_regclass('store_meta')")[0][0] is None:
            return 0
        return int(self.read("SELECT value FROM store_meta WHERE name = 'schema_version'")[0][0])

    def write_version(self, number: int) -> None:
        """Note the number of the schema."""
        self.run(_WRITE_VERSION, {"value": str(number)})

    def run_script(self, statements: Iterable[str]) -> None:
        """Run the statements of a migration, one by one, inside the transaction."""
        for statement in statements:
            self.run(statement)

    # What happens when a connection is lost

    def _ask(self, asked: _Asked) -> Any:
        try:
            if fs.watch is not None and asked.kind != "read":
                fs.point("statement", self._server.path, asked.sql)
            asked.answer = asked.ask(self._connection)
        except psycopg.Error as error:
            if not is_repeatable(error, self._connection):
                raise  # the body of the transaction hears of it, and ends
            asked.answer = self._server.repeat(lambda: self._repeat(asked))
        self._asked.append(asked)
        return asked.answer

    def _begin(self) -> None:
        server = self._server
        connection = server.writer()
        try:
            fs.point("begin", server.path)
            cursor = connection.execute(_BEGIN)
            while cursor.nextset():
                pass
            ((self._number,),) = cursor.fetchall()
        except psycopg.Error as error:
            server.drop_writer()
            if is_repeatable(error, connection):
                raise ConnectionLostError(error) from error
            raise server.explain(error) from error
        except BaseException:
            server.drop_writer()
            raise
        self._connection = connection

    def _repeat(self, last: _Asked | None = None) -> Any:
        """Ask everything again in a new connection, and what comes next; return the answer to that."""
        self._server.drop_writer()
        self._begin()
        try:
            for one in self._asked:
                if one.ask(self._connection) != one.answer:
                    self._undo()
                    raise StoreUnavailableError(
                        f"The connection to the store `{self._server.path}` was lost in the middle of a "
                        "transaction, and others have written meanwhile what that depends on. Nothing of it is "
                        "recorded; do it again."
                    )
            return None if last is None else last.ask(self._connection)
        except psycopg.Error as error:
            if is_repeatable(error, self._connection):
                self._connection.close()
                raise ConnectionLostError(error) from error
            raise

    def _commit(self) -> None:
        connection = self._connection
        try:
            if connection.closed:  # by an attempt before this one, whose outcome is not known yet
                raise psycopg.OperationalError("the connection was lost")
            fs.point("commit", self._server.path)
            answer = connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if not is_repeatable(error, connection):
                raise self._server.explain(error) from error
            connection.close()
            if is_lost(error, connection) and self._was_committed(error):
                return
            self._repeat()
            raise ConnectionLostError(error) from error
        if answer != "COMMIT":  # the body has passed over an error
            raise StoreUnavailableError(
                f"A transaction of the store `{self._server.path}` had failed and was undone."
            )

    def _was_committed(self, error: BaseException) -> bool:
        """Ask the server what became of the transaction; it may still be at it."""
        status = self._server.read("SELECT txid_status(?)", [self._number])[0][0]
        if status == "in progress":
            raise ConnectionLostError(error)
        return bool(status == "committed")

    def _undo(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._server.drop_writer()  # the server undoes what it is left with
