"""What every artifact store can do: keep folders of files under keys, whole or not at all.

Materializers write into a staged local folder and read from a verified local folder, so a
store decides only how the bytes travel. Callers hold keys and stored values, never paths.
`zenml.components.artifact_store_check` holds the conformance checks that every store passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from zenml.artifacts.folder import Staging
from zenml.records.artifact_data import FileEntry, StoredValue


class Measure(msgspec.Struct, frozen=True):
    """How large something is, and when it was changed last."""

    size: int
    changed_at: float
    """Seconds since 1970."""


class Kept(msgspec.Struct, frozen=True):
    """Something that a store keeps."""

    name: str
    measure: Callable[[], Measure | None]
    """Asked only for what may be removed, since it can take a look at every file; None: it is gone."""


class ArtifactStore(ABC):
    """Keeps the bytes of artifacts.

    Every method may raise `ComponentError`: the service behind the store is not reached, or refuses.
    """

    store_id: str | None = None
    """Under which id rows name the store; None for the folder beside the database."""

    @abstractmethod
    def stage(self, hint: str) -> Staging:
        """Make a private local folder for an output; `hint` is `<attempt id>/<output name>`."""

    @abstractmethod
    def publish(self, staging: Staging, about: dict[str, Any]) -> tuple[FileEntry, ...]:
        """Store a staged folder under its key, durably, and return its files.

        Afterwards the folder is there whole; if this raises or the process dies, it is not there.
        `about` is kept with the files for people and recovery tools.

        Raises:
            ArtifactError: something is stored under the key already; it stays as it is.
        """

    @abstractmethod
    def discard(self, attempt: str) -> None:
        """Remove everything an attempt has staged, or has begun to publish, and not published."""

    @abstractmethod
    def check(self, stored: StoredValue) -> None:
        """Raise `ArtifactDamagedError` unless every file is there with its size. Reads no content."""

    @abstractmethod
    def fetch(self, stored: StoredValue) -> str:
        """Return a local, read-only folder with the files, every digest verified.

        The folder stays as long as this process lives, unless the artifact is deleted.
        """

    @abstractmethod
    def uri(self, key: str) -> str:
        """Return where a stored folder is, for people."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a stored folder; a missing one is no error."""

    @abstractmethod
    def published(self) -> Iterator[Kept]:
        """Yield all stored folders, named by their keys."""

    @abstractmethod
    def unpublished(self) -> Iterator[Kept]:
        """Yield what attempts have staged, or begun to publish and not published, by the attempts' ids.

        What a living process is writing has been changed within the last hour, whatever it does.
        """

    def keys(self) -> Iterator[str]:
        """Yield the keys of all stored folders."""
        return (one.name for one in self.published())

    def staged_attempts(self) -> Iterator[str]:
        """Yield the ids of attempts that have staged something and not published it."""
        return (one.name for one in self.unpublished())
