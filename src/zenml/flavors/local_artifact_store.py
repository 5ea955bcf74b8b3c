"""Keep artifacts in a folder on this machine's disk.

Nothing to install. The artifact store `default` is of this flavor: the folder `artifacts` of the store.

    zenml artifact-store register big-disk --flavor local --path /data/artifacts
    zenml stack register training -a big-disk --set

Each artifact is a folder named by its key, with its files and a `manifest.json`, readable by
this user only. Files never change once they are there, so arrays can be mapped into memory
straight from the store.

Tested with real files, kills of the writer, and damaged and missing files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from zenml import fs
from zenml.artifacts import commit, verification
from zenml.artifacts.artifact_store import ArtifactStore, Kept
from zenml.artifacts.folder import Staging
from zenml.artifacts.local_folders import local_folders
from zenml.components.flavor import Configuration, Flavor, Place
from zenml.records.artifact_data import FileEntry, StoredValue


class LocalArtifactStoreConfig(Configuration, frozen=True, kw_only=True):
    """Where the artifacts are."""

    path: Annotated[str, Meta(description="A folder that this user may write; it is made when it is needed.")]


class LocalArtifactStore(ArtifactStore):
    """Keeps artifacts in a folder; it is made when the first artifact is staged."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    def stage(self, hint: str) -> Staging:
        """Make a private folder below `.staging`."""
        return commit.stage(self.path, hint)

    def publish(self, staging: Staging, about: dict[str, Any]) -> tuple[FileEntry, ...]:
        """Seal the staged folder and rename it to its key."""
        return commit.publish(staging, self.path, about)

    def discard(self, attempt: str) -> None:
        """Remove the staging folder of an attempt."""
        fs.remove_tree(os.path.join(self.path, commit.STAGING, commit.key_for(attempt)))

    def check(self, stored: StoredValue) -> None:
        """Look for every file and its size."""
        if stored.key is not None:
            verification.check(stored, self._folder(stored.key))

    def fetch(self, stored: StoredValue) -> str:
        """Verify the files where they are."""
        folder = self._folder(stored.key or "")
        verification.verify(stored, folder)
        return folder

    def uri(self, key: str) -> str:
        """Return the path of the folder."""
        return os.path.join(self.path, key)

    def delete(self, key: str) -> None:
        """Remove the folder of an artifact."""
        fs.remove_tree(self._folder(key))

    def published(self) -> Iterator[Kept]:
        """Yield the artifact folders."""
        return local_folders(self.path)

    def unpublished(self) -> Iterator[Kept]:
        """Yield the folders below `.staging`."""
        return local_folders(os.path.join(self.path, commit.STAGING))

    def _folder(self, key: str) -> str:
        return os.path.join(self.path, commit.checked_key(key))


def _open(config: LocalArtifactStoreConfig, place: Place) -> LocalArtifactStore:
    return LocalArtifactStore(os.path.expanduser(config.path))


FLAVOR = Flavor(type="artifact_store", name="local", component=_open, config=LocalArtifactStoreConfig)
