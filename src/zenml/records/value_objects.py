"""Enum members, dataclass instances and pydantic models, taken apart and put together again.

Nothing is called that a class defines itself: a state is read from the instance and set on a
new one, as `copy` does. So validators and `__post_init__` do not run a second time, and what
cannot come back exactly (a class with its own pickling, attributes outside the fields, a type
inside a function) is refused here.
"""

from __future__ import annotations

import enum
import sys
from typing import Any

from zenml.errors import MaterializerError
from zenml.records import type_names

OBJECT_TAGS = ("enum", "dataclass", "pydantic")

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by a `class` statement
_PICKLING = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
)
_PYDANTIC_STATE = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")


def find_tag(kind: type) -> str | None:
    """Return which of the three kinds of object a type makes, if any."""
    if isinstance(kind, enum.EnumMeta):
        return "enum"
    pydantic = sys.modules.get("pydantic.main")
    if pydantic is not None and issubclass(kind, pydantic.BaseModel):
        return "pydantic"
    return "dataclass" if "__dataclass_fields__" in vars(kind) else None


def take_apart(tag: str, value: Any) -> tuple[str, Any]:
    """Return the name of the value's type and its state; raise `MaterializerError` with the reason if it has none."""
    kind = type(value)
    name = type_names.name_of(kind)
    if name is None:
        raise MaterializerError(
            "is of a type that cannot be imported by its name; move the type to the top level of a module"
        )
    if tag == "enum":
        return name, _enum_state(value)
    return name, _pydantic_state(value) if tag == "pydantic" else _dataclass_state(value)


def put_together(tag: str, name: str, state: Any) -> Any:
    """Make the object again; the inverse of `take_apart`."""
    kind = type_names.resolve(name)
    if find_tag(kind) != tag:
        raise MaterializerError(
            f"`{name}` was a {tag} type when a value of it was stored, and is none now. Run the producing step again."
        )
    if tag == "enum":
        return _find_member(kind, name, state)
    return _make_model(kind, name, state) if tag == "pydantic" else _make_dataclass(kind, name, state)


def _enum_state(member: Any) -> Any:
    if member.name in type(member).__members__ and type(member)[member.name] is member:
        return member.name
    return [member.value]  # a combination of flags has a value, but no name of its own


def _find_member(kind: Any, name: str, state: Any) -> Any:
    try:
        return kind[state] if isinstance(state, str) else kind(state[0])
    except (KeyError, ValueError) as error:
        raise MaterializerError(
            f"`{name}` no longer has the member {state!r} that a stored value holds. Put the member back, or run"
            " the producing step again."
        ) from error


def _dataclass_state(value: Any) -> dict[str, Any]:
    kind = type(value)
    if any(not base.__flags__ & _HEAP_TYPE for base in kind.__mro__[:-1]):
        raise MaterializerError("is a dataclass that also inherits from a built-in type")
    for method in _PICKLING:
        defined = getattr(kind, method, None)
        if (
            defined is not getattr(object, method, None)
            and getattr(defined, "__module__", "") != "dataclasses"
        ):
            raise MaterializerError(f"is a dataclass with its own `{method}`")
    fields = kind.__dataclass_fields__
    names = [name for name, field in fields.items() if field._field_type.name == "_FIELD"]
    if extra := set(getattr(value, "__dict__", ())) - set(names):
        raise MaterializerError(f"has the attribute `{min(extra)}`, which is not a field of its dataclass")
    try:
        return {name: getattr(value, name) for name in names}
    except AttributeError as error:
        raise MaterializerError(f"is a dataclass with a field that was never set: {error}") from error


def _make_dataclass(kind: Any, name: str, state: dict[str, Any]) -> Any:
    from dataclasses import MISSING

    fields = {
        key: field for key, field in kind.__dataclass_fields__.items() if field._field_type.name == "_FIELD"
    }
    _refuse_unknown(name, state, fields)
    value = object.__new__(kind)
    for key, field in fields.items():
        if key in state:
            content = state[key]
        elif field.default is not MISSING:
            content = field.default
        elif field.default_factory is not MISSING:
            content = field.default_factory()
        else:
            raise _missing_field(name, key)
        object.__setattr__(value, key, content)
    return value


def _pydantic_state(value: Any) -> dict[str, Any]:
    kind = type(value)
    base = sys.modules["pydantic.main"].BaseModel
    for method in (*_PICKLING, "__copy__", "__deepcopy__"):
        if getattr(kind, method, None) is not getattr(base, method, None):
            raise MaterializerError(f"is a pydantic model with its own `{method}`")
    state = {name: getattr(value, name) for name in _PYDANTIC_STATE}
    fields = type(value).model_fields
    if extra := set(state["__dict__"]) - set(fields):
        raise MaterializerError(f"has the attribute `{min(extra)}`, which is not a field of its model")
    if state["__pydantic_private__"] is not None:
        # Private attributes that were never set hold a sentinel of pydantic itself.
        state["__pydantic_private__"] = dict(state["__pydantic_private__"])
    return state


def _make_model(kind: Any, name: str, state: dict[str, Any]) -> Any:
    values, fields = dict(state["__dict__"]), kind.model_fields
    _refuse_unknown(name, values, fields)
    for key, field in fields.items():
        if key not in values:
            if field.is_required():
                raise _missing_field(name, key)
            values[key] = field.get_default(call_default_factory=True)
    model = kind.__new__(kind)
    model.__setstate__({**state, "__dict__": values})
    return model


def _refuse_unknown(name: str, state: dict[str, Any], fields: Any) -> None:
    if unknown := set(state) - set(fields):
        raise MaterializerError(
            f"`{name}` no longer has the field `{min(unknown)}` that a stored value holds. Put the field back, or"
            " run the producing step again."
        )


def _missing_field(name: str, key: str) -> MaterializerError:
    return MaterializerError(
        f"`{name}` now has the field `{key}` without a default, and a stored value does not hold it. Give the"
        " field a default, or run the producing step again."
    )
