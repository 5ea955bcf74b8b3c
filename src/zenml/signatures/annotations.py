"""Turn a function's annotations into live types.

Most annotations resolve as `typing.get_type_hints` resolves them. Where one does not, because a name is
imported for type checkers only, the rest of it is kept and the missing name becomes an `Unresolved`
class that fits everything. So `tuple[Annotated[DataFrame, "rows"], int]` keeps its output names even
though `DataFrame` cannot be found.
"""

from __future__ import annotations

import typing
from typing import Any

from zenml.signatures.callables import AnyFunction, implementation


class _UnresolvedType(type):
    """Lets `missing.Name` and `missing[int]` stand in an annotation whose `missing` is not importable."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return unresolved(name)

    def __getitem__(cls, _arguments: object) -> _UnresolvedType:
        return cls


class Unresolved(metaclass=_UnresolvedType):
    """Stands for a type whose name could not be found; it fits every value."""


def unresolved(name: str) -> Any:
    """Make the placeholder for the type called `name`."""
    return _UnresolvedType(name, (Unresolved,), {})


def is_unresolved(annotation: object) -> bool:
    """Tell whether an annotation is the placeholder of a name that was not found, or still is text."""
    return isinstance(annotation, (str, typing.ForwardRef, _UnresolvedType))


def read_annotations(function: AnyFunction) -> dict[str, Any]:
    """Read the live types of a function's parameters and of its result (under `return`)."""
    function = implementation(function)
    global_names, local_names = getattr(function, "__globals__", {}), _local_names(function)
    try:
        return typing.get_type_hints(function, global_names, local_names, include_extras=True)
    except Exception:  # the annotations are the user's and may fail in any way
        annotations = raw_annotations(function)
        return {name: _resolve(value, global_names, local_names) for name, value in annotations.items()}


def raw_annotations(function: AnyFunction) -> dict[str, Any]:
    """Read a function's annotations as they stand, text included."""
    try:
        return getattr(function, "__annotations__", None) or {}
    except NameError:  # Python 3.14 evaluates them only now, and a name exists for type checkers only
        import importlib

        annotationlib = importlib.import_module("annotationlib")
        forward = annotationlib.Format.FORWARDREF
        return dict(annotationlib.get_annotations(function, format=forward))


def _resolve(annotation: object, global_names: dict[str, Any], local_names: dict[str, Any]) -> object:
    """Resolve one annotation; a name that is nowhere becomes a placeholder."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if annotation is None:
        return type(None)
    if not isinstance(annotation, str):
        return annotation
    names = dict(local_names)
    while True:
        try:
            # As `typing` does: the text is the annotation that stands in the user's own source.
            value = eval(annotation, global_names, names)  # noqa: S307
        except NameError as error:
            if error.name is None or error.name in names:
                return Any
            # `typing` itself is often imported for type checkers only; its names are known anyway.
            names[error.name] = getattr(typing, error.name, None) or unresolved(error.name)
        except Exception:  # the text is the user's: a class may refuse `Series[int]` in any way
            return Any
        else:
            return type(None) if value is None else value


def _local_names(function: AnyFunction) -> dict[str, Any]:
    """Collect the names that an annotation can see besides the globals: closure and type parameters."""
    names: dict[str, Any] = {item.__name__: item for item in getattr(function, "__type_params__", ())}
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return names
