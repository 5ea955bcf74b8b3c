"""Look behind a callable: the function whose signature a caller sees, the code that runs, its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

AnyFunction = Callable[..., Any]
"""A user's function: its arguments and result can be anything."""


def unwrap(function: AnyFunction) -> AnyFunction:
    """Follow `functools.wraps` to the function whose signature a caller sees."""
    seen = {id(function)}
    while not hasattr(function, "__signature__"):
        inner: AnyFunction | None = getattr(function, "__wrapped__", None)
        if inner is None or id(inner) in seen:
            break
        seen.add(id(inner))
        function = inner
    return function


def implementation(function: AnyFunction) -> AnyFunction:
    """Find the plain function that runs behind a bound method, a partial or an object with `__call__`."""
    while type(function) is not FunctionType:
        if isinstance(function, MethodType):
            function = function.__func__
        elif callable(inner := getattr(function, "func", None)):  # functools.partial
            function = inner
        elif type(call := getattr(type(function), "__call__", None)) is FunctionType:  # noqa: B004 - its value counts
            function = call
        else:
            break
    return function


def name_of(function: AnyFunction) -> str:
    """Give the name of a function or, for an object that is called, of its class."""
    return getattr(function, "__name__", None) or type(function).__name__


def place_of(function: AnyFunction) -> str:
    """Say where a function is defined: `steps.py:12`, with folders as seen from the working directory."""
    code = getattr(implementation(function), "__code__", None)
    if code is None:
        return str(getattr(function, "__module__", None) or type(function).__module__)
    try:
        here = os.getcwd() + os.sep
    except FileNotFoundError:  # the working directory was deleted
        here = os.sep
    return f"{code.co_filename.removeprefix(here)}:{code.co_firstlineno}"
