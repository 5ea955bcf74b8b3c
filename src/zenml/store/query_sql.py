"""A query as SQL: conditions over the fields of a record, a sort, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.records.query import check_value
from zenml.records.run import Artifact, Pipeline

if TYPE_CHECKING:
    from zenml.records.query import Condition, Query
    from zenml.store.schema import Column, Table

FIRST_SURROGATE, AFTER_SURROGATES, LAST_CODE = 0xD800, 0xE000, 0x10FFFF
"""Texts are sorted by code points; those between the first two are no characters."""
Form = Literal["count", "few", "many"]
"""How a part of a text is looked for: all that have it, few to be sorted, or as many as a page has."""
_COMPARISONS = {"equals": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TAGGED = "SELECT target_id FROM tags WHERE kind = :_kind AND name = :_tag"
_FIRST_TAGGED = "SELECT target_id AS tagged_id FROM tags WHERE kind = :_kind AND name = :_tag"
_RUNS_WITH_CASCADING_TAG = (
    "SELECT target_id FROM tags WHERE kind = 'run' AND name = :_tag AND is_cascading = 1"
)
_STEPS_WITH_CASCADING_TAG = f"SELECT id FROM step_runs WHERE run_id IN ({_RUNS_WITH_CASCADING_TAG})"  # noqa: S608  our own text
# A cascading tag is not copied: the artifacts of a run are found through it when somebody asks.
_TAGGED_ARTIFACTS = f"""{_TAGGED}
UNION SELECT made.id FROM ({_STEPS_WITH_CASCADING_TAG}) AS makers
    JOIN artifacts AS made ON made.producer = makers.id OR made.saved_by = makers.id
