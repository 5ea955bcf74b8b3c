"""Opening the active store, once per process and folder."""

from __future__ import annotations

import atexit
import os
import threading

from zenml.errors import ConfigurationError
from zenml.store.database import Database
from zenml.store.location import default_root
from zenml.store.owners import forget_leases

_instead: Database | None = None
"""What is the active store while something stands in for the one that the environment names."""
_open: dict[str, tuple[int, Database]] = {}
_lock = threading.Lock()


def open_store(root: str | None = None) -> Database:
    """Return the store in a folder, by default the active one; opened at the first call."""
    if root is None and _instead is not None:
        return _instead
    root = default_root() if root is None else root
    with _lock:
        known = _open.get(root)
        if known is not None and _is_still_there(known[1]):
            return known[1]
        if not _open:
            atexit.register(_close_all)
        store = Database(root, is_durable=read_durability())
        _open[root] = (os.getpid(), store)
        return store


def use_instead(store: Database | None) -> None:
    """Have a store be the active one of this process, whatever the environment says; None takes that back."""
    global _instead
    _instead = store


def close_store(root: str) -> None:
    """Close a store that this process opened, and give its lease back; its runs must have ended."""
    with _lock:
        known = _open.pop(root, None)
    if known is not None and known[0] == os.getpid():
        known[1].close()
        forget_leases(known[1].root)


def read_durability() -> bool:
    """Tell from `ZENML_DURABILITY` whether results must survive a power loss: `full` (default) or `relaxed`."""
    chosen = os.environ.get("ZENML_DURABILITY", "full").lower()
    if chosen not in ("full", "relaxed"):
        raise ConfigurationError(f"ZENML_DURABILITY is `{chosen}`; it can be `full` or `relaxed`.")
    return chosen == "full"


def _is_still_there(store: Database) -> bool:
    """Tell whether the file of an open store was not deleted under it."""
    return os.path.exists(store.file.path)


def _close_all() -> None:
    """Close the stores that this process opened; a forked child leaves its parent's alone."""
    for process, store in _open.values():
        if process == os.getpid():
            store.close()
    _open.clear()
    forget_leases()
