"""The active stack as a user sees it: which parts a run is made with, and which there are none of."""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.components.kinds import COMPONENT_TYPES


class Component(msgspec.Struct, frozen=True):
    """A part of a stack."""

    name: str
    type: str
    flavor: str


class ActiveStack(msgspec.Struct, frozen=True):
    """The parts of the active stack as attributes; a part that it lacks is None."""

    name: str
    components: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in COMPONENT_TYPES:
            return self.components.get(name)
        raise AttributeError(f"A stack has no part `{name}`. Its parts are: {', '.join(COMPONENT_TYPES)}.")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *COMPONENT_TYPES]


def default_stack() -> ActiveStack:
    """Return the stack of a machine without configuration: this process, and files."""
    parts = [Component("default", "orchestrator", "local"), Component("default", "artifact_store", "local")]
    return ActiveStack("default", {part.type: part for part in parts})
