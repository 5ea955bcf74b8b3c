"""Stacks and components by name: registering, reading, changing and deleting them.

`Client` inherits what is here. What is given in clear for a field that is secret is kept encrypted, as
the secret `TYPE.NAME`, and the configuration refers to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.active_stack import (
    active_stack,
    components_of,
    find_component,
    find_stack,
    refuse_default,
    set_active,
    stacks_of,
)
from zenml.components.configuration import check_configuration, take_secrets
from zenml.components.kinds import OF_EVERY_STACK, words
from zenml.components.registry import flavor_names, load_flavor
from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.config.settings import COMPONENT_TYPES
from zenml.errors import ConfigurationError
from zenml.records.query import Page
from zenml.records.run import Secret
from zenml.records.stacks import DEFAULT, Component, default_component
from zenml.views.stack_view import ComponentView, StackView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.components.flavor import Flavor
    from zenml.store.store import Store


class StacksClient:
    """The part of a client that deals with stacks and their components."""

    if TYPE_CHECKING:

        @property
        def store(self) -> Store:
            """The store this client speaks to."""

    # Stacks

    @property
    def active_stack(self) -> StackView:
        """The stack that runs are made with: components as attributes, None for those it lacks."""
        return StackView(active_stack(self.store), self.store)

    def activate_stack(self, stack_name_id_or_prefix: str, *, everywhere: bool = False) -> StackView:
        """Make a stack the active one: of the repository, if the working directory lies in one.

        Args:
            stack_name_id_or_prefix: the stack.
            everywhere: for this user on this machine, even from within a repository.
        """
        stack = find_stack(self.store, str(stack_name_id_or_prefix))
        set_active(self.store, stack, everywhere=everywhere)
        return StackView(stack, self.store)

    def create_stack(self, name: str, components: Mapping[str, str | ComponentView | None]) -> StackView:
        """Register a stack of components: by type, a name, an id, or what `get_stack_component` returned.

        Orchestrator and artifact store may be left out: then they are those of the default stack.
        """
        chosen = self._chosen(components)
        stack = self.store.stacks.add(_read_stack_name(name), list(chosen.values()))
        self.store.wait_durable()
        return self.get_stack(stack.id)

    def get_stack(self, name_id_or_prefix: str | None = None) -> StackView:
        """Return a stack by name, id, or a part of the id at either end; without any, the active one."""
        if name_id_or_prefix is None:
            return self.active_stack
        return StackView(find_stack(self.store, str(name_id_or_prefix)), self.store)

    def list_stacks(self) -> Page:
        """Return all stacks on one page, the default one first, then by name."""
        return _page([StackView(one, self.store) for one in stacks_of(self.store)])

    def update_stack(
        self,
        name_id_or_prefix: str | None = None,
        *,
        name: str | None = None,
        component_updates: Mapping[str, str | ComponentView | None] | None = None,
    ) -> StackView:
        """Change a stack, by default the active one.

        Args:
            name_id_or_prefix: the stack.
            name: another name.
            component_updates: by type, the component that it gets; None takes away the one it has.
        """
        stack = self.get_stack(name_id_or_prefix).record
        refuse_default(stack)
        updates = component_updates or {}
        kept = {kind: one for kind, one in stack.components.items() if kind not in updates}
        kept |= self._chosen(updates)
        new_name = None if name is None else _read_stack_name(name)
        self.store.stacks.change(stack, list(kept.values()), new_name)
        self.store.wait_durable()
        return self.get_stack(stack.id)

    def copy_stack(self, name_id_or_prefix: str, name: str) -> StackView:
        """Register a stack of the same components under another name."""
        stack = find_stack(self.store, str(name_id_or_prefix))
        made = self.store.stacks.add(_read_stack_name(name), list(stack.components.values()))
        self.store.wait_durable()
        return self.get_stack(made.id)

    def delete_stack(self, name_id_or_prefix: str) -> None:
        """Delete a stack that is not the active one; its components stay.

        Raises:
            ConfigurationError: it is the active one, or the default one.
        """
        stack = find_stack(self.store, str(name_id_or_prefix))
        refuse_default(stack)
        if active_stack(self.store).id == stack.id:
            raise ConfigurationError(
                f"The stack `{stack.name}` is the active one. Choose another one first: zenml stack set {DEFAULT}"
            )
        self.store.stacks.delete(stack)
        self.store.wait_durable()

    # Components

    def create_stack_component(
        self,
        name: str,
        flavor: str,
        component_type: str,
        configuration: Mapping[str, Any] | None = None,
    ) -> ComponentView:
        """Register a component.

        Args:
            name: unique among components of its type.
            flavor: the name of its flavor; `list_flavors(component_type)` returns them.
            component_type: such as `alerter`.
            configuration: values by field of the flavor's configuration; `{{secret.key}}` stands for a secret.

        Raises:
            ConfigurationError: the name is taken, or the configuration does not fit; all that is wrong is named.
        """
        kind = _read_type(component_type)
        name = _read_name(name, words(kind))
        if name == DEFAULT and kind in OF_EVERY_STACK:
            refuse_default(default_component(kind))
        loaded = load_flavor(kind, flavor)
        what = f"the {words(kind)} `{name}` (flavor `{flavor}`)"
        checked = check_configuration(loaded.config, configuration or {}, what)
        if self.store.select(Component, type=kind, name=name):
            self.store.stacks.add_component(kind, flavor, name, {})  # says that the name is taken
        kept = self._keep_secrets(loaded, kind, name, checked)
        component = self.store.stacks.add_component(kind, flavor, name, kept)
        self.store.wait_durable()
        return ComponentView(component, self.store)

    def get_stack_component(self, component_type: str, name_id_or_prefix: str | None = None) -> ComponentView:
        """Return a component by name, id, or a part of the id at either end; without any, that of the active stack.

        Raises:
            NotFoundError: there is none; close names are listed.
            ConfigurationError: the active stack has none of this type.
        """
        kind = _read_type(component_type)
        if name_id_or_prefix is not None:
            return ComponentView(find_component(self.store, kind, str(name_id_or_prefix)), self.store)
        stack = self.active_stack
        found: ComponentView | None = stack.components.get(kind)
        if found is None:
            raise ConfigurationError(f"The active stack `{stack.name}` has no {words(kind)}. Name one.")
        return found

    def list_stack_components(self, component_type: str | None = None) -> Page:
        """Return all components on one page, or those of one type, by name; those that are always there first."""
        kinds: Iterable[str] = COMPONENT_TYPES if component_type is None else [_read_type(component_type)]
        found = [components_of(self.store, kind) for kind in kinds]
        return _page([ComponentView(one, self.store) for of_type in found for one in of_type])

    def update_stack_component(
        self,
        name_id_or_prefix: str | None,
        component_type: str,
        *,
        name: str | None = None,
        configuration: Mapping[str, Any] | None = None,
        remove: Iterable[str] = (),
    ) -> ComponentView:
        """Change a component.

        Args:
            name_id_or_prefix: which one; None for that of the active stack.
            component_type: its type.
            name: another name.
            configuration: values by field, put in the place of what is there; None as a value takes a field away.
            remove: fields to take away.
        """
        component = self.get_stack_component(component_type, name_id_or_prefix).record
        refuse_default(component)
        loaded = load_flavor(component.type, component.flavor)
        dropped = {*remove, *(field for field, value in (configuration or {}).items() if value is None)}
        given = {field: value for field, value in (configuration or {}).items() if value is not None}
        what = f"the {words(component.type)} `{component.name}` (flavor `{component.flavor}`)"

        def merged(current: Mapping[str, Any]) -> dict[str, Any]:
            stays = {field: value for field, value in current.items() if field not in dropped}
            return check_configuration(loaded.config, {**stays, **given}, what)

        unknown = dropped - component.configuration.keys()
        if unknown:
            listed = ", ".join(f"`{field}`" for field in component.configuration) or "nothing"
            raise ConfigurationError(f"{what} does not set `{min(unknown)}`. It sets: {listed}.")
        checked = merged(component.configuration)
        new_name = component.name if name is None else _read_name(name, words(component.type))
        if new_name != component.name:
            self._rename(component, new_name)
            component = find_component(self.store, component.type, component.id)
        kept = self._keep_secrets(loaded, component.type, component.name, checked)
        given = {field: kept[field] for field in given}
        changed = self.store.stacks.change_component(component, merged)
        self.store.wait_durable()
        return ComponentView(changed, self.store)

    def delete_stack_component(self, name_id_or_prefix: str, component_type: str) -> None:
        """Delete a component that no stack is made of, with the secret that was made for it.

        Raises:
            ConfigurationError: a stack is made of it.
        """
        component = find_component(self.store, _read_type(component_type), str(name_id_or_prefix))
        refuse_default(component)
        self.store.stacks.delete_component(component)
        for secret in self.store.select(Secret, name=_secret_name(component.type, component.name)):
            self.store.delete(Secret, secret.id)
        self.store.wait_durable()

    def list_flavors(self, component_type: str) -> list[str]:
        """Return the names of the flavors of a type, those of this distribution first."""
        return list(flavor_names(_read_type(component_type)))

    def get_flavor(self, component_type: str, name: str) -> Flavor:
        """Return a flavor: its configuration class, what it can do, how it is installed."""
        return load_flavor(_read_type(component_type), name)

    # Details

    def _chosen(self, given: Mapping[str, str | ComponentView | None]) -> dict[str, Component]:
        """Return the components that are named, by type; those of None are left out."""
        found = {}
        for given_type, name in given.items():
            kind = _read_type(given_type)
            if name is None and kind in OF_EVERY_STACK:
                found[kind] = default_component(kind)
            elif name is not None:
                text = name.id if isinstance(name, ComponentView) else str(name)
                found[kind] = find_component(self.store, kind, text)
        return found

    def _rename(self, component: Component, name: str) -> None:
        """Give a component another name, and the secret that was made for it."""
        before, after = _secret_name(component.type, component.name), _secret_name(component.type, name)

        def referring(current: dict[str, Any]) -> dict[str, Any]:
            text = msgspec.json.encode(current).replace(f"{{{{{before}.".encode(), f"{{{{{after}.".encode())
            return dict(msgspec.json.decode(text))

        self.store.stacks.change_component(component, referring, name)
        for secret in self.store.select(Secret, name=before):
            self.store.secrets.change(secret, dict, name=after)

    def _keep_secrets(
        self, flavor: Flavor, kind: str, name: str, checked: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return a configuration whose clear texts of secret fields are kept as a secret of the component."""
        secret = _secret_name(kind, name)
        kept, texts = take_secrets(flavor.config, checked, secret)
        if texts:
            known = self.store.select(Secret, name=secret)
            if known:
                self.store.secrets.change(known[0], lambda values: {**values, **texts})
            else:
                self.store.secrets.create(secret, texts)
        return kept


def _page(items: list[Any]) -> Page:
    """Return everything there is as a page: of stacks and components nobody has thousands."""
    return Page(items, len(items), 1, max(1, len(items)))


def _secret_name(kind: str, name: str) -> str:
    return f"{kind}.{name}"


def _read_type(given: Any) -> str:
    kind = str(getattr(given, "value", given)).replace("-", "_")
    if kind not in COMPONENT_TYPES:
        close = nearest(kind, COMPONENT_TYPES)
        hint = f"Did you mean `{close}`?" if close else f"Types are: {', '.join(COMPONENT_TYPES)}."
        raise ConfigurationError(f"There is no type of component `{given}`. {hint}")
    return kind


def _read_stack_name(name: Any) -> str:
    if name == DEFAULT:
        raise ConfigurationError(
            "There is already a stack `default`, which stays as it is. Choose another name."
        )
    return _read_name(name, "stack")


def _read_name(name: Any, what: str) -> str:
    is_plain = isinstance(name, str) and name.isprintable() and name == name.strip() and name
    if not is_plain or set(name) & set("{}/\\"):
        raise ConfigurationError(
            f"{preview(name)} is no name for a {what}. Give it printable text without braces and slashes."
        )
    return str(name)
