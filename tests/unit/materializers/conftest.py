"""A store in a temporary folder, and the round trip through it."""

import os

import pytest

from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save


@pytest.fixture
def there_and_back(tmp_path):
    """Return a function that stores a value and loads it again, by default without trust."""
    store = LocalArtifactStore(str(tmp_path / "artifacts"))

    def go(value, *, trusted=False):
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
        return stored, load(stored, artifact_store=store, trusted=trusted)

    go.store = store
    return go
