"""Take types apart and name them: the vocabulary of the type checks and of their messages."""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import lru_cache, update_wrapper
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, TypeVarTuple, Union, get_args, get_origin

from zenml.signatures.annotations import is_unresolved

_Types = TypeVarTuple("_Types")
_Answer = TypeVar("_Answer")


# Marks around a type that say nothing about its values: what meets `int` meets `Required[int]`.
_MARKS = frozenset({"ClassVar", "Final", "Required", "NotRequired", "ReadOnly"})

# The members of a union in the order in which a text is tried; what takes every text comes last.
_STRICTEST_FIRST: tuple[Any, ...] = (NoneType, int, float, complex, bool)


def remembered(function: Callable[[*_Types], _Answer]) -> Callable[[*_Types], _Answer]:
    """Keep the answers of a function of types; a type that has no hash is asked about each time."""
    keeping = lru_cache(maxsize=2048)(function)

    def ask(*types: *_Types) -> _Answer:
        try:
            return keeping(*types)
        except TypeError:  # such as `Annotated[int, []]`
            return function(*types)

    return update_wrapper(ask, function)


def bare(annotation: Any) -> Any:
    """Take off what stands around a type: `Annotated`, `Required`, `NewType`, an alias."""
    while True:
        origin = get_origin(annotation)
        if _is_mark(origin):
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif (named := unaliased(annotation)) is not annotation:
            annotation = named
        else:
            return NoneType if annotation is None else annotation


def unaliased(annotation: Any) -> Any:
    """Look behind an alias that was made by a `type` statement, such as numpy's `NDArray[float]`."""
    while is_alias(annotation):
        alias = get_origin(annotation) or annotation
        try:
            value = alias.__value__
        except NameError:  # it speaks of a name that exists for type checkers only
            return Any
        given = dict(zip(alias.__type_params__, get_args(annotation), strict=False))
        wanted = tuple(given.get(parameter, Any) for parameter in getattr(value, "__parameters__", ()))
        annotation = value[wanted] if wanted else value
    return annotation


def is_alias(annotation: Any) -> bool:
    """Recognise an alias by name: it is of a class of Python 3.12 or of its backport."""
    return type(get_origin(annotation) or annotation).__name__ == "TypeAliasType"


def is_unpacked(annotation: Any) -> bool:
    """Recognise `*Ts` and `Unpack[...]`, which stand for any number of types."""
    return getattr(annotation, "__unpacked__", False) or "Unpack" in str(get_origin(annotation))


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union, and a single type as its only member; `annotation` is bare."""
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def strictest_first(members: tuple[Any, ...]) -> list[Any]:
    """Order the members of a union for conversions: in `Path | date`, a text that is a date becomes one.

    In `bool | int` the text `1` is the number, so truth values come after all numbers.
    """
    return sorted(members, key=_strictness)


def is_open(annotation: Any) -> bool:
    """Tell whether a bare annotation says nothing that a value could fail."""
    return annotation is Any or annotation is object or is_unresolved(annotation)


def describe(annotation: Any) -> str:
    """Name a type as one would write it, without modules: `list[int]`, `DataFrame`, `int | None`."""
    if annotation is None or annotation is NoneType:
        return "None"
    if annotation is ...:
        return "..."
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, (list, tuple)):  # the parameters of a Callable
        return f"[{', '.join(map(describe, annotation))}]"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return _plain_name(annotation)
    if _is_mark(origin):
        return describe(arguments[0])
    if origin in {Union, UnionType}:
        return " | ".join(map(describe, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    name = _plain_name(origin)
    if not arguments:
        return "tuple[()]" if annotation == tuple[()] else name
    return f"{name}[{', '.join(map(describe, arguments))}]"


def describe_exactly(annotation: Any) -> str:
    """Name a type with its module, where the short name does not tell two types apart."""
    module = getattr(annotation, "__module__", "builtins")
    return describe(annotation) if module == "builtins" else f"{module}.{describe(annotation)}"


def capitalised(what: str) -> str:
    """Begin a sentence with the name of a thing."""
    return f"{what[:1].upper()}{what[1:]}"


def _is_mark(origin: Any) -> bool:
    """Recognise a mark by its name, for `typing_extensions` has some of them before `typing` does."""
    if origin is None or origin is Annotated:
        return origin is Annotated
    return not isinstance(origin, type) and str(origin).rpartition(".")[2] in _MARKS


def _strictness(annotation: Any) -> int:
    annotation = bare(annotation)
    if get_origin(annotation) is Literal or hasattr(annotation, "__members__"):
        return -1
    if annotation in _STRICTEST_FIRST:
        return _STRICTEST_FIRST.index(annotation)
    takes_every_text = annotation is str or is_open(annotation)
    is_path = any(base.__name__ == "PurePath" for base in getattr(annotation, "__mro__", ()))
    return len(_STRICTEST_FIRST) + (2 if takes_every_text else 1 if is_path else 0)


def _plain_name(annotation: Any) -> str:
    if isinstance(annotation, TypeVar):
        return annotation.__name__
    name: str | None = getattr(annotation, "__qualname__", None) or getattr(annotation, "__name__", None)
    # A class inside a function shows as `outer.<locals>.Inner`; only the end says something.
    return (name or str(annotation)).rpartition("<locals>.")[2].replace("typing.", "")
