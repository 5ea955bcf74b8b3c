"""Which stack is active, and how stacks are found by name.

The first that says something decides: `ZENML_ACTIVE_STACK`, the repository that the working directory lies
in (`zenml init`), what `zenml stack set` noted for this user on this machine, and else the stack `default`.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from zenml import fs
from zenml.components.kinds import OF_EVERY_STACK, words
from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.stacks import (
    DEFAULT,
    Component,
    Stack,
    StackRow,
    default_component,
    default_stack,
    is_default,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.store.store import Store

VARIABLES = ("ZENML_ACTIVE_STACK", "ZENML_ACTIVE_STACK_ID")
REPOSITORY = "ZENML_REPOSITORY_PATH"
REPOSITORY_FOLDER = ".zen"
_FILE = "config.json"
_NOTED = "active_stack"

_of_memory: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""What is active of stores in memory."""


def active_stack(store: Store) -> Stack:
    """Return the stack that runs are made with.

    Raises:
        NotFoundError: what is named is not there; the message says where it was named, and what there is.
    """
    name, where = active_name(store)
    if name == DEFAULT:
        return default_stack()
    try:
        return find_stack(store, name)
    except NotFoundError as error:
        raise NotFoundError(f"{where} names the stack `{name}` as the active one. {error}") from error


def active_name(store: Store) -> tuple[str, str]:
    """Return name or id of the active stack, and what says so."""
    for variable in VARIABLES:
        if os.environ.get(variable):
            return os.environ[variable], f"The variable {variable}"
    repository = repository_root()
    pinned = None if repository is None else read_pin(repository)
    if repository is not None and pinned:
        return pinned, f"The repository `{repository}`"
    if store.root == ":memory:":
        return _of_memory.get(store, DEFAULT), "This process"
    try:
        with open(os.path.join(store.root, _NOTED), encoding="utf-8") as file:
            return file.read().strip() or DEFAULT, "`zenml stack set`"
    except FileNotFoundError:
        return DEFAULT, "The default"


def set_active(store: Store, stack: Stack, *, everywhere: bool = False) -> str | None:
    """Make a stack the active one, of the repository if there is one; return the folder of that repository.

    Args:
        store: the store in which the stack is.
        stack: the stack.
        everywhere: for this user on this machine, even from within a repository.
    """
    repository = None if everywhere else repository_root()
    if repository is not None:
        pin(repository, stack.name)
    elif store.root == ":memory:":
        _of_memory[store] = stack.id
    else:
        _write(os.path.join(store.root, _NOTED), stack.id)
    return repository


def repository_root() -> str | None:
    """Return the folder that `zenml init` was called in: the working directory, or one above it."""
    chosen = os.environ.get(REPOSITORY)
    if chosen:
        return os.path.abspath(chosen)
    try:
        folder = os.getcwd()
    except FileNotFoundError:  # it was deleted
        return None
    while not os.path.isdir(os.path.join(folder, REPOSITORY_FOLDER)):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def pin(folder: str, name: str | None) -> None:
    """Note in a repository which stack is active in it; with None only that it is a repository."""
    import json

    inner = os.path.join(folder, REPOSITORY_FOLDER)
    os.makedirs(inner, exist_ok=True)
    _write(os.path.join(inner, _FILE), json.dumps({"active_stack": name}, indent=2) + "\n")


def read_pin(folder: str) -> str | None:
    """Return name or id of the stack that a repository pins, if it pins one."""
    import json

    path = os.path.join(folder, REPOSITORY_FOLDER, _FILE)
    try:
        with open(path, encoding="utf-8") as file:
            found: Any = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"`{path}` cannot be read: {error}. Write it anew: zenml init {folder}"
        ) from error
    name = found.get("active_stack") if isinstance(found, dict) else None
    if name is not None and not isinstance(name, str):
        raise ConfigurationError(
            f"`active_stack` in `{path}` is {name!r:.80}; it must be the name of a stack."
        )
    return name


def find_stack(store: Store, text: str) -> Stack:
    """Return a stack by name, id, or four or more digits at either end of the id.

    Raises:
        NotFoundError: there is none; close names are listed.
    """
    if text == DEFAULT:
        return default_stack()
    rows = store.select(StackRow, name=text) or store.select(StackRow, id=text)
    rows = rows or (store.with_digits(StackRow, text) if len(text) >= 4 else [])
    if len(rows) != 1:
        names = [DEFAULT, *sorted(row.name for row in store.select(StackRow))]
        raise NotFoundError(
            f"There is no stack `{text}`. {_close(text, names)}Make one with `zenml stack register {text}`."
        )
    return whole(rows[0].id, rows[0].name, store.stacks.members_of(rows[0].id))


def whole(identifier: str, name: str, members: Sequence[Component]) -> Stack:
    """Return a stack of its recorded components and the default ones of what no stack lacks."""
    components = {kind: default_component(kind) for kind in OF_EVERY_STACK}
    return Stack(identifier, name, components | {one.type: one for one in members})


def find_component(store: Store, kind: str, text: str) -> Component:
    """Return a registered component by name, id, or four or more digits at either end of the id.

    Raises:
        NotFoundError: there is none; close names are listed.
    """
    if text == DEFAULT and kind in OF_EVERY_STACK:
        return default_component(kind)
    found = store.select(Component, type=kind, name=text) or store.select(Component, type=kind, id=text)
    if not found and len(text) >= 4:
        found = [one for one in store.with_digits(Component, text) if one.type == kind]
    if len(found) != 1:
        names = [one.name for one in components_of(store, kind)]
        command = kind.replace("_", "-")
        raise NotFoundError(
            f"There is no {words(kind)} `{text}`. {_close(text, names)}"
            f"`zenml {command} list` shows them; `zenml {command} register {text} --flavor …` makes it."
        )
    return found[0]


def components_of(store: Store, kind: str) -> list[Component]:
    """Return all components of a type, those that are there without asking first."""
    own = [default_component(kind)] if kind in OF_EVERY_STACK else []
    return [*own, *sorted(store.select(Component, type=kind), key=lambda one: one.name)]


def stacks_of(store: Store) -> list[Stack]:
    """Return all stacks, the default one first, then by name."""
    members = store.stacks.members()
    rows = sorted(store.select(StackRow), key=lambda row: row.name)
    return [default_stack(), *(whole(row.id, row.name, members.get(row.id, ())) for row in rows)]


def refuse_default(component: Component | Stack) -> None:
    """Raise for what is there without being recorded: it stays as it is."""
    if isinstance(component, Stack) and component.id == DEFAULT:
        raise ConfigurationError(
            "The stack `default` stays as it is. Make one of your own: zenml stack copy default NAME"
        )
    if isinstance(component, Component) and is_default(component):
        raise ConfigurationError(
            f"The {words(component.type)} `default` stays as it is. Register one of your own: "
            f"zenml {component.type.replace('_', '-')} register NAME --flavor …"
        )


def _close(text: str, names: Sequence[str]) -> str:
    import difflib  # for errors only

    close = difflib.get_close_matches(text, names, 1)
    listed = ", ".join(f"`{name}`" for name in names[:10]) or "none"
    return f"Did you mean `{close[0]}`? " if close else f"There is: {listed}. "


def _write(path: str, text: str) -> None:
    draft = fs.write_draft(path, text.encode(), is_durable=True)
    fs.rename(draft, path)
