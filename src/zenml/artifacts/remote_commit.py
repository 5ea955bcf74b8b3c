"""How a folder of files becomes an artifact in a bucket: whole and never replaced, or not there at all.

    <key>/<digest>/<path>     the files; the digest is that of their list
    <key>/manifest.json       last, and only if there is none yet: with it the artifact is there

Whoever publishes other content under the same key writes below another digest, so nobody can touch a file
of somebody else's artifact: of two that publish at once, the service's condition on the manifest lets one
win, and even a service that ignores the condition damages nothing. A process that dies before the manifest
leaves objects that garbage collection takes for leftovers once they are old. So that those of a living process never
become old, a long upload rewrites `<key>/uploading` while it lasts.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

import msgspec

from zenml.artifacts.bucket import FILES_AT_ONCE, PART, Bucket, Found
from zenml.artifacts.commit import MANIFEST_FORMAT
from zenml.artifacts.hashing import digest_files
from zenml.artifacts.verification import MANIFEST
from zenml.errors import ArtifactError, ComponentError
from zenml.records.artifact_data import FileEntry, StoredValue

SIGN_OF_LIFE = "uploading"
SECONDS_PER_SIGN = 600.0
"""A sixth of the age that makes objects leftovers."""

_ODD = re.compile(r"[\x00-\x1f\x7f%\\?#*\[\]]|\.(?=/|$)")
"""What some service or library takes for something else than a letter of a name."""

Item = TypeVar("Item")


def folder_of(key: str, digest: str) -> str:
    """Return where the files of an artifact are: below its key, by the digest of their list."""
    return f"{key}/{digest.partition(':')[2][:32]}"


def object_name(folder: str, path: str) -> str:
    """Return the name of the object of a file; unusual letters become percent codes, so every path has its own."""
    return f"{folder}/{_ODD.sub(lambda found: f'%{ord(found[0]):02X}', path)}"


def missing_files(stored: StoredValue, key: str, found: dict[str, Found]) -> dict[str, str]:
    """Return what is wrong with the objects of an artifact, by path of the file; nothing, if it is whole."""
    if f"{key}/{MANIFEST}" not in found:
        return {MANIFEST: "it is missing"}
    wrong = {}
    folder = folder_of(key, stored.digest)
    for entry in stored.files:
        there = found.get(object_name(folder, entry.path))
        if there is None:
            wrong[entry.path] = "it is missing"
        elif there.size != entry.size:
            wrong[entry.path] = f"it has {there.size} bytes and was written with {entry.size}"
    return wrong


def publish(
    bucket: Bucket, key: str, local: str, files: tuple[FileEntry, ...], about: dict[str, Any]
) -> None:
    """Upload the files of a sealed folder, then their manifest.

    Raises:
        ArtifactError: something was published under the key before, or meanwhile.
    """
    digest = digest_files(files)
    folder = folder_of(key, digest)
    began = time.time()
    with _SignsOfLife(bucket, key) as signs:
        _upload(bucket, folder, local, files)
        if time.time() - began > SECONDS_PER_SIGN:  # this machine may have slept, and somebody tidied up
            _upload(bucket, folder, local, _absent(bucket, folder, files))
        publication = os.urandom(16).hex()
        manifest = {"format": MANIFEST_FORMAT, **about, "digest": digest, "files": files}
        _claim(bucket, key, {**manifest, "publication": publication}, folder)
    if signs.are_there:
        bucket.remove([f"{key}/{SIGN_OF_LIFE}"])


def at_once(call: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do something with several items at a time; the first error ends it, and is raised when none is under way."""
    work = list(items)
    if len(work) <= 1:
        for item in work:
            call(item)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(FILES_AT_ONCE, len(work)), "zenml-transfer") as pool:
        futures = [pool.submit(call, item) for item in work]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _upload(bucket: Bucket, folder: str, local: str, files: Iterable[FileEntry]) -> None:
    def put(entry: FileEntry) -> None:
        bucket.put_file(os.path.join(local, entry.path), object_name(folder, entry.path))

    small: list[FileEntry] = []
    for entry in files:
        if entry.size < 2 * PART:
            small.append(entry)
        else:
            put(entry)  # alone: its parts are many requests at once already
    at_once(put, small)


def _absent(bucket: Bucket, folder: str, files: tuple[FileEntry, ...]) -> list[FileEntry]:
    found = bucket.find(folder)
    return [entry for entry in files if object_name(folder, entry.path) not in found]


def _claim(bucket: Bucket, key: str, manifest: dict[str, Any], folder: str) -> None:
    """Write the manifest unless there is one; an earlier try whose answer was lost counts as written."""
    name = f"{key}/{MANIFEST}"
    content = msgspec.json.encode(manifest)
    while not bucket.put_new(name, content):
        try:
            there = msgspec.json.decode(bucket.read(name), type=dict[str, Any])
        except FileNotFoundError:
            continue  # it was deleted in between
        except msgspec.DecodeError:
            there = {}
        if there.get("publication") == manifest["publication"]:
            return
        if there.get("digest") != manifest["digest"]:
            _remove_quietly(bucket, folder)
        raise ArtifactError(
            f"The artifact `{key}` is in `{bucket.url}` already. Stored artifacts are never overwritten; run the"
            " step again, which stores it under a new key."
        )


def _remove_quietly(bucket: Bucket, folder: str) -> None:
    """Remove what will not be an artifact; what cannot be removed now is left to whoever deletes the other one."""
    try:
        bucket.remove(list(bucket.find(folder)))
    except ComponentError:
        pass


class _SignsOfLife:
    """Rewrites an object in the folder of an artifact every ten minutes while it is being uploaded."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.are_there = False
        self._bucket = bucket
        self._name = f"{key}/{SIGN_OF_LIFE}"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zenml-upload", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(SECONDS_PER_SIGN):
            try:
                self._bucket.put(self._name, b"")
                self.are_there = True
            except ComponentError:
                continue  # the upload itself will say so
