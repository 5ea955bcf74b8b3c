"""What a question asks for: the JSON Schema of a type, and an answer turned into a value of the type.

Types are msgspec's business; those that hold pydantic models are pydantic's, which is used only where one is.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from zenml.errors import DeclarationError, TypeMismatchError
from zenml.records.answer_schema import check_answer, check_schema, resolved


def schema_of(wanted: Any, what: str) -> dict[str, Any]:
    """Return the JSON Schema of what is asked for.

    Args:
        wanted: a type or annotation; a JSON Schema itself; None for yes or no.
        what: whose schema it is, for messages.

    Raises:
        DeclarationError: no answer to it could be written as JSON, or it asks for what is not checked.
    """
    if wanted is None:
        return {"type": "boolean"}
    if isinstance(wanted, Mapping):
        schema = dict(wanted)
        try:
            schema = msgspec.json.decode(msgspec.json.encode(schema))
        except (TypeError, ValueError) as error:
            raise DeclarationError(
                f"{what}: its schema is no JSON ({error}). Write it as JSON would."
            ) from error
    else:
        schema = _schema_of_type(wanted, what)
    check_schema(schema, what)
    schema = _without_reference(schema)
    if not isinstance(wanted, Mapping):
        _close(schema)
        _put_in_order(schema, wanted)
    return schema


def read_answer(wanted: Any, answer: Any, schema: Mapping[str, Any]) -> Any:
    """Return an answer as a value of the type that was asked for.

    Raises:
        TypeMismatchError: it does not fit.
    """
    check_answer(answer, schema)
    if wanted is None or isinstance(wanted, Mapping):
        return answer
    try:
        if _needs_pydantic(wanted):
            return sys.modules["pydantic"].TypeAdapter(wanted).validate_python(answer)
        return msgspec.convert(answer, wanted, strict=True)
    except (
        ValueError
    ) as error:  # what validators of the user's own say; both libraries' errors are ValueErrors
        raise TypeMismatchError(f"The answer {_shown(answer)} does not fit: {error}") from error


def _schema_of_type(wanted: Any, what: str) -> dict[str, Any]:
    try:
        if _needs_pydantic(wanted):
            found: dict[str, Any] = sys.modules["pydantic"].TypeAdapter(wanted).json_schema()
            return found
        return msgspec.json.schema(wanted)
    except Exception as error:  # a type may be anything; both libraries raise errors of their own
        name = getattr(wanted, "__name__", None) or repr(wanted)
        raise DeclarationError(
            f"{what}: nobody can be asked for a `{name}` ({type(error).__name__}: {error}). Ask for bool, int, float, str, "
            "Literal, an Enum of texts or numbers, a list, a dataclass, a TypedDict, a pydantic model, or give a JSON Schema."
        ) from error


def _needs_pydantic(wanted: Any) -> bool:
    """Tell whether a type is or holds a pydantic model, which msgspec does not know."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return False
    waiting, seen = [wanted], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, type) and issubclass(one, pydantic.BaseModel):
            return True
        waiting += getattr(one, "__args__", ())
        if isinstance(one, type) and (hasattr(one, "__dataclass_fields__") or hasattr(one, "__total__")):
            waiting += _hints(one)
    return False


def _hints(kind: type) -> list[Any]:
    import typing

    try:
        return list(typing.get_type_hints(kind).values())
    except Exception:  # names that are not there are told of by whoever makes the schema
        return []


def _without_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose outermost part is no reference, so that its title and type are at hand."""
    if "$ref" not in schema:
        return schema
    found = resolved(schema, schema)
    name = str(schema["$ref"]).rpartition("/")[2]
    others = {one: part for one, part in found.get("$defs", {}).items() if one != name}
    shorter = {**found, "$defs": others} if others else {key: found[key] for key in found if key != "$defs"}
    is_recursive = f'/{name}"'.encode() in msgspec.json.encode(shorter)
    return found if is_recursive else shorter


def _put_in_order(schema: dict[str, Any], wanted: Any) -> None:
    """Have choices and fields in the order in which they are declared; msgspec sorts some."""
    declared: list[Any] = list(getattr(wanted, "__args__", ()))
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        declared = [member.value for member in wanted]
    choices = schema.get("enum")
    if choices and all(one in declared for one in choices):
        schema["enum"] = sorted(choices, key=declared.index)
    fields, names = schema.get("properties"), list(getattr(wanted, "__annotations__", ()))
    if fields and hasattr(wanted, "__total__") and set(fields) == set(names):
        schema["properties"] = {name: fields[name] for name in names}


def _close(schema: Any) -> None:
    """Have a field that a type lacks be a mistake: it would be lost without a word."""
    if isinstance(schema, list):
        for part in schema:
            _close(part)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    for key, part in schema.items():
        if key not in ("default", "enum", "const", "examples"):
            _close(part)


def _shown(answer: Any) -> str:
    text = msgspec.json.encode(answer).decode()
    return text if len(text) <= 60 else text[:59] + "…"
