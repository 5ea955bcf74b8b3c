"""Pickles in which a class of the running script stays that very class.

cloudpickle stores classes of `__main__` by value, so that another process can load them
without the script. Loaded where the script itself runs, that gives a twin: `isinstance` fails
although nothing changed. Here such a class carries the path of its script. Where the script
runs, loading gives the live class; in a process that works for the script, the first load
makes the class and every later one finds it; anywhere else it is made from the pickle.

cloudpickle is imported with the first pickle. This is the only module that unpickles.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

from zenml.records import type_names

_lock = threading.RLock()
_unfinished: set[int] = set()
_pickler: Any = None


def dumps(value: Any, *, leave_out: Callable[[Any], Any] | None = None) -> bytes:
    """Return the value as a pickle; functions and classes of `__main__` travel by value.

    Args:
        value: what to pickle.
        leave_out: returns a plain value that stands for an object which is stored elsewhere, else None.
    """
    with io.BytesIO() as file:
        pickler = _pickler_class()(file, protocol=5)
        if leave_out is not None:
            pickler.persistent_id = leave_out
        pickler.dump(value)
        return file.getvalue()


def loads(data: bytes, *, put_in: Callable[[Any], Any] | None = None) -> Any:
    """Load a pickle from `dumps`. Runs code: call it only for data this store recorded itself."""
    unpickler = pickle.Unpickler(io.BytesIO(data))
    if put_in is not None:
        unpickler.persistent_load = put_in  # type: ignore[method-assign]  # the documented way beside a subclass
    with _lock:  # another thread must not see a class of the pickle before it is complete
        return unpickler.load()


def _pickler_class() -> Any:
    """Make the pickler class when cloudpickle is needed for the first time."""
    global _pickler
    if _pickler is None:
        import cloudpickle

        class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle publishes no types
            """cloudpickle, with marks on classes of the script and without windows for figures."""

            def reducer_override(self, value: Any) -> Any:
                """Say how to pickle classes of `__main__` and figures; leave the rest to cloudpickle."""
                if isinstance(value, type) and value.__module__ == "__main__":
                    return _mark_main_class(value, super().reducer_override(value))
                if isinstance(value, memoryview) or (isinstance(value, io.IOBase) and _is_open_file(value)):
                    # cloudpickle would quietly replace them by a copy of their content.
                    raise TypeError(f"cannot pickle '{type(value).__name__}' object")
                if "matplotlib.figure" in sys.modules and isinstance(
                    value, sys.modules["matplotlib.figure"].Figure
                ):
                    return _without_window(value)
                return super().reducer_override(value)

        _pickler = Pickler
    return _pickler


def _mark_main_class(kind: type, reduced: Any) -> Any:
    script = type_names.main_script()
    if (
        script is None
        or not isinstance(reduced, tuple)
        or len(reduced) != 6
        or "<locals>" in kind.__qualname__
    ):
        return reduced
    make, arguments, state, items, pairs, set_state = reduced
    return (
        make_main_class,
        (script, kind.__qualname__, make, arguments),
        (set_state, state),
        items,
        pairs,
        fill_main_class,
    )


def make_main_class(script: str, qualname: str, make: Callable[..., type], arguments: Any) -> type:
    """Return the live class of a script, or make it from the pickle. Called by pickles."""
    is_ours = script == type_names.main_script()
    found = type_names.find_main_type(qualname) if is_ours else None
    if found is None:
        found = make(*arguments)
        _unfinished.add(id(found))
        if is_ours:
            type_names.adopt_main_type(found, qualname)
    return found


def fill_main_class(kind: type, state: Any) -> type:
    """Complete a class that `make_main_class` has made; leave a live one alone. Called by pickles."""
    if id(kind) in _unfinished:
        _unfinished.discard(id(kind))
        set_state, content = state
        set_state(kind, content)
    return kind


def _is_open_file(value: io.IOBase) -> bool:
    return not isinstance(value, (io.BytesIO, io.StringIO)) and value not in (
        sys.stdin,
        sys.stdout,
        sys.stderr,
    )


def _without_window(figure: Any) -> Any:
    """Pickle a figure so that loading it opens no window and needs no display."""
    import copyreg

    state = dict(figure.__getstate__())
    state.pop("_restore_to_pylab", None)
    return copyreg.__newobj__, (type(figure),), state  # type: ignore[attr-defined]  # the pickling protocol's own function


def is_allowed() -> bool:
    """Tell whether pickles may be written and read at all: `ZENML_ALLOW_PICKLE=0` forbids both."""
    return os.environ.get("ZENML_ALLOW_PICKLE", "1").strip().lower() not in ("0", "false", "no", "off")
