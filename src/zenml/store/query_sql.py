"""A query as SQL: conditions over the fields of a record, a sort, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.records.query import check_value
from zenml.records.run import Artifact, Pipeline

if TYPE_CHECKING:
    from zenml.records.query import Condition, Query
    from zenml.store.schema import Column, Table

_COMPARISONS = {"equals": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TAGGED = "SELECT target_id FROM tags WHERE kind = :_kind AND name = :_tag"
_RUNS_WITH_CASCADING_TAG = (
    "SELECT target_id FROM tags WHERE kind = 'run' AND name = :_tag AND is_cascading = 1"
)
_STEPS_WITH_CASCADING_TAG = f"SELECT id FROM step_runs WHERE run_id IN ({_RUNS_WITH_CASCADING_TAG})"  # noqa: S608  our own text
# A cascading tag is not copied: the artifacts of a run are found through it when somebody asks.
_TAGGED_ARTIFACTS = f"""{_TAGGED}
UNION SELECT id FROM artifacts WHERE producer IN ({_STEPS_WITH_CASCADING_TAG})
UNION SELECT id FROM artifacts WHERE saved_by IN ({_STEPS_WITH_CASCADING_TAG})
UNION SELECT artifact_id FROM run_outputs WHERE run_id IN ({_RUNS_WITH_CASCADING_TAG})"""  # noqa: S608  our own text
_FIELD_ALIASES = {
    "created": "id",
    "created_at": "id",
    "updated": "ended_at",
    "start_time": "id",
    "end_time": "ended_at",
}
"""Names that people sort by; ids are ordered by time of creation."""


def page_sql(table: Table, query: Query) -> tuple[str, str, dict[str, Any]]:
    """Return the statement for a page, the one that counts all results, and the values of both."""
    values: dict[str, Any] = {}
    parts = [_condition_sql(table, condition, values) for condition in query.conditions]
    for tag in (query.tag,) if isinstance(query.tag, str) else query.tag or ():
        check_value(tag, "`tag`")
        mark = f"_tag{len(values)}"
        tagged = _TAGGED_ARTIFACTS if table.kind is Artifact else _TAGGED
        parts.append(f"id IN ({tagged.replace(':_tag', f':{mark}')})")
        values.update({"_kind": table.kind.table.rstrip("s"), mark: tag})
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    direction = "DESC" if query.is_descending else "ASC"
    sort = field_name(table, query.sort)
    # Databases disagree on where records without a value go.
    nulls = (
        (" NULLS LAST" if query.is_descending else " NULLS FIRST") if table.columns[sort].is_optional else ""
    )
    order = f" ORDER BY {sort} {direction}{nulls}" + (f", id {direction}" if sort != "id" else "")
    limit = f" LIMIT {query.size} OFFSET {(query.page - 1) * query.size}"
    return table.select + where + order + limit, f"SELECT count(*) FROM {table.kind.table}{where}", values  # noqa: S608


def field_name(table: Table, name: str) -> str:
    """Return the column that a field name stands for, or name the close matches."""
    name = _FIELD_ALIASES.get(name, name)
    if name == "id" and table.kind is Pipeline:
        name = "created_at"  # the id of a pipeline is made from its name
    if name in table.columns:
        return name
    known = sorted((*table.names, *_FIELD_ALIASES))
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean `{close[0]}`?" if close else f"Fields are: {', '.join(known)}."
    raise ConfigurationError(
        f"{table.kind.__name__} records have no field `{name}` to filter or sort by. {hint}"
    )


def _condition_sql(table: Table, condition: Condition, values: dict[str, Any]) -> str:
    name = field_name(table, condition.field)
    column, mark = table.columns[name], f"c{len(values)}"
    if condition.operator == "oneof":
        marks = {f"{mark}_{i}": _comparable(column, value) for i, value in enumerate(condition.value)}
        values.update(marks)
        return f"{name} IN ({', '.join(':' + one for one in marks)})" if marks else "1 = 0"
    if condition.operator in ("contains", "startswith"):
        return _text_sql(column, condition, values, mark)
    if condition.value is None:
        return f"{name} IS NULL" if condition.operator == "equals" else f"{name} IS NOT NULL"
    values[mark] = _comparable(column, condition.value)
    return f"{name} {_COMPARISONS[condition.operator]} :{mark}"


def _text_sql(column: Column, condition: Condition, values: dict[str, Any], mark: str) -> str:
    """Return a condition on a part of a text; of a number its digits are meant."""
    _check_kind(column, condition.value)
    part = str(condition.value)
    text = f"CAST({column.name} AS TEXT)" if column.is_number else column.name
    if not part:
        return f"{column.name} IS NOT NULL"
    values[mark] = part
    if condition.operator == "contains":
        return f"replace({text}, :{mark}, '') <> {text}"
    return f"substr({text}, 1, {len(part)}) = :{mark}"


def _comparable(column: Column, value: Any) -> Any:
    """Return a value as a column can be compared with it: databases disagree on what text and numbers have in common."""
    _check_kind(column, value)
    if column.is_number and isinstance(value, str):
        try:
            return int(value) if abs(int(value)) < 2**63 else float(value)
        except (ValueError, OverflowError):
            raise ConfigurationError(
                f"`{column.name}` is a number and cannot be compared with `{value}`."
            ) from None
    if not column.is_number and isinstance(value, (int, float)):
        return str(value)
    return value


def _check_kind(column: Column, value: Any) -> None:
    """Refuse to compare bytes with anything else: one database finds nothing, another one fails."""
    if value is not None and column.is_bytes is not isinstance(value, bytes):
        held = "bytes" if column.is_bytes else "no bytes"
        raise ConfigurationError(
            f"`{column.name}` holds {held} and cannot be compared with {preview(value)}."
        )
