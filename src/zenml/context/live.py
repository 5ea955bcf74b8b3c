"""The pipelines that were declared in this process, by name: those that can be started without an import."""

from __future__ import annotations

import importlib
from typing import Any

pipelines: dict[str, Any] = {}
"""Of several with one name the last one; copies made by `with_options` are not here."""
_RESUMING = "zenml.declare.resuming"
"""Where runs are resumed: by name, because those who look at runs are below those who start them."""
_REPLAYING = "zenml.declare.replaying"

_SCHEDULED = "zenml.declare.scheduled"
"""Where the pipelines of schedules are compiled, which those who change schedules are below too."""


def resume(run: Any, **options: Any) -> Any:
    """Execute what is missing of a run; see `resume` of that module."""
    return importlib.import_module(_RESUMING).resume(run, **options)


def replay(run: Any, **options: Any) -> Any:
    """Reproduce a run as a new one; see `replay` of that module."""
    return importlib.import_module(_REPLAYING).replay(run, **options)


def check_scheduled(schedule: Any, names: Any, store: Any) -> str | None:
    """Check that the pipeline of a schedule takes what the schedule gives it; see `check_scheduled` of that module."""
    problem: str | None = importlib.import_module(_SCHEDULED).check_scheduled(schedule, names, store)
    return problem
