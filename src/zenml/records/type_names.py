"""The names of types in stored data: `package.module:Outer.Inner`, and back to the type.

A name is only written when it leads back to the very same type. Types of the script that is
being run are spelled `__main__[train.py]:Config`, so that another script with a type of the
same name is not mistaken for it. A process that works for a script without running it (an
isolated step) calls `adopt_script`, and its `__main__` types are those that came by value.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from zenml.errors import MaterializerError

_adopted_script: str | None = None
_adopted_types: dict[str, type] = {}


def label(kind: type) -> str:
    """Return the dotted name of a type for people: `dict`, `datetime.datetime`, `train.Config`."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def name_of(kind: type) -> str | None:
    """Return the name that `resolve` turns into this type again, or None if there is none."""
    module, qualname = kind.__module__, kind.__qualname__
    if _lookup(module, qualname) is not kind:
        return None
    if module == "__main__":
        script = main_script()
        module = f"__main__[{os.path.basename(script)}]" if script else module
    return f"{module}:{qualname}"


def resolve(name: str) -> type:
    """Import the type of a name from `name_of`. Call it only for data this store recorded itself."""
    module, _, qualname = name.partition(":")
    if module.startswith("__main__"):
        script = main_script()
        here = f"__main__[{os.path.basename(script)}]" if script else "__main__"
        if module != here:
            raise MaterializerError(
                f"The type `{qualname}` was defined in the script `{module[9:-1] or 'of another session'}`, and"
                " that script is not the one running now. Load the value from that script, or move the type"
                " into a module that both can import."
            )
        module = "__main__"
    else:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MaterializerError(
                f"The type `{name}` of a stored value cannot be imported: {error}. Install the package or"
                " put the module back on the path, then load again."
            ) from error
    found = _lookup(module, qualname)
    if not isinstance(found, type):
        raise MaterializerError(
            f"The type `{name}` of a stored value no longer exists. Put it back under that name, or run the"
            " producing step again."
        )
    return found


def main_script() -> str | None:
    """Return the real path of the script this process runs or works for; None in a console or notebook."""
    if _adopted_script is not None:
        return _adopted_script
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.realpath(path) if path else None


def adopt_script(path: str | None) -> None:
    """Say which script this process works for, when it is not the one it was started with."""
    global _adopted_script
    _adopted_script = os.path.realpath(path) if path else None


def find_main_type(qualname: str) -> type | None:
    """Return the `__main__` type of this process with the given name, live or adopted."""
    found = _lookup("__main__", qualname)
    return found if isinstance(found, type) else None


def adopt_main_type(kind: type, qualname: str) -> None:
    """Remember a `__main__` type that arrived by value, so that later values get the same one."""
    _adopted_types[qualname] = kind


def _lookup(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if found is None and module == "__main__":
        return _adopted_types.get(qualname)
    return found
