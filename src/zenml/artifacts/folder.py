"""The folder in which a materializer works: verbs on files, and a writer that hashes as it goes.

User-written materializers get it as `self.artifact_store` and may as well use plain `open` on
`self.uri`, which is a real folder. What they write is hashed and made durable afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any

from zenml import fs
from zenml.artifacts.hashing import HashingWriter
from zenml.records.artifact_data import FileEntry


class Folder:
    """File operations for materializers; relative paths count from the folder itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def open(self, path: str, mode: str = "r", **options: Any) -> IO[Any]:
        """Open a file like the built-in `open`."""
        path = self._at(path)
        fs.point("open", path)
        return open(path, mode, **options)  # the caller closes it

    def exists(self, path: str) -> bool:
        """Tell whether there is something at the path."""
        return os.path.exists(self._at(path))

    def isdir(self, path: str) -> bool:
        """Tell whether there is a folder at the path."""
        return os.path.isdir(self._at(path))

    def listdir(self, path: str = "") -> list[str]:
        """Return the names in a folder, in order."""
        return sorted(os.listdir(self._at(path)))

    def walk(self, path: str = "") -> Iterator[tuple[str, list[str], list[str]]]:
        """Walk a folder like `os.walk`."""
        return os.walk(self._at(path))

    def makedirs(self, path: str) -> None:
        """Make a folder and all above it."""
        os.makedirs(self._at(path), exist_ok=True)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        os.mkdir(self._at(path))

    def remove(self, path: str) -> None:
        """Remove a file."""
        fs.remove(self._at(path))

    def rename(self, source: str, target: str) -> None:
        """Rename a file."""
        fs.rename(self._at(source), self._at(target))

    def size(self, path: str) -> int:
        """Return the size of a file."""
        return os.path.getsize(self._at(path))

    def _at(self, path: str) -> str:
        return os.path.join(self.path, path)


class Staging(Folder):
    """A private folder that is being filled and will be stored under a key."""

    def __init__(self, path: str, key: str, *, outer: Staging | None = None) -> None:
        super().__init__(path)
        self.key = key
        self.sealed: dict[str, FileEntry] = {} if outer is None else outer.sealed
        """Files that are hashed, durable and read-only already, by their path in the outermost folder."""
        self._prefix: str = "" if outer is None else outer._prefix + os.path.relpath(path, outer.path) + "/"

    def inner(self, name: str) -> Staging:
        """Make a folder in this one, for a part of the value; it is stored as part of this one."""
        path = self._at(name)
        fs.make_folder(path)
        return Staging(path, self.key, outer=self)

    def create(self, name: str) -> HashingWriter:
        """Create a file whose digest is computed while it is written."""
        path = self._at(name)
        fs.make_folder(os.path.dirname(path))
        recorded = self._prefix + name

        def seal(size: int, digest: str) -> None:
            self.sealed[recorded] = FileEntry(recorded, size, digest)

        return HashingWriter(path, seal)

    def abandon(self) -> None:
        """Remove the staged folder: nothing will be stored."""
        fs.remove_tree(self.path)
        fs.remove_if_empty(os.path.dirname(self.path))
