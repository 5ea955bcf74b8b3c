"""The table of flavors: which class implements which kind of stack part, by dotted name.

Nothing is imported before it is used. What is installed elsewhere announces itself through
the entry point group `zenml.flavors`, as `KIND.NAME = package.module:Class`.
"""

from __future__ import annotations

import importlib
from typing import Any

from zenml.errors import NotFoundError

BUILT_IN: dict[tuple[str, str], str] = {
    ("artifact_store", "local"): "zenml.flavors.local_artifact_store:LocalArtifactStore",
    ("launcher", "process"): "zenml.flavors.process_launcher:ProcessLauncher",
}


def load_flavor(kind: str, name: str) -> Any:
    """Return the class of a flavor, imported now."""
    target = BUILT_IN.get((kind, name)) or _from_entry_points(kind, name)
    if target is None:
        known = ", ".join(f"`{flavor}`" for other, flavor in BUILT_IN if other == kind)
        raise NotFoundError(
            f"There is no {kind.replace('_', ' ')} flavor `{name}`. Known are {known or 'none'}. "
            "Install the package that provides it, or correct the name."
        )
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _from_entry_points(kind: str, name: str) -> str | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group="zenml.flavors"):
        if entry.name == f"{kind}.{name}":
            return entry.value
    return None
