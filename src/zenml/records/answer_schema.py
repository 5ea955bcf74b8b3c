"""Whether an answer fits its JSON Schema: checked where it is given, which need not have the code that asked.

The keywords are those that types, dataclasses and pydantic models are written with. What else a schema says
about values is refused when the question is asked, so that no rule is silently left out.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import DeclarationError, TypeMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, Any]

_SAID_ONLY = frozenset(
    [
        "$schema",
        "$id",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "format",
        "contentEncoding",
        "$defs",
        "definitions",
    ]
)
"""Keywords that no value breaks, but for some formats."""
_CHECKED = frozenset(
    [
        "$ref",
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "anyOf",
        "oneOf",
        "allOf",
    ]
)
_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
_TYPES |= {"array": "a list", "object": "an object", "null": "null"}
MOST_DEPTH = 50
"""How deep answers and references nest."""


def check_schema(schema: Any, where: str) -> None:
    """Refuse a schema that asks for what is not checked.

    Raises:
        DeclarationError: it is no schema, or uses an unknown keyword.
    """
    for path, part in _parts(schema, ""):
        place = f"{where}{f', at `{path}`' if path else ''}"
        if not isinstance(part, dict):
            raise DeclarationError(
                f"{place}: {part!r} is no JSON Schema. Give a mapping, such as {{'type': 'string'}}."
            )
        unknown = sorted(key for key in part if key not in _SAID_ONLY | _CHECKED)
        if unknown:
            raise DeclarationError(
                f"{place}: the keyword `{unknown[0]}` is not supported. These are: {', '.join(sorted(_CHECKED))}."
            )
        kinds = part.get("type", [])
        wrong = [one for one in ([kinds] if isinstance(kinds, str) else kinds) if one not in _TYPES]
        if wrong:
            raise DeclarationError(f"{place}: there is no type `{wrong[0]}`. There is: {', '.join(_TYPES)}.")
        if "$ref" in part:
            resolved(part, schema)


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Schema:
    """Return a schema with its reference followed; what stands beside the reference holds too.

    Raises:
        DeclarationError: it refers to nothing.
    """
    found = dict(schema)
    for _ in range(MOST_DEPTH):
        reference = found.pop("$ref", None)
        if reference is None:
            return found
        target: Any = root
        for key in str(reference).removeprefix("#").strip("/").split("/"):
            if key:
                target = (
                    target.get(key.replace("~1", "/").replace("~0", "~"))
                    if isinstance(target, dict)
                    else None
                )
        if not isinstance(target, dict):
            break
        found = {**target, **found}
    raise DeclarationError(
        f"The schema refers to `{schema.get('$ref')}`, which it does not hold. Add it below `$defs`."
    )


def check_answer(value: Any, schema: Mapping[str, Any]) -> None:
    """Check an answer, as JSON.

    Raises:
        TypeMismatchError: it does not fit; the message says where and what is expected.
    """
    problem = next(_problems(value, schema, schema, "", 0), None)
    if problem is not None:
        raise TypeMismatchError(problem)


def as_json(value: Any) -> Any:
    """Return an answer that was given as a Python value as JSON has it."""
    pydantic = sys.modules.get("pydantic")

    def plain(one: Any) -> Any:
        if pydantic is not None and isinstance(one, pydantic.BaseModel):
            return one.model_dump(mode="json")
        raise NotImplementedError

    try:
        return msgspec.json.decode(msgspec.json.encode(value, enc_hook=plain))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise TypeMismatchError(
            f"The answer is a {type(value).__name__}, which cannot be written as JSON. Give plain values."
        ) from error


def fits(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Tell whether a value fits a part of a schema."""
    return next(_problems(value, schema, root, "", 0), None) is None


