"""Whether stored bytes still are the bytes that were written: a cheap check, and a thorough one.

`check` looks at presence and size, and is what a cache hit needs. `verify` also compares every
digest, and is what a load needs. A process remembers the files it has hashed or written; one
whose status has not changed since is not hashed again.
"""

from __future__ import annotations

import os
import sys
import time

from zenml import fs
from zenml.artifacts.hashing import digest_bytes, digest_fd, digest_files
from zenml.errors import ArtifactDamagedError
from zenml.records.artifact_data import FileEntry, StoredValue

MANIFEST = "manifest.json"
"""In each folder beside the value's files: what the folder is, for whoever finds it without the store."""

_IS_LINUX = sys.platform == "linux"
_COARSE_CLOCK = 5
"""`CLOCK_REALTIME_COARSE` of linux/time.h, by which Linux stamps changes of files: the time of the last timer tick."""
_SETTLED_NS = 20_000_000
"""Where there is no such clock: twice the longest tick."""
_MAX_REMEMBERED = 100_000

_remembered: dict[str, tuple[str, tuple[int, ...]]] = {}
"""By path: the digest that a file has, and the stamp that it had then."""


def check(stored: StoredValue, folder: str) -> None:
    """Raise `ArtifactDamagedError` if a file is missing or has another size."""
    for entry in stored.files:
        path = path_in(stored, folder, entry)
        try:
            status = os.lstat(path)
        except OSError as error:
            raise damaged(stored, entry, _missing(error)) from error
        _check_status(stored, entry, status)


def verify(stored: StoredValue, folder: str) -> None:
    """Raise `ArtifactDamagedError` if anything differs from what was written."""
    check_list(stored)
    if os.path.islink(folder):
        raise damaged(stored, None, "its folder is a link now")
    try:
        found = {path for path, _ in fs.walk(folder)}
    except OSError as error:
        raise damaged(stored, None, _missing(error)) from error
    for entry in stored.files:
        if entry.path not in found:  # so that no path of a changed row leads out of the folder
            raise damaged(stored, entry, "it is missing")
        _verify_file(stored, entry, os.path.join(folder, entry.path))
    if extra := found - {entry.path for entry in stored.files} - {MANIFEST}:
        raise damaged(stored, None, f"the file `{min(extra)}` was not written with it")


def check_list(stored: StoredValue) -> None:
    """Raise `ArtifactDamagedError` if the list of files is not the one that the digest was made of."""
    try:
        is_recorded = digest_files(stored.files) == stored.digest
    except (OverflowError, UnicodeEncodeError):  # of a size or a path that no file has
        is_recorded = False
    if not is_recorded:
        raise damaged(stored, None, "its list of files is not the one that was recorded")


def verify_file(stored: StoredValue, folder: str, path: str) -> str:
    """Return the full path of one file of a stored folder, if it is the one that was written."""
    for entry in stored.files:
        if entry.path == path:
            full_path = path_in(stored, folder, entry)
            _verify_file(stored, entry, full_path)
            return full_path
    raise damaged(stored, None, f"`{path}` is not in the list of its files")


def verify_inline(stored: StoredValue) -> bytes:
    """Return the bytes of a value kept in its row, if they are those that were written."""
    data = stored.inline
    if data is None or digest_bytes(data) != stored.digest:
        raise damaged(stored, None, "the recorded bytes do not match their digest")
    return data


def remember(path: str, digest: str) -> None:
    """Note that the file at the path was hashed or written just now."""
    status = os.lstat(path)
    if _has_settled(max(status.st_ctime_ns, status.st_mtime_ns)):
        if len(_remembered) >= _MAX_REMEMBERED:
            _remembered.clear()
        _remembered[path] = digest, _stamp(status)


def _has_settled(changed_at: int) -> bool:
    """Tell whether a further change would get another stamp; within one tick of the clock it may get the same."""
    if _IS_LINUX:
        return time.clock_gettime_ns(_COARSE_CLOCK) > changed_at
    return time.time_ns() - changed_at > _SETTLED_NS


def path_in(stored: StoredValue, folder: str, entry: FileEntry) -> str:
    """Return the full path of a file, unless the path that a row names leads out of the folder."""
    *above, name = entry.path.split("/")
    is_plain = not {"", ".", ".."} & {*above, name} and "\0" not in entry.path
    try:
        os.fsencode(entry.path)
    except UnicodeEncodeError:
        is_plain = False
    path = folder
    for part in above if is_plain else ():
        path = os.path.join(path, part)
        is_plain &= not os.path.islink(path)
    if not is_plain:
        raise damaged(stored, entry, "its path is none of a file in the artifact's folder")
    return os.path.join(path, name)


def _verify_file(stored: StoredValue, entry: FileEntry, path: str) -> None:
    try:
        fd = fs.open_to_read(path)
    except OSError as error:
        raise damaged(stored, entry, _missing(error)) from error
    try:
        status = os.fstat(fd)
        _check_status(stored, entry, status)
        if _remembered.get(path) == (entry.digest, _stamp(status)):
            return
        if digest_fd(fd, entry.digest.partition(":")[0]) != entry.digest:
            raise damaged(stored, entry, "its content has changed")
    except OSError as error:
        raise damaged(stored, entry, f"it cannot be read: {error}") from error
    finally:
        os.close(fd)
    remember(path, entry.digest)


def _check_status(stored: StoredValue, entry: FileEntry, status: os.stat_result) -> None:
    if not fs.is_regular(status):
        raise damaged(stored, entry, "it is not a plain file any more")
    if status.st_size != entry.size:
        raise damaged(stored, entry, f"it has {status.st_size} bytes and was written with {entry.size}")


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _missing(error: OSError) -> str:
    return (
        "it is missing" if isinstance(error, FileNotFoundError) else f"it cannot be opened: {error.strerror}"
    )


def damaged(stored: StoredValue, entry: FileEntry | None, what: str) -> ArtifactDamagedError:
    """Return the error of an artifact, or of one of its files, with which something is wrong."""
    name = f"The artifact `{stored.key}`" if stored.key else f"An artifact of type `{stored.type}`"
    file = f", file `{entry.path}`," if entry else ""
    return ArtifactDamagedError(
        f"{name}{file} is damaged: {what}. No value was loaded. The step that produced it runs again on the next"
        " run that needs it: run the pipeline again."
    )
