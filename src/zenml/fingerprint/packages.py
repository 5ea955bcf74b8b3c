"""Tell project code from packages, and find the version of a package without importing anything.

The walk over a step's code stops at packages: what is installed in `site-packages` counts by its version, the
standard library by that of Python. Everything else is project code and counts by what it does.
"""

from __future__ import annotations

import os
import sys
import types

from zenml.fingerprint.code_shape import digest_of

STANDARD = "python"
"""The package that the standard library counts as."""

OWN = "zenml"
"""This package. It never counts: upgrading it must not throw away a user's results."""


def package_of(name: str, file: str | None) -> str | None:
    """Return the package that the module `name`, loaded from `file`, belongs to; None for project code."""
    key = (name, file)
    if key not in _packages:
        _packages[key] = _package_of(name, file)
    return _packages[key]


def package_of_module(module: types.ModuleType) -> str | None:
    """Return the package that a loaded module belongs to; None for project code."""
    return package_of(str(module.__dict__.get("__name__")), file_of(module))


def package_of_type(kind: type) -> str | None:
    """Return the package that defines a class; None for project code."""
    name = module_name(kind)
    module = sys.modules.get(name)
    return package_of(name, file_of(module) if isinstance(module, types.ModuleType) else None)


def module_name(kind: type) -> str:
    """Return the name of the module that defines a class; some classes make it a property."""
    name = kind.__module__
    return name if isinstance(name, str) else "builtins"


def file_of(module: types.ModuleType) -> str | None:
    """Return the file of a module, or its folder if it is a package without `__init__.py`."""
    file = module.__dict__.get("__file__")
    if file is None:
        paths = list(module.__dict__.get("__path__") or ())
        file = os.path.join(paths[0], "__init__.py") if paths else None
    return file if isinstance(file, str) else None


def version_of(package: str, file: str | None) -> str:
    """Return the version of a package as far as it can be known: the installed one, and the loaded one if it differs."""
    loaded = _loaded_version(package)
    installed = _installed_version(package, _library(file))
    if installed is None:
        return loaded or _written_version(file)
    if loaded is None or loaded == installed:
        return installed
    return f"{loaded} (installed: {installed})"


_packages: dict[tuple[str, str | None], str | None] = {}
# Per folder of libraries, read once in a process: the versions by name of the distribution, and by name to import.
_distributions: dict[str, dict[str, str]] = {}
_providers: dict[str, dict[str, dict[str, str]]] = {}

_LIBRARIES = ("site-packages", "dist-packages")
_STANDARD_FOLDER = (
    os.path.dirname(getattr(os, "__file__", "")) + os.sep
)  # frozen into a program, it has no file


def _package_of(name: str, file: str | None) -> str | None:
    root = name.partition(".")[0]
    if root == OWN:
        return OWN
    if file is None or file.startswith("<"):
        module = sys.modules.get(root)
        found = file_of(module) if isinstance(module, types.ModuleType) else None
        file = found or file
    if file is None or file.startswith("<"):
        is_standard = root in sys.stdlib_module_names or (file or "").startswith("<frozen ")
        return STANDARD if is_standard else None
    library = _library(file)
    if library is not None:
        inside = file[len(library) + 1 :].replace(os.sep, "/")
        return inside.partition("/")[0].partition(".")[0]
    return STANDARD if file.startswith(_STANDARD_FOLDER) else None


def _library(file: str | None) -> str | None:
    """Return the folder of installed libraries that `file` lies in."""
    parts = (file or "").split(os.sep)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] in _LIBRARIES:
            return os.sep.join(parts[: position + 1])
    return None


def _loaded_version(package: str) -> str | None:
    """Return `__version__` of a loaded package; read from its dictionary, since asking may run code that warns."""
    module = sys.modules.get(package)
    version = module.__dict__.get("__version__") if isinstance(module, types.ModuleType) else None
    return version if isinstance(version, str) else None


def _installed_version(package: str, library: str | None) -> str | None:
    """Return the version in the folder names of the installed distributions, or None."""
    if library is None:
        return None
    if library not in _distributions:
        _distributions[library] = _list_distributions(library)
    version = _distributions[library].get(_plain(package))
    if version is not None:
        return version
    if library not in _providers:
        _providers[library] = _list_providers(library)
    found = _providers[library].get(package, {})
    if len(found) == 1:
        return next(iter(found.values()))
    # A namespace that several distributions share, like `google`.
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items())) or None


def _list_distributions(library: str) -> dict[str, str]:
    """Return the version of each distribution, by its plain name."""
    found = {}
    for folder in _listed(library):
        stem, ending = os.path.splitext(folder)
        if ending in {".dist-info", ".egg-info"} and "-" in stem:
            name, version = stem.split("-")[:2]
            found[_plain(name)] = version
    return found


def _list_providers(library: str) -> dict[str, dict[str, str]]:
    """Return the versions by the name to import, for distributions that are named otherwise (`sklearn`, `PIL`)."""
    found: dict[str, dict[str, str]] = {}
    entries = set(_listed(library))
    for folder in sorted(entries):
        stem, ending = os.path.splitext(folder)
        if ending != ".dist-info" or "-" not in stem:
            continue
        name, version = stem.split("-")[:2]
        if name in entries or f"{name}.py" in entries:
            continue
        names = _lines(os.path.join(library, folder, "top_level.txt"))
        if not names:
            files = _lines(os.path.join(library, folder, "RECORD"))
            names = [line.partition(",")[0].partition("/")[0].partition(".")[0] for line in files]
        for module in set(names):
            found.setdefault(module, {})[name] = version
    return found


def _written_version(file: str | None) -> str:
    """Return the version written in a package's own first file, or a digest of that file."""
    lines = _lines(file) if file else []
    for line in lines:
        if line.startswith("__version__"):
            return line.partition("=")[2].strip().strip("'\"")
    return f"unknown, {digest_of(chr(10).join(lines))[:8]}" if lines else "unknown"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()
    except OSError:
        return []
