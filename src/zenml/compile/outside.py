"""What the compiler asks about arguments that stand for artifacts which exist already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from zenml.records.run import Artifact

Outside: TypeAlias = "Callable[[Any, str], Artifact | None]"
"""Returns the artifact that an argument stands for, or None; the text names a value that has to be stored."""


def nothing_outside(value: Any, name: str) -> Artifact | None:
    """Tell that no argument stands for an artifact."""
    return None
