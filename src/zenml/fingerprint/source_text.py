"""Read the source of a function: for showing what changed, and for decorators whose effect cannot be seen otherwise.

The fingerprint itself does not need source. Only where a function is wrapped by a decorator of some package, written
in C perhaps, do the decorator's lines stand for what it was told. They are compiled, so formatting does not matter.
"""

from __future__ import annotations

import os
import types

import msgspec

from zenml.fingerprint.process_clock import process_start
from zenml.fingerprint.wrappers import without_own


class Decorator(msgspec.Struct, frozen=True):
    """One decorator line of a function: what it calls (`("tenacity", "retry")`), and its compiled expression."""

    path: tuple[str, ...]
    code: types.CodeType


def source_text(subject: object) -> str | None:
    """Return the dedented source of a function, class, step or pipeline; None if it cannot be found."""
    try:
        import inspect
        import textwrap

        return textwrap.dedent(inspect.getsource(without_own(subject)))  # type: ignore[arg-type]  # raises for others
    except Exception:  # many things go wrong with files and foreign objects, and the text is only shown
        return None


def decorators_of(function: types.FunctionType) -> tuple[Decorator, ...] | None:
    """Return the decorators of a function, outermost first; None if its source cannot be found."""
    code = function.__code__
    known = _decorators.get(id(code))
    if known is None:
        if len(_decorators) >= _MOST_DECORATORS:
            _decorators.clear()
        known = _decorators[id(code)] = (code, _read_decorators(code))
    return known[1]


def changed_since_start(file: str) -> int:
    """Return when `file` was modified, in nanoseconds, if that was after this process began; else 0."""
    try:
        modified = os.stat(file).st_mtime_ns
    except OSError:
        return 0  # a notebook cell, a zip file: nothing that is edited behind our back
    return modified if modified > process_start() * 1e9 else 0


# By id, with the code object held so that its id is not given to another. What was read first stays: later, the
# file may no longer be the one that was loaded.
_decorators: dict[int, tuple[types.CodeType, tuple[Decorator, ...] | None]] = {}
_MOST_DECORATORS = 1024


def _read_decorators(code: types.CodeType) -> tuple[Decorator, ...] | None:
    """Parse the lines from the first decorator on."""
    import ast

    text = source_text(code)
    try:
        statement = ast.parse(text or "").body[0]
    except (SyntaxError, ValueError, IndexError):
        return None
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) or statement.name != code.co_name:
        return None
    return tuple(
        Decorator(_path(expression), compile(ast.Expression(expression), "<decorator>", "eval"))
        for expression in statement.decorator_list
    )


def _path(expression: object) -> tuple[str, ...]:
    """Return the dotted name that a decorator calls or is."""
    import ast

    if isinstance(expression, ast.Call):
        return _path(expression.func)
    if isinstance(expression, ast.Attribute):
        return (*_path(expression.value), expression.attr)
    return (expression.id,) if isinstance(expression, ast.Name) else ()
