"""The modules that an inline step imports in its body: loaded before it runs beside others."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any

from zenml.fingerprint.static_imports import modules_named_by

if TYPE_CHECKING:
    from collections.abc import Callable


def load_imports(function: Callable[..., Any]) -> None:
    """Load the modules that a step's own import statements name, one thread at a time.

    Threads that import parts of one large package at the same moment can meet in a circular
    import, where Python gives one of them up. What fails here fails again in the step itself.
    """
    for name in modules_named_by(function):
        if name not in sys.modules:
            with _loading:
                try:
                    importlib.import_module(name)
                except Exception:  # noqa: S110  the step's own import statement tells the user
                    pass


_loading = threading.Lock()
