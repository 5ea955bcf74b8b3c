"""Find what an import statement inside a function would load, without loading it.

A step often imports what it needs in its body. Whether the module happens to be loaded already must not change
the fingerprint, so nothing is looked up among the loaded modules: the file is found as the import system would find
it, and it counts by its compiled code, together with the project modules that it imports in turn.
"""

from __future__ import annotations

import _ast
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.fingerprint.code_shape import Import, digest_of, shape_of
from zenml.fingerprint.packages import package_of

if TYPE_CHECKING:  # the module costs a millisecond, and the specs come from the import system itself
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec


class StaticModule(msgspec.Struct, frozen=True):
    """A module of the project, known by its file."""

    name: str
    file: str
    digest: str


class Imported(msgspec.Struct, frozen=True):
    """Everything that import statements lead to."""

    modules: tuple[StaticModule, ...]
    packages: tuple[tuple[str, str | None], ...]  # name and file
    missing: tuple[str, ...]  # nothing on the path has this name


def follow_imports(imports: tuple[Import, ...], package: str) -> Imported:
    """Return what the import statements of a module in `package` lead to, through project modules."""
    modules: dict[str, StaticModule] = {}
    packages: dict[str, str | None] = {}
    missing: dict[str, None] = {}
    waiting = [name for item in imports for name in _names(item, package)]
    seen: set[str] = set()
    while waiting:
        name, is_certain = waiting.pop()
        if name in seen:
            continue
        spec = _find(name)
        if spec is None:
            if is_certain:
                missing[name] = None
            continue
        seen.add(name)
        owner = package_of(name, spec.origin if spec.has_location else None)
        if owner is not None:
            packages.setdefault(owner, spec.origin)
            continue
        parent = name.rpartition(".")[0]
        if parent:
            waiting.append((parent, True))
        if not spec.has_location or spec.origin is None:
            continue  # a folder without `__init__.py` holds no code itself
        digest, inner = _read(spec.origin)
        modules[name] = StaticModule(name, spec.origin, digest)
        inside = name if spec.submodule_search_locations is not None else parent
        waiting += [found for item in inner for found in _names(item, inside)]
    return Imported(
        modules=tuple(modules[name] for name in sorted(modules)),
        packages=tuple(sorted(packages.items())),
        missing=tuple(sorted(missing)),
    )


def _names(item: Import, package: str) -> list[tuple[str, bool]]:
    """Return the modules that an import statement names, and whether each must exist as a module."""
    name = item.name
    if item.level:
        parts = package.split(".")
        base = ".".join(parts[: len(parts) - item.level + 1])
        name = f"{base}.{name}" if name else base
    # `from features import clean`: `clean` may be a module, or a name in one.
    inner = [(f"{name}.{each}", False) for each in item.names if each != "*"]
    return [(name, True), *inner]


_specs: dict[tuple[str, tuple[str, ...]], ModuleSpec] = {}
# By file: the time and size it was read at, the digest of its code, and its imports.
_read_files: dict[str, tuple[tuple[int, int], str, tuple[Import, ...]]] = {}


def _find(name: str) -> ModuleSpec | None:
    """Return the spec of a module; unlike `importlib.util.find_spec`, without importing its parents."""
    key = (name, tuple(sys.path))
    if key in _specs:
        return _specs[key]
    folders: list[str] | None = None
    spec: ModuleSpec | None = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        if count > 1 and folders is None:
            return None
        spec = _ask_finders(".".join(parts[:count]), folders)
        if spec is None:
            return None
        if spec.submodule_search_locations is None:
            folders = None
        elif spec.has_location:
            folders = list(spec.submodule_search_locations)
        else:  # a namespace; asking it for its folders would need its parents to be loaded
            bases = sys.path if folders is None else folders
            folders = [os.path.join(base, parts[count - 1]) for base in bases]
    if spec is not None:
        _specs[key] = spec
    return spec


def _ask_finders(name: str, folders: list[str] | None) -> ModuleSpec | None:
    """Return the first answer of the import system's finders."""
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, folders)
        except Exception:  # noqa: S112  a finder is foreign code, and another one may know the module
            continue
        if spec is not None:
            return spec
    return None


def _read(file: str) -> tuple[str, tuple[Import, ...]]:
    """Return the digest of the code in `file`, and its import statements."""
    try:
        status = os.stat(file)
        stamp = (status.st_mtime_ns, status.st_size)
        known = _read_files.get(file)
        if known is None or known[0] != stamp:
            with open(file, "rb") as stream:
                known = _read_files[file] = (stamp, *_digest(stream.read(), file))
    except OSError:
        return "unreadable", ()
    return known[1:]


def _digest(content: bytes, file: str) -> tuple[str, tuple[Import, ...]]:
    """Return the digest of a source file's code, or of the bytes of any other file."""
    if file.endswith(".py"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are shown when the module is really imported
                code = compile(_without_type_imports(content, file), file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return digest_of(content.hex()), ()
        shape = shape_of(code)
        return shape.digest, shape.imports
    return digest_of(content.hex()), ()


def _without_type_imports(content: bytes, file: str) -> _ast.Module:
    """Parse a module and leave out its `if TYPE_CHECKING:` blocks, which never run."""
    tree: _ast.Module = compile(content, file, "exec", flags=_ast.PyCF_ONLY_AST, dont_inherit=True)  # type: ignore[assignment]  # the flag makes it a module
    kept: list[_ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, _ast.If) and _is_type_guard(statement.test):
            kept += statement.orelse
        else:
            kept.append(statement)
    tree.body = kept
    return tree


def _is_type_guard(test: _ast.expr) -> bool:
    name = test.attr if isinstance(test, _ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def modules_named_by(function: Callable[..., Any]) -> list[str]:
    """Return the modules that a function's own import statements name."""
    code, package = (
        getattr(function, "__code__", None),
        getattr(function, "__globals__", {}).get("__package__"),
    )
    if code is None:
        return []
    return [
        name
        for item in shape_of(code).imports
        for name, is_certain in _names(item, package or "")
        if is_certain
    ]
