"""Asking for what was recorded, and changing it; each name is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.client.artifacts import load_artifact as load_artifact
    from zenml.client.artifacts import save_artifact as save_artifact
    from zenml.client.client import Client as Client

_TABLE = {
    "Client": "zenml.client.client",
    "load_artifact": "zenml.client.artifacts",
    "save_artifact": "zenml.client.artifacts",
}

__all__ = ["Client", "load_artifact", "save_artifact"]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name not in _TABLE:
        raise AttributeError(f"module `zenml.client` has no attribute `{name}`")
    import importlib

    value = getattr(importlib.import_module(_TABLE[name]), name)
    globals()[name] = value
    return value
