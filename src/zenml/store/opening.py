"""Opening the active store, once per process and folder."""

from __future__ import annotations

import atexit
import os
import threading

from zenml.errors import ConfigurationError
from zenml.store.address import address_of
from zenml.store.database import Database
from zenml.store.location import default_root, home_of
from zenml.store.owners import forget_leases

_instead: Database | None = None
"""What is the active store while something stands in for the one that the environment names."""
_open: dict[tuple[str, str | None], tuple[int, Database]] = {}
"""By folder and address of the team's database, if there is one."""
_lock = threading.Lock()


def open_store(root: str | None = None) -> Database:
    """Return the store in a folder, by default the active one; opened at the first call."""
    if root is None and _instead is not None:
        return _instead
    root = home_of(default_root() if root is None else root)
    address = address_of(root)
    with _lock:
        known = _open.get((root, address))
        if known is not None and known[1].file.is_there():
            return known[1]
        if not _open:
            atexit.register(_close_all)
        store = Database(root, is_durable=read_durability(), address=address)
        _open[root, address] = (os.getpid(), store)
        return store


def use_instead(store: Database | None) -> None:
    """Have a store be the active one of this process, whatever the environment says; None takes that back."""
    global _instead
    _instead = store


def close_store(root: str) -> None:
    """Close a store that this process opened, and give its lease back; its runs must have ended."""
    with _lock:
        known = [_open.pop(one) for one in list(_open) if one[0] == home_of(root)]
    for process, store in known:
        if process == os.getpid():
            store.close()
            forget_leases(store.root)


def read_durability() -> bool:
    """Tell from `ZENML_DURABILITY` whether results must survive a power loss: `full` (default) or `relaxed`."""
    chosen = os.environ.get("ZENML_DURABILITY", "full").lower()
    if chosen not in ("full", "relaxed"):
        raise ConfigurationError(f"ZENML_DURABILITY is `{chosen}`; it can be `full` or `relaxed`.")
    return chosen == "full"


def _close_all() -> None:
    """Close the stores that this process opened; a forked child leaves its parent's alone."""
    for process, store in _open.values():
        if process == os.getpid():
            store.close()
    _open.clear()
    forget_leases()
