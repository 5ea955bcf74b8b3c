"""How an artifact in a bucket becomes a folder on this machine, every byte hashed on its way.

Large files come in parts, several ahead of the one that is written, so a dropped connection costs one part
and memory holds a few of them. What does not have the recorded digest never gets a name that anybody reads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

from zenml import fs
from zenml.artifacts.bucket import PART, PARTS_AT_ONCE, Bucket
from zenml.artifacts.hashing import new_hash
from zenml.artifacts.remote_commit import at_once, folder_of, object_name
from zenml.artifacts.verification import damaged, path_in
from zenml.records.artifact_data import FileEntry, StoredValue


def download(bucket: Bucket, key: str, stored: StoredValue, target: str) -> None:
    """Fill an empty folder with the files of an artifact, read-only, or raise `ArtifactDamagedError`."""
    remote = folder_of(key, stored.digest)
    for entry in stored.files:
        path_in(stored, target, entry)  # before anything is made: a changed row may name a path outside
    for folder in sorted({os.path.dirname(entry.path) for entry in stored.files} - {""}):
        fs.make_folder(os.path.join(target, folder))

    def fetch(entry: FileEntry) -> None:
        _fetch_file(bucket, object_name(remote, entry.path), stored, entry, target)

    small: list[FileEntry] = []
    for entry in stored.files:
        if entry.size <= PART:
            small.append(entry)
        else:
            fetch(entry)
    at_once(fetch, small)


def _fetch_file(bucket: Bucket, name: str, stored: StoredValue, entry: FileEntry, target: str) -> None:
    algorithm = entry.digest.partition(":")[0]
    hasher = new_hash(algorithm)
    fd = fs.create(os.path.join(target, entry.path))
    try:
        for part in _parts(bucket, name, entry.size):
            hasher.update(part)
            fs.write(fd, part)
        fs.protect(fd)
    except FileNotFoundError as error:
        raise damaged(stored, entry, "it is missing") from error
    finally:
        os.close(fd)
    if f"{algorithm}:{hasher.hexdigest()}" != entry.digest:
        raise damaged(stored, entry, "its content has changed")


def _parts(bucket: Bucket, name: str, size: int) -> Iterator[bytes]:
    """Yield the content of an object in order; parts of a large one are asked for ahead."""
    if size <= PART:
        if size:
            yield bucket.read_range(name, 0, size)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(PARTS_AT_ONCE, "zenml-transfer") as pool:
        ahead: deque[Future[bytes]] = deque()
        try:
            for start in range(0, size, PART):
                ahead.append(pool.submit(bucket.read_range, name, start, min(PART, size - start)))
                if len(ahead) == PARTS_AT_ONCE:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
