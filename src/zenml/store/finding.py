"""Finding records in a store of any size: pages of a query, and records by a part of their id.

What a list says of its items is asked for all of them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zenml.records.query import Page, Query
from zenml.records.run import Record, Run
from zenml.store import queries
from zenml.store.query_sql import after, count_sql, is_of_a_part, page_sql
from zenml.store.schema import Table, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.store.file import StoreFile

R = TypeVar("R", bound=Record)

FEW = 2_000
"""Records that are soon looked up one by one and sorted. Of more, one in fifty of a hundred thousand, a page is full soon."""
FEWEST_DIGITS = 4
"""Digits at the end of an id that find it; `runs_by_last_digits` is over so many."""
ID_DIGITS = 24
MOST = 1_000
"""Records that fit a part of an id."""

# The part at the end is looked for in an index, of the last digits or of whole ids; rows are read of what fits.
_BY_DIGITS = """
{select} WHERE id IN (
    SELECT id FROM {table} WHERE id >= :digits AND id < :after
    UNION SELECT id FROM {table} WHERE substr(id, 21) = :last AND substr(id, {start:d}) = :digits
) ORDER BY id DESC LIMIT {most:d}
"""
_NUMBER_AND_NEWEST = """
SELECT name, (SELECT count(*) FROM runs WHERE pipeline_name = pipelines.name), (SELECT max(runs.id) FROM runs WHERE pipeline_name = pipelines.name)
FROM pipelines WHERE name IN ({names})
"""
_TAGS = "SELECT name, kind, count(*) FROM tags GROUP BY kind, name ORDER BY name, kind"


def find(file: StoreFile, kind: type[Record], query: Query) -> Page:
    """Return the page of records that a query asks for."""
    table = table_of(kind)
    before = (query.page - 1) * query.size
    total = None
    if is_of_a_part(query):
        total = _count(file, table, query)
        if total <= before:
            return Page([], total, query.page, query.size)
    sql, values = page_sql(table, query, has_few=total is not None and total <= FEW)
    items = [table.record(row) for row in file.read(sql, values)]
    is_last = len(items) < query.size and (bool(items) or query.page == 1)
    if total is None:
        is_known = is_last or not query.needs_total
        total = before + len(items) if is_known else _count(file, table, query)
    return Page(items, total, query.page, query.size)


def with_digits(file: StoreFile, kind: type[R], text: str) -> list[R]:
    """Return the newest records whose id begins or ends with some digits, four or more."""
    table = table_of(kind)
    if not FEWEST_DIGITS <= len(text) <= ID_DIGITS:
        return []
    start = ID_DIGITS - len(text) + 1
    sql = _BY_DIGITS.format(select=table.select, table=kind.table, start=start, most=MOST)
    values = {"digits": text, "after": after(text), "last": text[-FEWEST_DIGITS:]}
    return [table.record(row) for row in file.read(sql, values)]


def runs_of_pipelines(file: StoreFile, names: Sequence[str]) -> dict[str, tuple[int, Run]]:
    """Return how many runs each pipeline has, and the newest; those that have none are left out."""
    rows = []
    for start in range(0, len(names), queries.CHUNK):
        chunk = names[start : start + queries.CHUNK]
        rows += file.read(_NUMBER_AND_NEWEST.format(names=queries.marks(len(chunk))), chunk)
    table = table_of(Run)
    newest: dict[str, Run] = {}
    for start in range(0, len(rows), queries.CHUNK):
        ids = [row[2] for row in rows[start : start + queries.CHUNK]]
        found = file.read(f"{table.select} WHERE id IN ({queries.marks(len(ids))})", ids)
        newest.update((run.id, run) for run in map(table.record, found))
    return {name: (number, newest[last]) for name, number, last in rows if last in newest}


def tag_counts(file: StoreFile) -> list[tuple[str, str, int]]:
    """Return each tag by name, a kind of thing that has it, and how many of those do."""
    return [(name, kind, number) for name, kind, number in file.read(_TAGS)]


def _count(file: StoreFile, table: Table, query: Query) -> int:
    sql, values = count_sql(table, query)
    return int(file.read(sql, values)[0][0])
