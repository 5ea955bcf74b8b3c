"""Describe a function for the walk: its shape, and everything that its names lead to.

Names are looked up where the function itself would look: captured variables in its cells, others among the globals
of its module and the builtins. Attributes are followed through modules, so `features.clean` leads to that one
function and not to the whole of `features`.
"""

from __future__ import annotations

import builtins
import functools
import sys
import types
from typing import Any

from zenml.fingerprint.code_node import Node
from zenml.fingerprint.code_shape import CodeShape, Import, Reference, shape_of
from zenml.fingerprint.code_walk import Walk
from zenml.fingerprint.packages import module_name, package_of_module, package_of_type
from zenml.fingerprint.source_text import changed_since_start, decorators_of
from zenml.fingerprint.value_kinds import parts_of
from zenml.fingerprint.wrappers import is_own


def describe_function(walk: Walk, node: Node, function: types.FunctionType) -> None:
    """Describe a function of the project."""
    code = function.__code__
    shape = shape_of(code)
    node.file, node.line = code.co_filename, code.co_firstlineno
    node.shape.append(shape.digest)
    node.docs = repr((function.__doc__, shape.docs))
    walk.reads_docs |= shape.reads_docs
    cells = _cells(function)
    for number, name in enumerate(shape.free_names):
        value = cells.get(name, _ABSENT)
        if value is not _ABSENT and not isinstance(value, types.ModuleType):
            walk.add_value(f"captured {number}", value, "closure", f"{node.name}.{name}")
    follow_names(walk, shape, function.__globals__, cells)
    for name, value in _defaults(function):
        walk.add_value(f"default {name}", value, "default", f"{node.name}.{name}")
    for name in sorted(function.__dict__):
        if not name.startswith("__zenml"):
            walk.add_value(f"attribute {name}", function.__dict__[name], "constant", f"{node.name}.{name}")
    _follow_annotations(walk, node, function)


def describe_decorators(walk: Walk, node: Node, function: types.FunctionType) -> None:
    """Describe the decorators of a function that an object of some package wraps, with what such an object may read."""
    code = function.__code__
    node.file, node.line = code.co_filename, code.co_firstlineno
    node.shape.append(repr(function.__doc__))
    annotate = _annotate(function)
    if annotate is not None:
        node.shape.append(shape_of(annotate.__code__).digest)
    else:
        walk.add_shape("annotations", dict(function.__annotations__))
    decorators = decorators_of(function)
    foreign = [each for each in decorators or () if not _is_ours(each.path, function.__globals__)]
    if not foreign and not walk.is_read(function):
        walk.unseen("is wrapped by an object of a package whose settings cannot be seen.")
    for decorator in foreign:
        shape = shape_of(decorator.code)
        node.shape.append(shape.digest)
        follow_names(walk, shape, function.__globals__, _cells(function))
    changed = changed_since_start(code.co_filename)
    if changed:
        node.shape.append(f"changed {changed}")
        walk.unseen(
            "has decorators in a file that was changed after this process began; their text may be newer."
        )


def follow_names(walk: Walk, shape: CodeShape, names: dict[str, Any], cells: dict[str, object]) -> None:
    """Add what the names in a piece of code lead to, and what it imports."""
    for reference in shape.references:
        if reference.is_free:
            value = cells.get(reference.name, _ABSENT)
            if isinstance(value, types.ModuleType):
                _follow(walk, reference, value, names)
        elif reference.name in names:
            if reference.name not in _PLACES:
                _follow(walk, reference, names[reference.name], names)
        elif reference.name in _DYNAMIC and hasattr(builtins, reference.name):
            _note_dynamic(walk, reference, reference.name)
    if shape.imports:
        walk.imports(shape.imports, _package(names))


_ABSENT = object()
# Where a module lies is not part of what it does.
_PLACES = frozenset(
    {
        "__name__",
        "__file__",
        "__path__",
        "__spec__",
        "__loader__",
        "__package__",
        "__cached__",
        "__builtins__",
    }
)
_DYNAMIC = {
    "exec": "calls `exec`, and the code that it runs is not seen.",
    "eval": "calls `eval`, and the code that it runs is not seen.",
    "globals": "calls `globals`, and what it looks up there is not seen.",
    "__import__": "calls `__import__`, and the module that it loads is not seen.",
    "importlib.import_module": "calls `importlib.import_module`, and the module that it loads is not seen.",
    "sys.modules": "reads `sys.modules`, and what it looks up there is not seen.",
}


