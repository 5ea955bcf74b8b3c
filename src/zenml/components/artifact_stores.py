"""All artifact stores that artifacts of one database lie in, reached as if they were one.

What is stored goes to the one that the run was given; what is read comes from the one that its row names.
Rows of the folder beside the database name none, and then nothing else is looked up, imported or opened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from zenml.artifacts.artifact_store import ArtifactStore, Kept
from zenml.components.registry import local_artifact_store, open_address
from zenml.errors import ComponentError

if TYPE_CHECKING:
    from zenml.artifacts.folder import Staging
    from zenml.records.artifact_data import FileEntry, StoredValue
    from zenml.records.stacks import PartAddress, Stack
    from zenml.records.task import StepTask
    from zenml.store.store import Store

_SECONDS_LOST = 30.0
"""How long a store that was not reached is not asked again whether it has a cached result: each time takes many tries."""


class AddressBook(Protocol):
    """Knows the registered artifact stores of a database."""

    def current(self) -> PartAddress | None:
        """Return where new artifacts go; None for the folder beside the database."""

    def find(self, store_id: str) -> PartAddress | None:
        """Return the address of a registered store; None if it is not registered any more."""

    def all(self) -> Iterable[PartAddress]:
        """Return the addresses of all registered stores."""


class ListedAddresses:
    """The addresses that it was given."""

    def __init__(self, addresses: Iterable[PartAddress] = (), current: PartAddress | None = None) -> None:
        self._current = current
        self._all = {one.id: one for one in addresses}
        if current is not None:
            self._all[current.id] = current

    def current(self) -> PartAddress | None:
        """Return the one that was given as the current one."""
        return self._current

    def find(self, store_id: str) -> PartAddress | None:
        """Return the one with the id."""
        return self._all.get(store_id)

    def all(self) -> Iterable[PartAddress]:
        """Return all."""
        return self._all.values()


_opened: dict[str, tuple[PartAddress, ArtifactStore]] = {}
"""Stores of this process, by id."""


def artifact_stores(store: Store, stack: Stack | None = None) -> ArtifactStores:
    """Return the artifact stores of a database; new artifacts go to that of a stack, by default the active one."""
    from zenml.components.parts import RegisteredStores

    return ArtifactStores(store.artifact_root, RegisteredStores(store, stack))


def artifact_stores_of(task: StepTask) -> ArtifactStores:
    """Return the artifact stores that a step may need."""
    return ArtifactStores(task.artifact_root, ListedAddresses(task.stores, task.store))


def open_store(address: PartAddress) -> ArtifactStore:
    """Return the store at an address, opened once in this process."""
    known = _opened.get(address.id)
    if known is not None and known[0] == address:
        return known[1]
    opened: ArtifactStore = open_address("artifact_store", address)
    opened.store_id = address.id
    _opened[address.id] = address, opened
    return opened


class ArtifactStores(ArtifactStore):
    """The artifact stores of a database.

    Args:
        root: the folder beside the database.
        book: knows the others.
    """

    def __init__(self, root: str, book: AddressBook | None = None) -> None:
        self.default = local_artifact_store(root)
        self.book = book or ListedAddresses()
        self.tell: Callable[[str], None] | None = None
        """Hears, once for each store, that cached results cannot be used because it is not reached."""
        self._current: ArtifactStore | None = None
        self._lost: dict[str | None, tuple[float, ComponentError]] = {}

    @property
    def store_id(self) -> str | None:  # type: ignore[override]  # it depends on the run
        """The id of the store that new artifacts go to."""
        address = self.book.current()
        return None if address is None else address.id

    @property
    def current(self) -> ArtifactStore:
        """The store that new artifacts go to."""
        if self._current is None:
            address = self.book.current()
            self._current = self.default if address is None else open_store(address)
        return self._current

    def of(self, store_id: str | None) -> ArtifactStore:
        """Return the store that a row names.

        Raises:
            ComponentError: it is not registered any more.
        """
        if store_id is None:
            return self.default
        address = self.book.find(store_id)
        if address is None:
            raise ComponentError(
                f"The artifact store `{store_id}` is not registered any more, so what lies in it cannot be reached. Run"
                " the pipeline again to make the values anew, or load them where the store is registered."
            )
        return open_store(address)

    def addresses(self, store_ids: Iterable[str | None]) -> tuple[PartAddress, ...]:
        """Return the addresses of stores, for another process; those that are not registered are left out."""
        found = (self.book.find(one) for one in dict.fromkeys(store_ids) if one is not None)
        return tuple(address for address in found if address is not None)

    # What is stored

    def stage(self, hint: str) -> Staging:
        """Make a private local folder for an output."""
        return self.current.stage(hint)

    def publish(self, staging: Staging, about: dict[str, Any]) -> tuple[FileEntry, ...]:
        """Store a staged folder in the store of this run."""
        return self.current.publish(staging, about)

    def discard(self, attempt: str) -> None:
        """Remove what an attempt has left in the store of this run."""
        self.current.discard(attempt)

    def delete(self, key: str) -> None:
        """Remove a folder from the store of this run."""
        self.current.delete(key)

    def uri(self, key: str) -> str:
        """Return where a folder of the store of this run is."""
        return self.current.uri(key)

    def published(self) -> Iterator[Kept]:
        """Yield the folders of the store of this run."""
        return self.current.published()

    def unpublished(self) -> Iterator[Kept]:
        """Yield what attempts have left in the store of this run."""
        return self.current.unpublished()

    # What is read

    def check(self, stored: StoredValue) -> None:
        """Look for the files where the row says that they are."""
        if stored.store_id is None:
            self.default.check(stored)
            return
        until, error = self._lost.get(stored.store_id, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error
        try:
            self.of(stored.store_id).check(stored)
        except ComponentError as lost:
            self._lost[stored.store_id] = time.monotonic() + _SECONDS_LOST, lost
            if error is None and self.tell is not None:
                self.tell(f"Cached results are not used whose files cannot be looked for. {lost}")
            raise

    def fetch(self, stored: StoredValue) -> str:
        """Return a local folder with the files from where the row says that they are."""
        return self.of(stored.store_id).fetch(stored)