UNION SELECT artifact_id FROM run_outputs WHERE run_id IN ({_RUNS_WITH_CASCADING_TAG})"""  # noqa: S608  our own text
_FIELD_ALIASES = {
    "created": "id",
    "created_at": "id",
    "updated": "ended_at",
    "start_time": "id",
    "end_time": "ended_at",
}
"""Names that people sort by; ids are ordered by time of creation."""


_LOOKED_UP = ("id", "name")
"""Columns of which an index helps to find a part of a text."""


def is_of_a_part(query: Query) -> bool:
    """Tell whether nothing but a part of a name is asked for: how many have it decides how they are found."""
    parts = [one for one in query.conditions if one.operator in ("contains", "startswith")]
    return len(query.conditions) == len(parts) == 1 and parts[0].field in _LOOKED_UP and not tags_of(query)


def page_sql(table: Table, query: Query, *, has_few: bool) -> tuple[str, dict[str, Any]]:
    """Return the statement for a page, and its values.

    Args:
        table: where the records are.
        query: what is asked.
        has_few: whether few records fit that have to be looked for by a part of a text: then they are found first
            and sorted; else records are read in the order of the page until it is full.
    """
    values: dict[str, Any] = {}
    sort = field_name(table, query.sort)
    source, where = _parts(table, query, values, form="few" if has_few else "many")
    # The index of tags has the order of ids: a page is read off it, however many records have the tag.
    order = "tagged.tagged_id" if _begins_with_tags(table, query) and sort == "id" else sort
    direction = "DESC" if query.is_descending else "ASC"
    # Databases disagree on where records without a value go.
    nulls = (
        (" NULLS LAST" if query.is_descending else " NULLS FIRST") if table.columns[sort].is_optional else ""
    )
    order = f" ORDER BY {order} {direction}{nulls}" + (f", id {direction}" if sort != "id" else "")
    limit = f" LIMIT {query.size} OFFSET {(query.page - 1) * query.size}"
    return f"SELECT {', '.join(table.names)} FROM {source}{where}{order}{limit}", values  # noqa: S608  names of our own fields


def count_sql(table: Table, query: Query) -> tuple[str, dict[str, Any]]:
    """Return the statement that counts all records of a query, and its values."""
    values: dict[str, Any] = {}
    source, where = _parts(table, query, values, form="count")
    return f"SELECT count(*) FROM {source}{where}", values  # noqa: S608  names of our own fields


def _parts(table: Table, query: Query, values: dict[str, Any], *, form: Form) -> tuple[str, str]:
    """Return where the records are read from, and the conditions."""
    if not is_of_a_part(query):
        form = "count"
    parts = [_condition_sql(table, condition, values, form) for condition in query.conditions]
    tags, source = tags_of(query), table.kind.table
    if tags:
        values["_kind"] = table.kind.table.rstrip("s")
    if _begins_with_tags(table, query):
        # In this order: SQLite knows no numbers, and takes what has a status for rarer than what has a tag.
        source = f"({_FIRST_TAGGED}) AS tagged CROSS JOIN {table.kind.table}"
        parts.append("id = tagged.tagged_id")
        values["_tag"], tags = tags[0], tags[1:]
    for tag in tags:
        mark = f"_tag{len(values)}"
        tagged = _TAGGED_ARTIFACTS if table.kind is Artifact else _TAGGED
        parts.append(f"id IN ({tagged.replace(':_tag', f':{mark}')})")
        values[mark] = tag
    return source, f" WHERE {' AND '.join(parts)}" if parts else ""


def _begins_with_tags(table: Table, query: Query) -> bool:
    """Tell whether the index of tags is read first; what has a cascading tag is not all in it."""
    return bool(tags_of(query)) and table.kind is not Artifact


def tags_of(query: Query) -> tuple[str, ...]:
    """Return the tags that a query asks for, all of which records have."""
    tags = (query.tag,) if isinstance(query.tag, str) else query.tag or ()
    for tag in tags:
        check_value(tag, "`tag`")
    return tags


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


def _condition_sql(table: Table, condition: Condition, values: dict[str, Any], form: Form) -> str:
    name = field_name(table, condition.field)
    column, mark = table.columns[name], f"c{len(values)}"
    if condition.operator == "oneof":
        marks = {f"{mark}_{i}": _comparable(column, value) for i, value in enumerate(condition.value)}
        values.update(marks)
        return f"{name} IN ({', '.join(':' + one for one in marks)})" if marks else "1 = 0"
    if condition.operator in ("contains", "startswith"):
        return _text_sql(table, condition, values, form)
    if condition.value is None:
        return f"{name} IS NULL" if condition.operator == "equals" else f"{name} IS NOT NULL"
    values[mark] = _comparable(column, condition.value)
    return f"{name} {_COMPARISONS[condition.operator]} :{mark}"


def _text_sql(table: Table, condition: Condition, values: dict[str, Any], form: Form) -> str:
    """Return a condition on a part of a text; of a number its digits are meant."""
    column, mark, part = (
        table.columns[field_name(table, condition.field)],
        f"c{len(values)}",
        str(condition.value),
    )
    _check_kind(column, condition.value)
    text = f"CAST({column.name} AS TEXT)" if column.is_number else column.name
    if not part:
        return f"{column.name} IS NOT NULL"
    values[mark] = part
    if condition.operator == "contains":
        contains = f"instr({text}, :{mark}) > 0"
        if form != "few":
            return contains
        # The index of names is read through, not the rows.
        return f"{text} IN (SELECT {text} FROM {table.kind.table} WHERE {contains})"  # noqa: S608  names of our own fields
    end = None if column.is_number or form == "many" else after(part)
    if end is None:
        return f"substr({text}, 1, {len(part)}) = :{mark}"
    values[f"{mark}_end"] = end
    return f"{text} >= :{mark} AND {text} < :{mark}_end"


def after(part: str) -> str | None:
    """Return the first text that comes after all texts that begin with a part; None if there is none."""
    for position in range(len(part) - 1, -1, -1):
        code = ord(part[position]) + 1
        if code <= LAST_CODE:
            return part[:position] + chr(AFTER_SURROGATES if code == FIRST_SURROGATE else code)
    return None


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
