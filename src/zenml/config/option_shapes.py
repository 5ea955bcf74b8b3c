"""Whether the values of options in a YAML file have their shapes.

A check yields what is wrong and where, as a path below the option. What only the run can know
(which steps there are, which parameters they take) is checked when the pipeline is compiled.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from zenml.config.fields import nearest
from zenml.config.option_table import ALIASES, OPTIONS, Option
from zenml.config.placeholders import has_placeholder
from zenml.config.preview import preview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from zenml.config.option_schemas import Schema
    from zenml.config.placeholders import Path

    Problem = tuple[Path, str]

_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, (str, date, datetime)),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_NAMED = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a mapping",
}


def schema_problems(value: Any, schema: Schema, path: Path = ()) -> Iterator[Problem]:
    """Yield how a value differs from a schema; a placeholder and null fit everywhere.

    This is the part of JSON Schema that this module itself uses.
    """
    if value is None or (isinstance(value, str) and has_placeholder(value)):
        return
    if "anyOf" in schema:
        yield from _nearest(value, schema["anyOf"], path)
        return
    if "enum" in schema or "const" in schema:
        allowed = schema.get("enum") or [schema["const"]]
        if value not in allowed:
            yield path, f"is {preview(value)}; it can be {', '.join(f'`{one}`' for one in allowed)}"
        return
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_KINDS[kind](value) for kind in kinds):
        yield path, f"is {preview(value)}; it must be {wanted(schema)}"
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        above = schema.get("exclusiveMinimum")
        fits = (  # written so that NaN, which YAML can say, does not fit
            (low is None or value >= low)
            and (high is None or value <= high)
            and (above is None or value > above)
        )
        if not fits:
            yield path, f"is {preview(value)}; it must be {wanted(schema)}"
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from schema_problems(item, schema["items"], (*path, index))
    elif isinstance(value, dict):
        yield from _mapping_problems(value, schema, path)


def wanted(schema: Schema) -> str:
    """Return in words what a schema asks for."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(wanted(one) for one in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema.get("enum") or [schema["const"]])
    kinds = schema.get("type", [])
    text = " or ".join(_NAMED[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if "exclusiveMinimum" in schema:
        return f"{text} greater than {schema['exclusiveMinimum']}"
    if "maximum" in schema:
        return f"{text} from {schema['minimum']} to {schema['maximum']}"
    return f"{text} from {schema['minimum']} up" if "minimum" in schema else text


def unknown_key(name: str, known: Iterable[str], what: str) -> str:
    """Return the problem that a key does not exist, with the close one."""
    known = sorted(known)
    close = nearest(name, known)
    hint = f"did you mean `{close}`?" if close else f"it takes: {', '.join(known)}"
    return f"{what} has no option `{name}`; {hint}"


def options_of_file(owner: str) -> dict[str, Option]:
    """Return the options that a file may set for an owner, by every spelling."""
    found = {
        option.name: option
        for option in OPTIONS
        if option.is_in_files and (owner in option.owners or (owner == "pipeline" and "run" in option.owners))
    }
    found |= {alias: found[name] for alias, name in ALIASES.items() if name in found}
    return found


def _nearest(value: Any, schemas: list[Schema], path: Path) -> Iterator[Problem]:
    """Yield the problems with the alternative that is of the value's kind, or that none is."""
    for schema in schemas:
        if not list(schema_problems(value, schema, path)):
            return
    for schema in schemas:
        kind = schema.get("type")
        if isinstance(kind, str) and kind in ("object", "array") and _KINDS[kind](value):
            yield from schema_problems(value, schema, path)
            return
    yield path, f"is {preview(value)}; it must be {wanted({'anyOf': schemas})}"


def _mapping_problems(value: dict[str, Any], schema: Schema, path: Path) -> Iterator[Problem]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for key, item in value.items():
        if key in properties:
            yield from schema_problems(item, properties[key], (*path, key))
        elif others is False:
            yield (*path, key), unknown_key(key, properties, "it").removeprefix("it ")
        else:
            yield from schema_problems(item, others, (*path, key))
    for key in schema.get("required", ()):
        if value.get(key) is None:
            yield path, f"lacks `{key}`; add it"
