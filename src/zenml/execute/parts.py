"""Registered components, opened: their configuration read, their secrets resolved and masked from then on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.components.configuration import open_configuration
from zenml.components.flavor import Place
from zenml.components.kinds import words
from zenml.components.registry import load_flavor, open_component
from zenml.errors import NotFoundError
from zenml.execute import masking
from zenml.records.run import Secret
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from zenml.records.stacks import Component
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
    if component.id == "default-artifact-store":
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


def read_reference(store: Store, name: str, key: str, what: str) -> str:
    """Return the value that a reference, `{{name.key}}`, stands for.

    Raises:
        NotFoundError: there is no such secret, or it has no such key.
    """
    found = store.select(Secret, name=name)
    if not found:
        known = [one.name for one in store.select(Secret)]
        raise NotFoundError(
            f"There is no secret `{name}`, which {what} refers to. {did_you_mean(name, known)}"
            f"Create it: zenml secret create {name}"
        )
    values = store.secrets.open(found[0]).values
    if key not in values:
        raise NotFoundError(
            f"Secret `{name}` has no key `{key}`, which {what} refers to. {did_you_mean(key, values)}"
            f"Add it: zenml secret update {name}"
        )
    masking.register_secret(values[key])
    return values[key]
