"""Look through objects that wrap functions: our own decorators, and those of packages.

Decorators that a project writes itself need nothing from here: the wrapped function is captured by the wrapper,
and the walk follows captured values. A package's decorator may return anything, so the usual places are searched.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator

from zenml.fingerprint.packages import OWN, package_of, package_of_type


def without_own(value: object) -> object:
    """Return the function that one of our own decorators wraps; any other value as it is."""
    kind = type(value)
    if kind is types.FunctionType:
        found = value.__dict__.get(_FUNCTION)
    elif any(_FUNCTION in base.__dict__ for base in kind.__mro__):
        found = getattr(value, _FUNCTION)
    else:
        found = _attributes(value).get(_FUNCTION)
    return value if found is None else found


def owner_of(function: types.FunctionType) -> str | None:
    """Return the package that a function is written in, whatever `functools.wraps` made it look like."""
    names = function.__globals__
    name, file = names.get("__name__"), names.get("__file__")
    return package_of(
        name if isinstance(name, str) else "",
        file if isinstance(file, str) else function.__code__.co_filename,
    )


def is_own(value: object) -> bool:
    """Tell whether a value is defined by this package."""
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0] == OWN
    if isinstance(value, types.FunctionType):
        return owner_of(value) == OWN
    return package_of_type(value if isinstance(value, type) else type(value)) == OWN


def wrapped_by(value: object) -> list[types.FunctionType | type]:
    """Return the functions and classes of the project that a package's object or function wraps."""
    found: dict[int, types.FunctionType | type] = {}
    _search(value, found, 0)
    return list(found.values())


_FUNCTION = "__zenml_function__"
# Wrappers around wrappers are followed so far.
_DEEPEST = 6


def _search(value: object, found: dict[int, types.FunctionType | type], depth: int) -> None:
    for candidate in _candidates(value):
        inner = without_own(candidate)
        if isinstance(inner, types.MethodType):
            inner = inner.__func__
        if isinstance(inner, types.FunctionType):
            if owner_of(inner) is None:
                found.setdefault(id(inner), inner)
            elif depth < _DEEPEST and (inner.__closure__ or inner.__dict__):
                _search(inner, found, depth + 1)
        elif isinstance(inner, type):
            if package_of_type(inner) is None:
                found.setdefault(id(inner), inner)
        elif depth < _DEEPEST and (
            isinstance(inner, functools.partial) or "__wrapped__" in _attributes(inner)
        ):
            _search(inner, found, depth + 1)


def _candidates(value: object) -> Iterator[object]:
    """Yield what a wrapper may wrap: what it captured, its attributes, and what it says it wraps."""
    if isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue  # not filled yet
            # `functools.singledispatch` keeps its functions in a dictionary
            yield from list(content.values()) if type(content) is dict else (content,)
    elif isinstance(value, functools.partial):
        yield value.func
        yield from value.args
        yield from value.keywords.values()
    yield from list(_attributes(value).values())
    for name in ("__wrapped__", "__func__", "py_func"):
        if any(name in base.__dict__ for base in type(value).__mro__):
            try:
                yield getattr(value, name)
            except Exception:  # noqa: S112  a property of a foreign class
                continue


def _attributes(value: object) -> dict[str, object]:
    """Return the attributes in the dictionary of an object, past any `__getattr__`."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}
