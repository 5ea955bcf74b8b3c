"""Read values from the command line as the types of a step ask.

`--param rate=0.1 --param layers=[64,32]` gives texts; the annotation of the parameter says what they mean.
"""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, get_args, get_origin

from zenml.config.preview import preview
from zenml.errors import TypeMismatchError
from zenml.signatures.type_config import from_config
from zenml.signatures.type_match import ELEMENT_CONTAINERS, is_model, is_typed_dict, key_and_value
from zenml.signatures.type_names import (
    bare,
    capitalised,
    describe,
    is_open,
    strictest_first,
    union_members,
)

# What a text may say, in any case of letters.
_WORDS: dict[Any, dict[str, bool | None]] = {
    bool: {
        **dict.fromkeys(("true", "yes", "on", "1"), True),
        **dict.fromkeys(("false", "no", "off", "0"), False),
    },
    NoneType: {"none": None, "null": None},
}


def from_text(text: str, annotation: Any, *, what: str = "value") -> Any:
    """Read a value from the command line (`--param rate=0.1`) as its annotation asks, and check it.

    Containers, dataclasses and models are written as JSON; a list of simple values may be written with
    commas. Without an annotation, what JSON can read is read as JSON and the rest stays text.

    Raises:
        TypeMismatchError: the text does not stand for a value of that type.
    """
    try:
        value = _parsed(text, annotation)
    except (ValueError, LookupError, ArithmeticError) as error:
        raise TypeMismatchError(
            f"{capitalised(what)} must be `{describe(annotation)}`, but {preview(text)} is not. "
            f"{_advice(annotation)}"
        ) from error
    return from_config(value, annotation, what=what)


def _parsed(text: str, annotation: Any) -> Any:
    """Read a text as a value that `from_config` can convert further.

    Raises:
        ValueError: the text does not stand for a value of that type.
    """
    annotation = bare(annotation)
    members = union_members(annotation)
    if len(members) > 1:
        return _parsed_as_member(text, members)
    origin = get_origin(annotation) or annotation
    if is_open(origin) or is_model(origin):
        return _json_or_text(text)
    if origin is Literal or hasattr(origin, "__members__"):
        return _chosen(text, annotation)
    if origin in _WORDS:
        return _WORDS[origin][text.lower()]
    if origin in {int, float, complex}:
        return origin(text)
    if (origin is tuple or origin in ELEMENT_CONTAINERS) and not text.lstrip().startswith("["):
        return _comma_separated(text, get_args(annotation))
    return _json(text) if _is_written_as_json(origin) else text


def _parsed_as_member(text: str, members: tuple[Any, ...]) -> Any:
    """Read a text as the strictest member of a union that it fits; `list[str] | str` needs brackets for a list."""
    is_json = text.lstrip().startswith(("[", "{"))
    for member in strictest_first(members):
        if not is_json and _is_written_as_json(get_origin(bare(member)) or bare(member)):
            continue
        try:
            return from_config(_parsed(text, member), member)
        except (ValueError, LookupError, ArithmeticError, TypeMismatchError):
            continue
    raise ValueError(text)


def _chosen(text: str, annotation: Any) -> Any:
    """Choose the member of a `Literal` or an enum that a text names, or whose value it spells."""
    choices = _choices(annotation)
    folded = {name.lower(): value for name, value in reversed(choices.items())}
    if text not in choices and text.lower() not in folded:
        raise ValueError(text)
    return choices[text] if text in choices else folded[text.lower()]


def _choices(annotation: Any) -> dict[str, Any]:
    if get_origin(annotation) is Literal:
        return {str(getattr(value, "name", value)): value for value in get_args(annotation)}
    by_value = {str(member.value): member for member in annotation}
    return {**annotation.__members__, **by_value}


def _comma_separated(text: str, arguments: tuple[Any, ...]) -> list[Any]:
    """Read items that are separated by commas."""
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    types = arguments if len(arguments) == len(items) else (arguments or (Any,))[:1] * len(items)
    return [_parsed(item, type_) for item, type_ in zip(items, types, strict=True)]


def _is_written_as_json(class_: Any) -> bool:
    is_container = class_ is tuple or class_ in ELEMENT_CONTAINERS or bool(key_and_value(class_, (Any, Any)))
    return (
        is_container or is_typed_dict(class_) or hasattr(class_, "__dataclass_fields__") or is_model(class_)
    )


def _json(text: str) -> Any:
    import json

    return json.loads(text)


def _json_or_text(text: str) -> Any:
    """Read a text as JSON, or as Python spells the constants, or leave it."""
    if text in {"True", "False", "None"}:
        return {"True": True, "False": False, "None": None}[text]
    try:
        return _json(text)
    except ValueError:
        return text


def _advice(annotation: Any) -> str:
    """Tell how a value of a type is written on the command line."""
    members = [member for member in union_members(bare(annotation)) if member is not NoneType]
    annotation = bare(members[0]) if len(members) == 1 else annotation
    origin = get_origin(annotation) or annotation
    if origin is bool:
        return "Write `true` or `false`."
    if origin is Literal or hasattr(origin, "__members__"):
        return f"Choose one of {', '.join(f'`{name}`' for name in _choices(annotation))}."
    if _is_written_as_json(origin):
        return """Write it as JSON, such as '[1, 2]' or '{"a": 1}'."""
    return "Write a value of that type, or change the annotation."
