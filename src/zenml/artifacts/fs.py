"""Every change the artifact layer makes to a disk goes through these few functions.

One place to see what is written, made durable, moved and removed, and one place where a test
can count those moments, stop the process at each of them, or make them fail.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, copy-on-write
_COPY_BLOCK = 1 << 20


def make_folder(path: str) -> None:
    """Make a folder, and those above it that are missing, for this user only, whatever the umask."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        os.mkdir(path, 0o700)
    os.chmod(path, 0o700)


def create(path: str) -> int:
    """Create a new file for this user only; return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def open_to_read(path: str) -> int:
    """Open a file for reading; a symbolic link is an error (`ELOOP`), and a pipe does not block."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def write(fd: int, data: memoryview) -> None:
    """Write all of the data; the system may take it in parts."""
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:])


def sync(fd: int) -> None:
    """Return when the content of a file, or the list of a folder, is on the disk."""
    os.fsync(fd)


def sync_folder(path: str) -> None:
    """Make the entries of a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def protect(fd: int) -> None:
    """Make a file read-only."""
    set_mode(fd, 0o400)


def set_mode(fd: int, mode: int) -> None:
    """Set the mode of a file, whatever the umask."""
    os.fchmod(fd, mode)


def rename(source: str, target: str) -> None:
    """Give a folder its final name; fails if something is there already."""
    os.rename(source, target)


def remove_if_empty(path: str) -> None:
    """Remove a folder unless something is in it."""
    try:
        os.rmdir(path)
    except OSError:
        pass


def remove_tree(path: str) -> None:
    """Remove a folder and everything in it, following no link; a missing one is no error."""
    try:
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(path)


def copy(source: int, target: int) -> None:
    """Copy one open file into another, sharing its blocks where the file system can."""
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
    except (ImportError, OSError):
        while block := os.read(source, _COPY_BLOCK):
            write(target, memoryview(block))


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a folder but the folders, as relative path and `lstat`, in order of name."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.stat(follow_symlinks=False)


def is_regular(status: os.stat_result) -> bool:
    """Tell whether it is a plain file, as opposed to a link, a pipe or a device."""
    return stat.S_ISREG(status.st_mode)
