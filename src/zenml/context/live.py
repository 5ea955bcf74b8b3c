"""The pipelines that were declared in this process, by name: those that can be started without an import."""

from __future__ import annotations

import importlib
from typing import Any

pipelines: dict[str, Any] = {}
"""Of several with one name the last one; copies made by `with_options` are not here."""
_RESUMING = "zenml.declare.resuming"
"""Where runs are resumed: by name, because those who look at runs are below those who start them."""
_REPLAYING = "zenml.declare.replaying"


def resume(run: Any, **options: Any) -> Any:
    """Execute what is missing of a run; see `resume` of that module."""
    return importlib.import_module(_RESUMING).resume(run, **options)


def replay(run: Any, **options: Any) -> Any:
    """Reproduce a run as a new one; see `replay` of that module."""
    return importlib.import_module(_REPLAYING).replay(run, **options)
