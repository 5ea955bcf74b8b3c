"""Components and stacks in the store: what is special about writing them.

Names are looked for inside the transaction that takes them, and what a component is used by inside
the one that deletes it, so two processes never leave a stack with a hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.ids import microseconds_now, new_id
from zenml.records.stacks import Component, Stack, StackMember, StackRow, is_default
from zenml.store.row_writing import insert_once
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from zenml.store.file import StoreFile, Transaction

_COMPONENT = f"{table_of(Component).select} WHERE id = :id"
_CHANGE_COMPONENT = """
UPDATE components SET name = :name, configuration = :configuration, updated_at = :updated_at WHERE id = :id
"""
_RENAME_STACK = "UPDATE stacks SET name = :name, updated_at = :updated_at WHERE id = :id"
_OTHER_COMPONENT = "SELECT id FROM components WHERE type = :type AND name = :name AND id <> :id"
_OTHER_STACK = "SELECT id FROM stacks WHERE name = :name AND id <> :id"
_STACKS_WITH = """
SELECT s.name FROM stacks s JOIN stack_components m ON m.stack_id = s.id
WHERE m.component_id = :id ORDER BY s.name
"""
_ARTIFACTS_IN = "SELECT count(*) FROM artifacts WHERE store_id = :id"
_COLUMNS = ", ".join(f"c.{name}" for name in table_of(Component).names)
_MEMBERS = f"SELECT m.stack_id, {_COLUMNS} FROM stack_components m JOIN components c ON c.id = m.component_id"  # noqa: S608  names of our own fields


class StackTables:
    """The components and stacks of a store."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    # Components

    def add_component(self, kind: str, flavor: str, name: str, configuration: Mapping[str, Any]) -> Component:
        """Record a new component.

        Raises:
            ConfigurationError: there is one of this type and name.
        """
        now = microseconds_now()
        component = Component(
            id=new_id(), type=kind, flavor=flavor, name=name,
            configuration=dict(configuration), created_at=now, updated_at=now,
        )  # fmt: skip
        with self._file.write() as transaction:
            _refuse_taken_component(transaction, component)
            insert_once(transaction, component)
        return component

    def change_component(
        self,
        component: Component,
        change: Callable[[dict[str, Any]], Mapping[str, Any]],
        name: str | None = None,
    ) -> Component:
        """Replace the configuration of a component by what a function makes of it, and its name if one is given.

        Raises:
            NotFoundError: it was deleted meanwhile.
            ConfigurationError: the new name is taken.
        """
        table = table_of(Component)
        with self._file.write() as transaction:
            rows = transaction.read(_COMPONENT, {"id": component.id})
            if not rows:
                raise NotFoundError(f"The {component.type} `{component.name}` was deleted meanwhile.")
            current: Component = table.record(rows[0])
            changed = msgspec.structs.replace(
                current,
                name=name or current.name,
                configuration=dict(change(dict(current.configuration))),
                updated_at=microseconds_now(),
            )
            _refuse_taken_component(transaction, changed)
            values = table.row(changed)
            kept = ("name", "configuration", "updated_at", "id")
            transaction.run(_CHANGE_COMPONENT, {field: values[field] for field in kept})
        return changed

    def delete_component(self, component: Component) -> bool:
        """Delete a component; return whether it was there.

        Raises:
            ConfigurationError: stacks are made of it, or artifacts lie in it.
        """
        with self._file.write() as transaction:
            users = [name for (name,) in transaction.read(_STACKS_WITH, {"id": component.id})]
            if users:
                listed = ", ".join(f"`{name}`" for name in users)
                raise ConfigurationError(
                    f"The {component.type} `{component.name}` is part of the stack{'s' if len(users) > 1 else ''} "
                    f"{listed}. Give {'them' if len(users) > 1 else 'it'} another one with `zenml stack update`, or "
                    "delete the stack first."
                )
            ((artifacts,),) = transaction.read(_ARTIFACTS_IN, {"id": component.id})
            if artifacts:
                raise ConfigurationError(
                    f"The {component.type} `{component.name}` holds the files of {artifacts} artifacts of this store. Delete "
                    "the runs that made them and collect them first: zenml run delete RUN, zenml gc"
                )
            return transaction.run("DELETE FROM components WHERE id = :id", {"id": component.id}) == 1

    # Stacks

    def add(self, name: str, components: Sequence[Component]) -> Stack:
        """Record a new stack.

        Raises:
            ConfigurationError: there is one of this name.
            NotFoundError: a component was deleted meanwhile.
        """
        now = microseconds_now()
        row = StackRow(id=new_id(), name=name, created_at=now, updated_at=now)
        with self._file.write() as transaction:
            _refuse_taken_stack(transaction, row.id, name)
            insert_once(transaction, row)
            _write_members(transaction, row.id, components)
        return Stack(row.id, name, {one.type: one for one in components})

    def change(self, stack: Stack, components: Sequence[Component], name: str | None = None) -> Stack:
        """Replace what a stack is made of, and its name if one is given.

        Raises:
            NotFoundError: the stack, or a component, was deleted meanwhile.
            ConfigurationError: the new name is taken.
        """
        name = name or stack.name
        with self._file.write() as transaction:
            _refuse_taken_stack(transaction, stack.id, name)
            values = {"id": stack.id, "name": name, "updated_at": microseconds_now()}
            if not transaction.run(_RENAME_STACK, values):
                raise NotFoundError(f"The stack `{stack.name}` was deleted meanwhile.")
            transaction.run("DELETE FROM stack_components WHERE stack_id = :id", {"id": stack.id})
            _write_members(transaction, stack.id, components)
        return Stack(stack.id, name, {one.type: one for one in components})

    def delete(self, stack: Stack) -> bool:
        """Delete a stack and leave its components; return whether it was there."""
        with self._file.write() as transaction:
            return transaction.run("DELETE FROM stacks WHERE id = :id", {"id": stack.id}) == 1

    def members(self) -> dict[str, list[Component]]:
        """Return the recorded components of all stacks, by id of the stack: of those nobody has thousands."""
        found: dict[str, list[Component]] = {}
        table = table_of(Component)
        for stack, *row in self._file.read(_MEMBERS):
            found.setdefault(stack, []).append(table.record(tuple(row)))
        return found

    def members_of(self, stack_id: str) -> list[Component]:
        """Return the recorded components of one stack."""
        table = table_of(Component)
        rows = self._file.read(f"{_MEMBERS} WHERE m.stack_id = :id", {"id": stack_id})
        return [table.record(tuple(row)) for _, *row in rows]


def _write_members(transaction: Transaction, stack_id: str, components: Sequence[Component]) -> None:
    for component in components:
        if is_default(component):
            continue
        if not transaction.read(_COMPONENT, {"id": component.id}):
            raise NotFoundError(f"The {component.type} `{component.name}` was deleted meanwhile.")
        insert_once(
            transaction, StackMember(stack_id=stack_id, type=component.type, component_id=component.id)
        )


def _refuse_taken_component(transaction: Transaction, component: Component) -> None:
    asked = {"type": component.type, "name": component.name, "id": component.id}
    if transaction.read(_OTHER_COMPONENT, asked):
        raise ConfigurationError(
            f"There is already a component `{component.name}` of type `{component.type}`. Change it with "
            f"`zenml {component.type.replace('_', '-')} update {component.name}`, or choose another name."
        )


def _refuse_taken_stack(transaction: Transaction, identifier: str, name: str) -> None:
    if transaction.read(_OTHER_STACK, {"name": name, "id": identifier}):
        raise ConfigurationError(
            f"There is already a stack `{name}`. Change it with `zenml stack update {name}`, or choose another name."
        )
