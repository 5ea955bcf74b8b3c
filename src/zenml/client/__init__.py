"""Asking for what was recorded, and changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.client.client import Client as Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    """Load the client on first use."""
    if name != "Client":
        raise AttributeError(f"module `zenml.client` has no attribute `{name}`")
    from zenml.client.client import Client

    return Client
