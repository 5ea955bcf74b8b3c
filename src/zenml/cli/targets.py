"""From what a person types to a pipeline: `package.module:pipeline`, `module.pipeline`, `file.py:pipeline`.

The module is imported under its own name, never as `__main__`: a block below
`if __name__ == "__main__"` does not run, and isolated steps can import it too.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from zenml.context import session
from zenml.declare.pipeline import Pipeline
from zenml.errors import ConfigurationError, DeclarationError, NotFoundError

if TYPE_CHECKING:
    from types import ModuleType, TracebackType


_GUARD = 'Put the call below `if __name__ == "__main__":`.'


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
    _put_first(os.getcwd())
    if colon:
        return _choose(_import_module(path), name, path)
    return _find_dotted(target)


def import_file(path: str) -> ModuleType:
    """Import a file as the module that it is, with the folder of its outermost package on the path."""
    full = os.path.abspath(path)
    if not os.path.isfile(full):
        raise NotFoundError(f"There is no file `{path}`. {_close_files(full)}")
    folder, file = os.path.split(full)
    name = file.removesuffix(".py")
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"
    _put_first(folder)
    module = _import_module(name)
    loaded = os.path.abspath(getattr(module, "__file__", None) or "")
    if not os.path.exists(loaded) or not os.path.samefile(loaded, full):
        raise ConfigurationError(
            f"`{path}` would be module `{name}`, but that is `{loaded or 'a built-in module'}` already. Rename the file."
        )
    return module


def _find_dotted(target: str) -> Pipeline[Any]:
    """Find `module.pipeline`, or the only pipeline of the module `target`."""
    module_name, _, name = target.rpartition(".")
    if module_name and _exists(module_name):
        module = _import_module(module_name)
        if hasattr(module, name) or not _exists(target):
            return _choose(module, name, module_name)
    if _exists(target):
        return _choose(_import_module(target), "", target)
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


def _import_module(name: str) -> ModuleType:
    token = session.active.set(_Importing())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFoundError(
                f"There is no module `{error.name}` in `{os.getcwd()}` or on Python's path. "
                "Run the command in the folder that holds it, or give the path of the file."
            ) from None
        raise _broken(name, error) from error
    except (Exception, SystemExit) as error:  # importing runs the user's code, which may raise anything
        raise _broken(name, error) from error
    finally:
        session.active.reset(token)


class _Importing:
    """What calls mean while a module is imported: a mistake, which would run things that nobody asked for."""

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Refuse a step."""
        raise DeclarationError(f"it calls step `{step.name}` while it is imported. {_GUARD}")

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refuse a pipeline."""
        raise DeclarationError(f"it calls pipeline `{pipeline.name}` while it is imported. {_GUARD}")


def _broken(name: str, error: BaseException) -> DeclarationError:
    if isinstance(error, DeclarationError) and _GUARD in str(error):
        return DeclarationError(f"Module `{name}` cannot be imported ({place_of(error)}): {error}")
    hint = "Repair it; `--verbose` shows the whole traceback."
    if isinstance(error, SystemExit):
        hint = 'It ended the program: put what runs below `if __name__ == "__main__":`.'
    return DeclarationError(
        f"Module `{name}` cannot be imported: {type(error).__name__}: {error} ({place_of(error)}). {hint}"
    )


def place_of(error: BaseException) -> str:
    """Return file and line of the last frame of an error that is not of the import system or ours."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.basename(error.filename)}:{error.lineno}"
    place, trace = "in its code", error.__traceback__
    while trace is not None:
        if _is_of_user(trace):
            place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _is_of_user(trace: TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    is_library = f"{os.sep}site-packages{os.sep}" in file or file.startswith(os.path.dirname(os.__file__))
    return not (is_library or file.startswith("<frozen") or module.partition(".")[0] == "zenml")


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


def _close_files(path: str) -> str:
    """Return a hint at files with a similar name in the same folder."""
    folder, file = os.path.split(path)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    except OSError:
        return f"There is no folder `{folder}` either. Check the path."
    close = difflib.get_close_matches(file, names, 3)
    return f"Did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else "Check the path."


def _put_first(folder: str) -> None:
    """Let modules be imported from a folder before all others."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
