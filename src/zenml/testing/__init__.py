"""Testing steps and pipelines: runs in memory, fakes of steps, a virtual clock; each name is loaded on first use.

`docs/testing.md` shows how they are used, and the fixtures of the pytest plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.testing.assertions import assert_cached as assert_cached
    from zenml.testing.assertions import assert_executed as assert_executed
    from zenml.testing.clock import VirtualClock as VirtualClock
    from zenml.testing.fakes import Call as Call
    from zenml.testing.fakes import Fake as Fake
    from zenml.testing.lab import Lab as Lab
    from zenml.testing.lab import in_memory as in_memory

_TABLE = {
    "Call": "zenml.testing.fakes",
    "Fake": "zenml.testing.fakes",
    "Lab": "zenml.testing.lab",
    "VirtualClock": "zenml.testing.clock",
    "assert_cached": "zenml.testing.assertions",
    "assert_executed": "zenml.testing.assertions",
    "in_memory": "zenml.testing.lab",
}

__all__ = ["Call", "Fake", "Lab", "VirtualClock", "assert_cached", "assert_executed", "in_memory"]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name not in _TABLE:
        raise AttributeError(f"module `zenml.testing` has no attribute `{name}`")
    import importlib

    value = getattr(importlib.import_module(_TABLE[name]), name)
    globals()[name] = value
    return value
