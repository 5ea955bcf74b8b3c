"""The pytest plugin: fixtures that give a test a store of its own. It loads nothing until one is used.

`def test_training(zenml_lab):` runs pipelines in memory, `zenml_store` gives a folder on the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zenml.testing.lab import Lab


@pytest.fixture
def zenml_lab() -> Iterator[Lab]:
    """A lab: a store in memory, every step in this thread, fakes, a virtual clock."""
    from zenml.testing.lab import in_memory

    with in_memory() as lab:
        yield lab


@pytest.fixture
def zenml_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a fresh store on disk, which is the active one of this test and of processes that it starts.

    The real engine runs steps in threads and processes. Results need not survive a power loss, and
    nothing is printed about runs. The environment is as before when the test ends.
    """
    from zenml.store.opening import close_store

    folder = tmp_path / "zenml"
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(folder))
    monkeypatch.setenv("ZENML_DURABILITY", "relaxed")
    monkeypatch.setenv("ZENML_QUIET", "1")
    yield folder
    close_store(str(folder))
