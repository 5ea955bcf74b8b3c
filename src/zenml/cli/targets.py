"""From what a person types to a pipeline: `package.module:pipeline`, `module.pipeline`, `file.py:pipeline`."""

from __future__ import annotations

import difflib
import importlib.util
import os
from typing import TYPE_CHECKING, Any

from zenml.declare.importing import import_file, import_module, put_first
from zenml.declare.pipeline import Pipeline
from zenml.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from types import ModuleType


def find_pipeline(target: str) -> Pipeline[Any]:
    """Import the pipeline that a target names.

    Raises:
        NotFoundError: there is no such file, module or pipeline; what there is, is listed.
        DeclarationError: the module cannot be imported.
    """
    path, colon, name = target.rpartition(":")
    if not colon:
        path, name = target, ""
    if path.endswith(".py"):
        return _choose(import_file(path), name, path)
    put_first(os.getcwd())
    if colon:
        return _choose(import_module(path), name, path)
    return _find_dotted(target)


def _find_dotted(target: str) -> Pipeline[Any]:
    """Find `module.pipeline`, or the only pipeline of the module `target`."""
    module_name, _, name = target.rpartition(".")
    if module_name and _exists(module_name):
        module = import_module(module_name)
        if hasattr(module, name) or not _exists(target):
            return _choose(module, name, module_name)
    if _exists(target):
        return _choose(import_module(target), "", target)
    raise NotFoundError(
        f"There is no module `{module_name or target}` for `{target}` in `{os.getcwd()}` or on Python's path. "
        "Name a pipeline as `module:pipeline` or `file.py:pipeline`."
    )


def _exists(name: str) -> bool:
    """Tell whether a module can be found; its packages are imported for that."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False  # the part before the last dot is no package


def _choose(module: ModuleType, name: str, where: str) -> Pipeline[Any]:
    """Return the pipeline of a module by name, or its only one."""
    found = {key: value for key, value in vars(module).items() if isinstance(value, Pipeline)}
    if name:
        by_own_name = {pipeline.name: pipeline for pipeline in found.values()}
        chosen = found.get(name) or by_own_name.get(name)
        if chosen is None:
            raise NotFoundError(_missing(module, name, where, found))
        return chosen
    # What is imported from elsewhere does not make the choice unclear.
    own = {
        key: value for key, value in found.items() if value.function.__module__ == module.__name__
    } or found
    different = {id(value): key for key, value in own.items()}
    if len(different) == 1:
        return next(iter(own.values()))
    if not own:
        raise NotFoundError(f"There is no pipeline in `{where}`. Decorate a function with `@pipeline`.")
    listed = ", ".join(f"`{where}:{key}`" for key in different.values())
    raise ConfigurationError(f"`{where}` holds {len(different)} pipelines. Name one of them: {listed}.")


def _missing(module: ModuleType, name: str, where: str, found: dict[str, Pipeline[Any]]) -> str:
    what = ""
    if hasattr(module, name):
        kind = type(getattr(module, name)).__name__
        what = " It is a step; call it in a pipeline." if kind == "Step" else f" It is a {kind}."
    close = difflib.get_close_matches(name, found, 3)
    listed = ", ".join(f"`{key}`" for key in close or found)
    hint = (
        f"Did you mean {listed}?" if close else f"There is: {listed}." if found else "It holds no pipeline."
    )
    return f"There is no pipeline `{name}` in `{where}`.{what} {hint}"
