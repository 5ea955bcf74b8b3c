"""A fresh store in a temporary folder, as the active one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zenml.store.database import Database
from zenml.store.opening import open_store


@pytest.fixture
def open_fresh_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Database]]:
    """Return a function that opens a fresh store and makes it the active one."""
    opened: list[Database] = []

    def open_it(durability: str = "full") -> Database:
        monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / f"store{len(opened)}"))
        monkeypatch.setenv("ZENML_DURABILITY", durability)
        monkeypatch.setenv("ZENML_QUIET", "1")
        opened.append(open_store())
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_fresh_store: Callable[..., Database]) -> Database:
    """Return a fresh, durable store."""
    return open_fresh_store()
