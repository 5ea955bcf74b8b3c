"""Values to bytes and back, one library per file. The public names are loaded on first use."""

from __future__ import annotations

from typing import Any

_HOMES = {
    "BaseMaterializer": "zenml.materializers.base_materializer",
    "CloudpickleMaterializer": "zenml.materializers.cloudpickle_materializer",
    "PickleFallbackWarning": "zenml.materializers.cloudpickle_materializer",
}

__all__ = ["BaseMaterializer", "CloudpickleMaterializer", "PickleFallbackWarning"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
