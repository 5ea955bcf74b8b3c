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

_remembered: dict[str, tuple[int, ...]] = {}


def check(stored: StoredValue, folder: str) -> None:
    """Raise `ArtifactDamagedError` if a file is missing or has another size."""
    for entry in stored.files:
        path = _path_in(stored, folder, entry)
        try:
            status = os.lstat(path)
        except OSError as error:
            raise _damaged(stored, entry, _missing(error)) from error
        _check_status(stored, entry, status)


def verify(stored: StoredValue, folder: str) -> None:
    """Raise `ArtifactDamagedError` if anything differs from what was written."""
    try:
        is_recorded = digest_files(stored.files) == stored.digest
    except (OverflowError, UnicodeEncodeError):  # of a size or a path that no file has
        is_recorded = False
    if not is_recorded:
        raise _damaged(stored, None, "its list of files is not the one that was recorded")
    if os.path.islink(folder):
        raise _damaged(stored, None, "its folder is a link now")
    try:
        found = {path for path, _ in fs.walk(folder)}
    except OSError as error:
        raise _damaged(stored, None, _missing(error)) from error
    for entry in stored.files:
        if entry.path not in found:  # so that no path of a changed row leads out of the folder
            raise _damaged(stored, entry, "it is missing")
        _verify_file(stored, entry, os.path.join(folder, entry.path))
    if extra := found - {entry.path for entry in stored.files} - {MANIFEST}:
        raise _damaged(stored, None, f"the file `{min(extra)}` was not written with it")


def verify_file(stored: StoredValue, folder: str, path: str) -> str:
    """Return the full path of one file of a stored folder, if it is the one that was written."""
    for entry in stored.files:
        if entry.path == path:
            full_path = _path_in(stored, folder, entry)
            _verify_file(stored, entry, full_path)
            return full_path
    raise _damaged(stored, None, f"`{path}` is not in the list of its files")


def verify_inline(stored: StoredValue) -> bytes:
    """Return the bytes of a value kept in its row, if they are those that were written."""
    data = stored.inline
    if data is None or digest_bytes(data) != stored.digest:
        raise _damaged(stored, None, "the recorded bytes do not match their digest")
    return data


def remember(path: str) -> None:
    """Note that the file at the path was hashed or written just now."""
    status = os.lstat(path)
    if _has_settled(max(status.st_ctime_ns, status.st_mtime_ns)):
        if len(_remembered) >= _MAX_REMEMBERED:
            _remembered.clear()
        _remembered[path] = _stamp(status)


def _has_settled(changed_at: int) -> bool:
    """Tell whether a further change would get another stamp; within one tick of the clock it may get the same."""
    if _IS_LINUX:
        return time.clock_gettime_ns(_COARSE_CLOCK) > changed_at
    return time.time_ns() - changed_at > _SETTLED_NS


def _path_in(stored: StoredValue, folder: str, entry: FileEntry) -> str:
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
        raise _damaged(stored, entry, "its path is none of a file in the artifact's folder")
    return os.path.join(path, name)


def _verify_file(stored: StoredValue, entry: FileEntry, path: str) -> None:
    try:
        fd = fs.open_to_read(path)
    except OSError as error:
        raise _damaged(stored, entry, _missing(error)) from error
    try:
        status = os.fstat(fd)
        _check_status(stored, entry, status)
        if _remembered.get(path) == _stamp(status):
            return
        if digest_fd(fd, entry.digest.partition(":")[0]) != entry.digest:
            raise _damaged(stored, entry, "its content has changed")
    except OSError as error:
        raise _damaged(stored, entry, f"it cannot be read: {error}") from error
    finally:
        os.close(fd)
    remember(path)


def _check_status(stored: StoredValue, entry: FileEntry, status: os.stat_result) -> None:
    if not fs.is_regular(status):
        raise _damaged(stored, entry, "it is not a plain file any more")
    if status.st_size != entry.size:
        raise _damaged(stored, entry, f"it has {status.st_size} bytes and was written with {entry.size}")


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _missing(error: OSError) -> str:
    return (
        "it is missing" if isinstance(error, FileNotFoundError) else f"it cannot be opened: {error.strerror}"
    )


def _damaged(stored: StoredValue, entry: FileEntry | None, what: str) -> ArtifactDamagedError:
    name = f"The artifact `{stored.key}`" if stored.key else f"An artifact of type `{stored.type}`"
    file = f", file `{entry.path}`," if entry else ""
    return ArtifactDamagedError(
        f"{name}{file} is damaged: {what}. No value was loaded. The step that produced it runs again on the next"
        " run that needs it: run the pipeline again."
    )
