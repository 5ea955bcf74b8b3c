"""What is remembered of stacks: components, and which of them a stack is made of."""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.records.run import Record

DEFAULT = "default"
"""The name and id of the stack that is always there, and the name of its components, which are not recorded."""


class Component(Record, frozen=True, kw_only=True):
    """A registered component: a flavor with a configuration, under a name that is unique for its type."""

    table = "components"
    id: str
    type: str
    flavor: str
    name: str
    configuration: dict[str, Any] = msgspec.field(default_factory=dict)
    """As it was given; secrets are references, `{{secret.key}}`."""
    created_at: int
    updated_at: int


class StackRow(Record, frozen=True, kw_only=True):
    """A stack by name."""

    table = "stacks"
    id: str
    name: str
    created_at: int
    updated_at: int


class StackMember(Record, frozen=True, kw_only=True):
    """One component of one stack."""

    table = "stack_components"
    stack_id: str
    type: str
    component_id: str


class Stack(msgspec.Struct, frozen=True):
    """A stack with its components, one of a type."""

    id: str
    name: str
    components: dict[str, Component]
    """By type."""


class PartAddress(msgspec.Struct, frozen=True, kw_only=True):
    """How a registered component is opened, by any process of this machine.

    It travels with the tasks of steps and is written down nowhere: its configuration can hold credentials.
    """

    id: str
    flavor: str
    config: dict[str, Any]
    """With secrets in the place of references to them."""
    name: str
    folder: str
    """For what it keeps on this machine."""

    def __repr__(self) -> str:
        """Return it without its configuration."""
        return f"PartAddress(id={self.id!r}, flavor={self.flavor!r}, name={self.name!r})"


def is_default(component: Component) -> bool:
    """Tell whether a component is there without being recorded."""
    return component.id.startswith(f"{DEFAULT}-")


def default_stack() -> Stack:
    """Return the stack of a machine without configuration: this process, and files."""
    return Stack(
        DEFAULT, DEFAULT, {kind: default_component(kind) for kind in ("orchestrator", "artifact_store")}
    )


def default_component(kind: str) -> Component:
    """Return the component of a type that no stack lacks: the local one."""
    return Component(
        id=f"{DEFAULT}-{kind.replace('_', '-')}",
        type=kind,
        flavor="local",
        name=DEFAULT,
        created_at=0,
        updated_at=0,
    )
