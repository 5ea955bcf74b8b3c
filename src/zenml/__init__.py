"""Steps and pipelines: typed, cached, parallel and durable, on one machine without a server.

This module is a table of the public names. Each is loaded on first use, so that importing the
decorators costs a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.declare.pipeline import pipeline as pipeline
    from zenml.declare.step import step as step

__version__ = "0.1.0"

_TABLE = {
    "pipeline": "zenml.declare.pipeline",
    "step": "zenml.declare.step",
}

__all__ = ["__version__", "pipeline", "step"]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    module = _TABLE.get(name)
    if module is None:
        raise AttributeError(f"module `zenml` has no attribute `{name}`")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