def _follow(walk: Walk, reference: Reference, value: object, names: dict[str, Any]) -> None:
    """Add what a reference leads to, from the value of its name through the attributes of modules."""
    namespace, module_name, name = names, str(names.get("__name__")), reference.name
    attributes = list(reference.attributes)
    key = reference.name
    while isinstance(value, types.ModuleType):
        if package_of_module(value) is not None:
            path = ".".join((value.__name__, *attributes[:1]))
            if path in _DYNAMIC:
                _note_dynamic(walk, reference, path)
            walk.add_value(key, value, "module", value.__name__)
            return
        if reference.is_open and not attributes:
            walk.unseen(f"looks up a computed name in the module `{value.__name__}`.")
        if not attributes:
            break
        namespace, module_name, name = value.__dict__, value.__name__, attributes.pop(0)
        key = f"{key}.{name}"
        inner = sys.modules.get(f"{module_name}.{name}", _ABSENT)
        value = namespace.get(name, inner)
        if value is _ABSENT:
            walk.unseen(f"uses `{key}`, which the module `{module_name}` does not have yet.")
            return
    if value is getattr(sys.modules.get("importlib"), "import_module", _ABSENT):
        _note_dynamic(walk, reference, "importlib.import_module")
    walk.add_value(key, value, "constant", f"{module_name}.{name}", shared=id(namespace))


def _note_dynamic(walk: Walk, reference: Reference, feature: str) -> None:
    """Note a feature that hides code, unless it is an import with a constant name."""
    is_import = feature in {"__import__", "importlib.import_module"}
    if is_import and reference.text and not reference.text.startswith("."):
        walk.imports((Import(reference.text, 0, ()),), "")
    else:
        walk.unseen(_DYNAMIC[feature])


def _is_ours(path: tuple[str, ...], names: dict[str, Any]) -> bool:
    """Tell whether a decorator is one of our own; its options are part of the cache key by themselves."""
    value = names.get(path[0], _ABSENT) if path else _ABSENT
    for name in path[1:]:
        if not isinstance(value, types.ModuleType) or is_own(value):
            break
        value = value.__dict__.get(name, _ABSENT)
    if value is _ABSENT:
        return path[-1:] in {("step",), ("pipeline",)}
    return is_own(value)


def _cells(function: types.FunctionType) -> dict[str, object]:
    """Return the captured variables that have a value."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # assigned later, if at all
    return found


def _defaults(function: types.FunctionType) -> list[tuple[str, object]]:
    """Return the parameters with a default."""
    defaults = function.__defaults__ or ()
    code = function.__code__
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    keywords = function.__kwdefaults__ or {}
    return [*zip(names, defaults, strict=True), *sorted(keywords.items())]


def _package(names: dict[str, Any]) -> str:
    """Return the package that relative imports start from."""
    package = names.get("__package__")
    if isinstance(package, str):
        return package
    name = str(names.get("__name__") or "")
    return name if "__path__" in names else name.rpartition(".")[0]


def _follow_annotations(walk: Walk, node: Node, function: types.FunctionType) -> None:
    """Add the project's classes that the annotations name: their methods are called on the arguments."""
    annotate = _annotate(function)
    if annotate is not None:
        names = {**function.__globals__, **_cells(annotate)}
        found = [_look_up(each, names) for each in shape_of(annotate.__code__).references]
        _follow_classes(walk, node, found, function.__globals__)
    elif function.__annotations__:
        _follow_classes(walk, node, list(function.__annotations__.values()), function.__globals__)


def _annotate(function: types.FunctionType) -> types.FunctionType | None:
    """Return the function that Python 3.14 evaluates annotations with; it is read here, never called."""
    found = getattr(function, "__annotate__", None)
    return found if isinstance(found, types.FunctionType) else None


def _follow_classes(walk: Walk, node: Node, values: list[Any], names: dict[str, Any]) -> None:
    """Add the project's classes among annotations, those inside of generic types included."""
    waiting = list(reversed(values))
    while waiting:
        value = waiting.pop()
        if issubclass(type(value), type):  # `isinstance` would take `list[int]` for a class
            if package_of_type(value) is None:
                node.links.append(f"annotation {walk.cls(value)}")
            else:
                walk.package(module_name(value))  # its methods are not named in the code either
        elif isinstance(value, str):
            waiting += reversed(_named_in(value, names))
        elif type(value).__module__ in {"typing", "types"} and (parts := parts_of(value, type(value))):
            waiting += reversed(parts[2])


def _named_in(annotation: str, names: dict[str, Any]) -> list[object]:
    """Return the classes that an annotation in quotes names, by plain lookup."""
    return [value for each in _parsed(annotation) if isinstance(value := _look_up(each, names), type)]


@functools.lru_cache(maxsize=1024)
def _parsed(annotation: str) -> tuple[Reference, ...]:
    """Return the names in an annotation in quotes."""
    try:
        return shape_of(compile(annotation, "<annotation>", "eval", dont_inherit=True)).references
    except (SyntaxError, ValueError):
        return ()  # the text of a `Literal`, most likely


def _look_up(reference: Reference, names: dict[str, Any]) -> object:
    """Return what a reference leads to through modules; None if nothing."""
    value = names.get(reference.name)
    for name in reference.attributes:
        if not isinstance(value, types.ModuleType):
            break
        value = value.__dict__.get(name)
    return value
