"""Stacks and components as a user sees them: what they are made of, opened when they are asked for something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zenml.components.kinds import words
from zenml.components.parts import open_part
from zenml.components.registry import load_flavor
from zenml.config.settings import COMPONENT_TYPES
from zenml.records import wire
from zenml.records.stacks import Stack, default_stack

if TYPE_CHECKING:
    from zenml.components.flavor import Flavor
    from zenml.records.run import Run
    from zenml.records.stacks import Component
    from zenml.store.store import Store


class ComponentView:
    """A component: what is recorded of it, and everything that its flavor can do.

    `Client().active_stack.alerter.post("done")` opens the alerter and posts.
    """

    def __init__(self, record: Component, store: Store) -> None:
        self.record = record
        self._store = store
        self._opened: Any = None

    @property
    def id(self) -> str:
        """The id of the component."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name that it is registered under."""
        return self.record.name

    @property
    def type(self) -> str:
        """Its type, such as `alerter`."""
        return self.record.type

    @property
    def flavor(self) -> str:
        """The name of its flavor."""
        return self.record.flavor

    @property
    def configuration(self) -> dict[str, Any]:
        """Its configuration as it was given; secrets are references."""
        return dict(self.record.configuration)

    @property
    def created(self) -> datetime:
        """When it was registered, UTC."""
        return datetime.fromtimestamp(self.record.created_at / 1e6, UTC)

    @property
    def updated(self) -> datetime:
        """When it was changed last, UTC."""
        return datetime.fromtimestamp(self.record.updated_at / 1e6, UTC)

    def load_flavor(self) -> Flavor:
        """Return its flavor.

        Raises:
            NotFoundError: the package that brings it is not installed any more.
        """
        return load_flavor(self.type, self.flavor)

    def open(self) -> Any:
        """Return the component itself, made once; it connects when it is asked for something."""
        if self._opened is None:
            self._opened = open_part(self.record, self._store)
        return self._opened

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        opened = self.open()
        if not hasattr(opened, name):
            able = ", ".join(f"`{one}`" for one in dir(opened) if not one.startswith("_"))
            raise AttributeError(
                f"The {words(self.type)} `{self.name}` of flavor `{self.flavor}` has no `{name}`. It has: {able}."
            )
        return getattr(opened, name)

    def __repr__(self) -> str:
        return f"Component(type={self.type!r}, name={self.name!r}, flavor={self.flavor!r})"


class StackView:
    """A stack: its components as attributes, such as `.orchestrator`; None for those it lacks."""

    def __init__(self, record: Stack, store: Store) -> None:
        self.record = record
        self.components = {kind: ComponentView(one, store) for kind, one in record.components.items()}

    @property
    def id(self) -> str:
        """The id of the stack."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name of the stack."""
        return self.record.name

    def __getattr__(self, name: str) -> Any:
        if name in COMPONENT_TYPES:
            return self.components.get(name)
        raise AttributeError(f"A stack has no part `{name}`. Its parts are: {', '.join(COMPONENT_TYPES)}.")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *COMPONENT_TYPES]

    def __repr__(self) -> str:
        parts = ", ".join(f"{kind}={one.name!r}" for kind, one in self.components.items())
        return f"Stack(name={self.name!r}, {parts})"


def recorded_stack(run: Run, store: Store) -> StackView:
    """Return the stack that a run was begun with, as it was recorded then."""
    body = None if run.stack is None else store.document(run.stack)
    return StackView(default_stack() if body is None else wire.decode(body, Stack), store)
