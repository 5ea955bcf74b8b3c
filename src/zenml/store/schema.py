"""Tables and rows: SQL made from the fields of the records, and rows turned back into them.

A record's fields are its table's columns. Text, whole numbers, bytes and None are stored as
they are, truth values as 0 and 1, everything else as JSON.
"""

from __future__ import annotations

import types
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from zenml.errors import StoreUnavailableError
from zenml.records import wire
from zenml.records.run import Record

R = TypeVar("R", bound=Record)
Row = tuple[Any, ...]


class Column:
    """A column: its name and how its values are stored."""

    __slots__ = ("decoder", "is_bytes", "is_flag", "is_json", "is_number", "is_optional", "name")

    def __init__(self, name: str, hint: Any) -> None:
        self.name = name
        options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        kinds = {_plain_type(option) for option in options} - {type(None)}
        self.is_optional = type(None) in options
        self.is_flag = kinds == {bool}
        self.is_bytes = kinds == {bytes}
        self.is_number = bool(kinds) and kinds <= {int, float, bool}
        self.is_json = not self.is_flag and not kinds <= {str, int, bytes, float}
        self.decoder = msgspec.json.Decoder(hint) if self.is_json else None


class Table:
    """What the store needs to know of one kind of record."""

    __slots__ = ("_json", "_reads_plainly", "columns", "insert", "kind", "names", "select")

    def __init__(self, kind: type[Record]) -> None:
        hints = get_type_hints(kind, include_extras=True)
        self.kind = kind
        self.columns = {name: Column(name, hints[name]) for name in kind.__struct_fields__}
        self.names = tuple(self.columns)
        listed = ", ".join(self.names)
        self.insert = f"INSERT INTO {kind.table} ({listed}) VALUES ({', '.join(':' + n for n in self.names)})"  # noqa: S608  names of our own fields
        self.select = f"SELECT {listed} FROM {kind.table}"  # noqa: S608  names of our own fields
        self._json = tuple(name for name, column in self.columns.items() if column.is_json)
        self._reads_plainly = not self._json and not any(c.is_flag for c in self.columns.values())

    def row(self, record: Record) -> dict[str, Any]:
        """Return the values to bind for a record."""
        values = msgspec.structs.asdict(record)
        for name in self._json:
            value = values[name]
            if value is not None:
                values[name] = wire.encode(value).decode()
        return values

    def record(self, row: Row) -> Any:
        """Return the record of a row that was read with `select`."""
        if self._reads_plainly:
            return self.kind(**dict(zip(self.names, row, strict=True)))
        try:
            return self._decoded(row)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise StoreUnavailableError(
                f"A row of the table `{self.kind.table}` ({row[0]!r:.40}) is damaged: {error}. Restore a backup of the store: "
                "zenml store restore FOLDER"
            ) from error

    def _decoded(self, row: Row) -> Any:
        values: dict[str, Any] = {}
        for column, value in zip(self.columns.values(), row, strict=True):
            if value is not None and column.decoder is not None:
                values[column.name] = column.decoder.decode(value)
            elif column.is_flag:
                values[column.name] = bool(value)
            else:
                values[column.name] = value
        return self.kind(**values)

    def value(self, name: str, value: Any) -> Any:
        """Return one field's value as it is bound in a statement."""
        if value is not None and self.columns[name].is_json:
            return wire.encode(value).decode()
        return value


_tables: dict[type[Record], Table] = {}


def table_of(kind: type[Record]) -> Table:
    """Return the table of a kind of record."""
    table = _tables.get(kind)
    if table is None:
        table = _tables[kind] = Table(kind)
    return table


def _plain_type(hint: Any) -> Any:
    """Return the built-in type that a hint stands for, seen through NewType and Literal."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) is Literal:
        return str
    return hint
