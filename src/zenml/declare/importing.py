"""Importing modules of users for what they declare, without running what stands below `if __name__ == "__main__"`.

A module is imported under its own name, never as `__main__`, so isolated steps can import it too.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from zenml.context import session
from zenml.errors import ConfigurationError, DeclarationError, NotFoundError

if TYPE_CHECKING:
    from types import ModuleType, TracebackType


_GUARD = 'Put the call below `if __name__ == "__main__":`.'


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
    put_first(folder)
    module = import_module(name)
    loaded = os.path.abspath(getattr(module, "__file__", None) or "")
    if not os.path.exists(loaded) or not os.path.samefile(loaded, full):
        raise ConfigurationError(
            f"`{path}` would be module `{name}`, but that is `{loaded or 'a built-in module'}` already. Rename the file."
        )
    return module


def import_module(name: str) -> ModuleType:
    """Import a module by name; calling a step or a pipeline meanwhile is an error.

    Raises:
        NotFoundError: there is no such module.
        DeclarationError: it cannot be imported.
    """
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


def put_first(folder: str) -> None:
    """Let modules be imported from a folder before all others."""
    if folder not in sys.path:
        sys.path.insert(0, folder)


class _Importing:
    """What calls mean while a module is imported: a mistake, which would run things that nobody asked for."""

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Refuse a step."""
        raise DeclarationError(f"it calls step `{step.name}` while it is imported. {_GUARD}")

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refuse a pipeline, but for one with a schedule: that was stored when the file was run as a program."""
        if pipeline.layers.merged().get("schedule") is not None:
            return None
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


def _close_files(path: str) -> str:
    """Return a hint at files with a similar name in the same folder."""
    folder, file = os.path.split(path)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    except OSError:
        return f"There is no folder `{folder}` either. Check the path."
    close = difflib.get_close_matches(file, names, 3)
    return f"Did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else "Check the path."
