"""Registered components, opened: their configuration read, their secrets resolved and masked from then on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.active_stack import active_stack, components_of
from zenml.components.configuration import open_configuration
from zenml.components.flavor import Place
from zenml.components.kinds import words
from zenml.components.registry import load_flavor, open_component
from zenml.context import masking
from zenml.errors import ComponentError, NotFoundError, ZenMLError
from zenml.records.run import Secret
from zenml.records.stacks import Component, PartAddress, is_default

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.records.stacks import Stack
    from zenml.store.store import Store


def open_part(component: Component, store: Store) -> Any:
    """Return a component as its flavor makes it; it connects when it is asked for something.

    Raises:
        NotFoundError: its flavor is not installed any more, or a secret is gone.
        ConfigurationError: its configuration does not fit the flavor any more.
        MissingLibraryError: a library that it needs is not installed.
    """
    flavor = load_flavor(component.type, component.flavor)
    return open_component(flavor, configuration_of(component, store), place_of(component, store))


def configuration_of(component: Component, store: Store) -> Any:
    """Return the configuration of a component as its flavor's class, with its secrets."""
    flavor = load_flavor(component.type, component.flavor)
    what = f"the {words(component.type)} `{component.name}`"
    if is_default(component) and component.type == "artifact_store":
        return flavor.config(path=store.artifact_root)
    return open_configuration(
        flavor.config, component.configuration, what, lambda name, key: read_reference(store, name, key, what)
    )


def place_of(component: Component, store: Store) -> Place:
    """Return where a component keeps what it has on this machine."""
    root = (
        os.path.dirname(store.artifact_root) if store.root != ":memory:" else f"{store.artifact_root}-parts"
    )
    return Place(name=component.name, folder=os.path.join(root, "components", component.id))


def address_of(component: Component, store: Store) -> PartAddress:
    """Return how any process of this machine opens a component, with its secrets."""
    return PartAddress(
        id=component.id,
        flavor=component.flavor,
        config=msgspec.to_builtins(configuration_of(component, store)),
        name=component.name,
        folder=place_of(component, store).folder,
    )


def read_reference(store: Store, name: str, key: str, what: str) -> str:
    """Return the value that a reference, `{{name.key}}`, stands for.

    Raises:
        NotFoundError: there is no such secret, or it has no such key.
    """
    found = store.select(Secret, name=name)
    if not found:
        known = [one.name for one in store.select(Secret)]
        raise NotFoundError(
            f"There is no secret `{name}`, which {what} refers to. {_close(name, known)}"
            f"Create it: zenml secret create {name}"
        )
    values = store.secrets.open(found[0]).values
    if key not in values:
        raise NotFoundError(
            f"Secret `{name}` has no key `{key}`, which {what} refers to. {_close(key, list(values))}"
            f"Add it: zenml secret update {name}"
        )
    masking.register_secret(values[key])
    return values[key]


class RegisteredStores:
    """The artifact stores that are registered in a database.

    Args:
        store: the database.
        stack: the stack whose artifact store is the current one; by default the active one.
    """

    def __init__(self, store: Store, stack: Stack | None = None) -> None:
        self._store = store
        self._stack = stack
        self._known: dict[str, PartAddress] = {}

    def current(self) -> PartAddress | None:
        """Return where new artifacts go; None for the folder beside the database."""
        if self._stack is None:
            self._stack = active_stack(self._store)
        component = self._stack.components["artifact_store"]
        return None if is_default(component) else self._address(component)

    def find(self, store_id: str) -> PartAddress | None:
        """Return the address of a registered store; None if it is not registered any more."""
        if store_id not in self._known:
            component = self._store.get(Component, store_id)
            if component is None:
                return None
            self._address(component)
        return self._known[store_id]

    def all(self) -> Iterable[PartAddress]:
        """Return the addresses of all registered stores."""
        found = components_of(self._store, "artifact_store")
        return [self._address(one) for one in found if not is_default(one)]

    def _address(self, component: Component) -> PartAddress:
        if component.id not in self._known:
            try:
                self._known[component.id] = address_of(component, self._store)
            except ComponentError:
                raise
            except ZenMLError as error:  # a secret or a flavor is gone: as if the store were not reached
                raise ComponentError(
                    f"The artifact store `{component.name}` cannot be opened. {error}"
                ) from error
        return self._known[component.id]


def _close(text: str, names: list[str]) -> str:
    import difflib  # for errors only

    close = difflib.get_close_matches(text, names, 1)
    return f"Did you mean `{close[0]}`? " if close else ""
