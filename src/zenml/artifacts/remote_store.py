"""Keep artifacts in a bucket of a storage service; flavors say which service, and how to connect.

Values are staged in a folder of this machine and uploaded when they are whole; what is read comes
through a cache of this machine, which also takes what was uploaded from here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from zenml import fs
from zenml.artifacts import commit, remote_commit
from zenml.artifacts.artifact_store import ArtifactStore, Kept, Measure
from zenml.artifacts.bucket import Bucket, Found
from zenml.artifacts.folder import Staging
from zenml.artifacts.local_folders import local_folders
from zenml.artifacts.remote_cache import RemoteCache
from zenml.artifacts.remote_fetch import download
from zenml.artifacts.verification import MANIFEST, check_list, damaged
from zenml.records.artifact_data import FileEntry, StoredValue


class RemoteArtifactStore(ArtifactStore):
    """Keeps artifacts in a bucket.

    Args:
        bucket: where they are.
        folder: a folder of this machine for staging and cache, made when it is needed.
        cache_size: the bytes that the cache may take.
    """

    def __init__(self, bucket: Bucket, folder: str, cache_size: int) -> None:
        self.bucket = bucket
        self.folder = folder
        self.cache = RemoteCache(os.path.join(folder, "cache"), cache_size)

    def stage(self, hint: str) -> Staging:
        """Make a private folder on this machine."""
        return commit.stage(self.folder, hint)

    def publish(self, staging: Staging, about: dict[str, Any]) -> tuple[FileEntry, ...]:
        """Upload the staged files, then their manifest; the folder itself goes into the cache."""
        files = commit.seal(staging)
        remote_commit.publish(self.bucket, staging.key, staging.path, files, about)
        try:
            self.cache.adopt(staging.path, files)
        except OSError:
            staging.abandon()  # the artifact is stored, and is downloaded when it is needed
        fs.remove_if_empty(os.path.dirname(staging.path))
        return files

    def discard(self, attempt: str) -> None:
        """Remove the staging folder of an attempt, and what it has uploaded without a manifest."""
        prefix = commit.key_for(attempt)
        fs.remove_tree(os.path.join(self.folder, commit.STAGING, prefix))
        folders = _by_key(self.bucket.find_beginning(f"{prefix}."))
        names = [name for key, found in folders.items() if not _is_published(key, found) for name in found]
        self.bucket.remove(names)

    def check(self, stored: StoredValue) -> None:
        """List the artifact's objects, with one request for every thousand files."""
        if stored.key is not None:
            self._check(commit.checked_key(stored.key), stored)

    def fetch(self, stored: StoredValue) -> str:
        """Return the copy in the cache; without one, download and verify."""
        key = commit.checked_key(stored.key or "")
        check_list(stored)

        def fill(folder: str) -> None:
            self._check(key, stored)
            download(self.bucket, key, stored, folder)

        return self.cache.fetch(stored, fill)

    def uri(self, key: str) -> str:
        """Return the address of the folder in the bucket."""
        return f"{self.bucket.url}/{key}"

    def delete(self, key: str) -> None:
        """Remove the manifest, with which the artifact is gone, then the files."""
        found = self.bucket.find(commit.checked_key(key))
        manifest = f"{key}/{MANIFEST}"
        if manifest in found:
            self.bucket.remove([manifest])
        self.bucket.remove([name for name in found if name != manifest])

    def published(self) -> Iterator[Kept]:
        """Yield the folders that have a manifest."""
        for key, found in _by_key(self.bucket.find()).items():
            if _is_published(key, found):
                measure = _measure(found)
                yield Kept(key, lambda measure=measure: measure)  # type: ignore[misc]  # a default binds it

    def unpublished(self) -> Iterator[Kept]:
        """Yield the attempts with staging folders here, and those with objects but no manifest in the bucket."""
        attempts: dict[str, list[Kept]] = {}
        for one in local_folders(os.path.join(self.folder, commit.STAGING)):
            attempts.setdefault(one.name, []).append(one)
        for key, found in _by_key(self.bucket.find()).items():
            if not _is_published(key, found):
                measure, attempt = _measure(found), key.partition(".")[0]
                remote = Kept(attempt, lambda measure=measure: measure)  # type: ignore[misc]
                attempts.setdefault(attempt, []).append(remote)
        for attempt, parts in attempts.items():
            yield Kept(attempt, lambda parts=parts: _together(parts))  # type: ignore[misc]

    def _check(self, key: str, stored: StoredValue) -> None:
        wrong = remote_commit.missing_files(stored, key, self.bucket.find(key))
        for path, what in wrong.items():
            entry = next((entry for entry in stored.files if entry.path == path), None)
            raise damaged(stored, entry, what if entry else f"`{path}` is missing in `{self.bucket.url}`")


def _by_key(objects: dict[str, Found]) -> dict[str, dict[str, Found]]:
    folders: dict[str, dict[str, Found]] = {}
    for name, found in objects.items():
        key, slash, _ = name.partition("/")
        if slash and not key.startswith("."):
            folders.setdefault(key, {})[name] = found
    return folders


def _is_published(key: str, found: dict[str, Found]) -> bool:
    return f"{key}/{MANIFEST}" in found


def _measure(found: dict[str, Found]) -> Measure:
    return Measure(sum(one.size for one in found.values()), max(one.changed_at for one in found.values()))


def _together(parts: list[Kept]) -> Measure | None:
    there = [measure for part in parts if (measure := part.measure()) is not None]
    if not there:
        return None
    return Measure(sum(one.size for one in there), max(one.changed_at for one in there))
