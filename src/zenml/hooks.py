"""Hooks that are there already; each is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.declare.alerter_hooks import alerter_failure_hook, alerter_success_hook

_TABLE = {
    "alerter_failure_hook": "zenml.declare.alerter_hooks",
    "alerter_success_hook": "zenml.declare.alerter_hooks",
}

__all__ = ["alerter_failure_hook", "alerter_success_hook"]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name not in _TABLE:
        raise AttributeError(f"module `zenml.hooks` has no attribute `{name}`")
    import importlib

    value = getattr(importlib.import_module(_TABLE[name]), name)
    globals()[name] = value
    return value
