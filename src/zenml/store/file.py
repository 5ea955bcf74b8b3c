"""What the store asks of a database: queries, one write transaction at a time, and what differs between two of them.

`SQLiteFile` and `PostgreSQLServer` do so. Both run the same SQL: named (`:name`) or numbered (`?`)
placeholders, and statements that both understand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = tuple[Any, ...]
    Values = Mapping[str, Any]


class Transaction(Protocol):
    """The one write transaction of the store at a time; leaves nothing behind when its body raises."""

    def __enter__(self) -> Self:
        """Wait until nobody else writes."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Commit, or undo everything if the body raised."""

    def run(self, sql: str, values: Values | Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it changed."""

    def run_many(self, sql: str, rows: Sequence[Values]) -> int:
        """Run one statement for each of many rows; return how many rows changed in all."""

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query inside the transaction."""

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""

    def write_version(self, number: int) -> None:
        """Note the number of the schema."""

    def run_script(self, statements: Iterable[str]) -> None:
        """Run the statements of a migration, one by one, inside the transaction."""


class StoreFile(Protocol):
    """A database, opened by this process, with its writer and its readers."""

    path: str
    """What people know it by: the path of its file, or its address without a password."""
    is_shared: bool
    """Whether processes of other hosts may use it too, so that owners have to give a sign of life."""
    statements: int
    transactions: int

    @property
    def types(self) -> Mapping[str, str]:
        """What the words in braces of a migration stand for."""

    def read(self, sql: str, values: Values | Sequence[Any] = ()) -> list[Row]:
        """Run one query and return its rows."""

    def write(self) -> Transaction:
        """Return a context manager in which statements are one transaction of the only writer."""

    def read_version(self) -> int:
        """Return the number of the schema, 0 where there is none yet."""

    def is_there(self) -> bool:
        """Tell whether the database was not deleted under its users."""

    def wait_durable(self) -> None:
        """Return when everything committed so far would survive a power loss."""

    def close(self) -> None:
        """Close all connections; the next query opens new ones."""