def expected(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """Return in words what a schema takes."""
    schema = resolved(schema, root)
    if "const" in schema:
        return _shown(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(_shown, schema["enum"]))
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(expected(one, root) for one in options)
    kinds = schema.get("type")
    listed = [kinds] if isinstance(kinds, str) else kinds or []
    return " or ".join(_TYPES[one] for one in listed) or "any value"


def _parts(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, schema
    if not isinstance(schema, dict):
        return
    for key in ("properties", "$defs", "definitions"):
        for name, part in (schema.get(key) or {}).items():
            yield from _parts(part, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties"):
        if key in schema and not isinstance(schema[key], bool):
            yield from _parts(schema[key], f"{path}/{key}")
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, part in enumerate(schema.get(key) or ()):
            yield from _parts(part, f"{path}/{key}/{number}")


def _problems(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str, depth: int
) -> Iterator[str]:
    """Yield what is wrong with a value, one sentence each."""
    place = f"`{path.removeprefix('.')}`" if path else "The answer"
    if depth > MOST_DEPTH:
        yield f"{place} is nested too deeply."
        return
    schema = resolved(schema, root)
    if not _is_plainly(value, schema):
        yield f"{place} is {_shown(value)}. Expected: {expected(schema, root)}."
        return
    for said in _limits(value, schema):
        yield f"{place} is {_shown(value)}, which {said}."
    if isinstance(value, dict):
        yield from _object_problems(value, schema, root, path, depth)
    if isinstance(value, list):
        first = schema.get("prefixItems") or []
        rest = schema.get("items", True)
        if rest is False and len(value) > len(first):
            yield f"{place} has {len(value)} items. Expected: at most {len(first)}."
        for number, item in enumerate(value):
            part = first[number] if number < len(first) else rest
            if isinstance(part, dict):
                yield from _problems(item, part, root, f"{path}[{number}]", depth + 1)
    for part in schema.get("allOf") or ():
        yield from _problems(value, part, root, path, depth + 1)
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if options is None:
            continue
        found = [list(_problems(value, one, root, path, depth + 1)) for one in options]
        fitting = sum(not one for one in found)
        if not fitting:
            near = [
                one
                for one, part in zip(found, options, strict=True)
                if _is_plainly(value, resolved(part, root))
            ]
            yield (
                near[0][0]
                if len(near) == 1
                else f"{place} is {_shown(value)}. Expected: {expected(schema, root)}."
            )
        elif word == "oneOf" and fitting > 1:
            yield f"{place} is {_shown(value)}, which fits more than one of what is possible."


def _object_problems(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: str, depth: int
) -> Iterator[str]:
    known = schema.get("properties") or {}
    others = schema.get("additionalProperties", True)
    place = f"`{path.removeprefix('.')}`" if path else "The answer"
    for name in schema.get("required") or ():
        if name not in value:
            yield f"{place} lacks `{name}`. Expected: {expected(known.get(name, {}), root)}."
    for name, item in value.items():
        part = known.get(name, others)
        if part is False:
            listed = ", ".join(f"`{one}`" for one in known) or "none"
            yield f"{place} has `{name}`, which was not asked for. The fields are: {listed}."
        elif isinstance(part, dict):
            yield from _problems(item, part, root, f"{path}.{name}", depth + 1)


def _is_plainly(value: Any, schema: Mapping[str, Any]) -> bool:
    """Tell whether a value is of the type that is asked for, and one of the values that are listed."""
    kinds = schema.get("type")
    if kinds is not None and not any(
        _is_a(value, one) for one in ([kinds] if isinstance(kinds, str) else kinds)
    ):
        return False
    if "const" in schema and not _same(value, schema["const"]):
        return False
    return "enum" not in schema or any(_same(value, one) for one in schema["enum"])


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int):
        return kind in ("integer", "number")
    if isinstance(value, float):
        return math.isfinite(value) and (kind == "number" or (kind == "integer" and value.is_integer()))
    return isinstance(value, _PYTHON.get(kind, ()))


_PYTHON: dict[str, type] = {"string": str, "array": list, "object": dict, "null": type(None)}


def _limits(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    for key, words, is_met in _NUMBERS if is_number else ():
        if key in schema and not is_met(value, schema[key]):
            yield f"is not {words} {schema[key]:g}"
    for low, high, kind, unit in (
        ("minLength", "maxLength", str, "letters"),
        ("minItems", "maxItems", list, "items"),
    ):
        if isinstance(value, kind):
            length = len(value)
            if length < schema.get(low, 0):
                yield f"has {length} {unit} and needs at least {schema[low]}"
            if length > schema.get(high, math.inf):
                yield f"has {length} {unit} and may have {schema[high]}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"does not match `{schema['pattern']}`"
    form = _FORMATS.get(schema.get("format", ""))
    if isinstance(value, str) and form is not None and not _is_convertible(value, form):
        yield f"is no {schema['format']}"
    if (
        isinstance(value, list)
        and schema.get("uniqueItems")
        and any(_same(one, other) for number, one in enumerate(value) for other in value[:number])
    ):
        yield "holds the same item twice"


_NUMBERS: tuple[tuple[str, str, Any], ...] = (
    ("minimum", "at least", lambda value, limit: value >= limit),
    ("maximum", "at most", lambda value, limit: value <= limit),
    ("exclusiveMinimum", "more than", lambda value, limit: value > limit),
    ("exclusiveMaximum", "less than", lambda value, limit: value < limit),
    ("multipleOf", "a multiple of", lambda value, limit: abs(math.remainder(value, limit)) < 1e-9),
)


_FORMATS: dict[str, Any] = {
    "date": dt.date,
    "date-time": dt.datetime,
    "time": dt.time,
    "duration": dt.timedelta,
    "uuid": uuid.UUID,
}
"""Other formats are only told."""


def _is_convertible(value: str, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _same(value: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:59] + "…"
