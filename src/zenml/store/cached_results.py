"""The results that the cache would answer with: listing them, and taking them out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from zenml.store.database import Database


class CachedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A stored result of a step, and what finds it."""

    id: str
    """The step run that made it."""
    key: str
    step: str
    pipeline: str
    run: str
    run_id: str
    made_at: int
    """Microseconds since 1970, UTC."""
    size: int
    """Bytes of its outputs."""


_OF_RUNS = "FROM step_runs s JOIN runs r ON r.id = s.run_id"
_IS_USABLE = "s.status = 'completed' AND s.cache_key IS NOT NULL AND s.invalidated_at IS NULL"
# Of several results with one key the newest answers; the older ones are not listed.
_NEWEST = """s.id IN (
    SELECT max(id) FROM step_runs
    WHERE status = 'completed' AND cache_key IS NOT NULL AND invalidated_at IS NULL GROUP BY cache_key
)"""
_COLUMNS = """s.id, s.cache_key, s.invocation_id, r.pipeline_name, r.name, r.id, s.ended_at,
    CAST(coalesce((SELECT sum(a.size) FROM artifacts a WHERE a.producer = s.id), 0) AS BIGINT)"""
_FILTERS = {
    "step": "s.invocation_id = :step",
    "pipeline": "r.pipeline_name = :pipeline",
    "run": "r.id = :run",
    "key": "substr(s.cache_key, 1, length(:key)) = :key",
    "before": "s.ended_at < :before",
}


def list_results(store: Database, filters: dict[str, Any], limit: int) -> list[CachedResult]:
    """Return the newest results that fit; `filters` has keys of step, pipeline, run, key and before."""
    where = " AND ".join([_NEWEST, *(_FILTERS[name] for name in filters)])
    sql = f"SELECT {_COLUMNS} {_OF_RUNS} WHERE {where} ORDER BY s.id DESC LIMIT {limit:d}"
    names = CachedResult.__struct_fields__
    return [CachedResult(**dict(zip(names, row, strict=True))) for row in store.file.read(sql, filters)]


def invalidate(store: Database, filters: dict[str, Any], now: int) -> int:
    """Take all results that fit out of use; return how many there were."""
    where = " AND ".join([_IS_USABLE, *(_FILTERS[name] for name in filters)])
    sql = f"UPDATE step_runs SET invalidated_at = :now WHERE id IN (SELECT s.id {_OF_RUNS} WHERE {where})"  # noqa: S608  our own text
    with store.file.write() as transaction:
        return transaction.run(sql, {**filters, "now": now})
