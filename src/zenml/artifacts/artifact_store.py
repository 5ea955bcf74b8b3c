"""What every artifact store can do: keep folders of files under keys, whole or not at all.

Materializers write into a staged local folder and read from a verified local folder, so a
store decides only how the bytes travel. Callers hold keys and stored values, never paths.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from zenml.artifacts.folder import Staging
from zenml.records.artifact_data import FileEntry, StoredValue


class ArtifactStore(ABC):
    """Keeps the bytes of artifacts."""

    @abstractmethod
    def stage(self, hint: str) -> Staging:
        """Make a private local folder for an output; `hint` is `<attempt id>/<output name>`."""

    @abstractmethod
    def publish(self, staging: Staging, about: dict[str, Any]) -> tuple[FileEntry, ...]:
        """Store a staged folder under its key, durably, and return its files.

        Afterwards the folder is there whole; if this raises or the process dies, it is not there.
        `about` is kept with the files for people and recovery tools.
        """

    @abstractmethod
    def discard(self, attempt: str) -> None:
        """Remove everything an attempt has staged and not published."""

    @abstractmethod
    def check(self, stored: StoredValue) -> None:
        """Raise `ArtifactDamagedError` unless every file is there with its size. Reads no content."""

    @abstractmethod
    def fetch(self, stored: StoredValue) -> str:
        """Return a local, read-only folder with the files, every digest verified."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a stored folder; a missing one is no error."""

    @abstractmethod
    def keys(self) -> Iterator[str]:
        """Yield the keys of all stored folders."""

    @abstractmethod
    def staged_attempts(self) -> Iterator[str]:
        """Yield the ids of attempts that have staged something and not published it."""
