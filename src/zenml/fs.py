"""The seam: everything that changes the disk under a store goes through these few functions.

One place to see what is written, made durable, moved and removed, and one place where a test can
count those moments, stop the process at each of them, or make them fail. The database has its own
moments (`begin`, `statement`, `commit`, `checkpoint`), which it tells by `point`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, copy-on-write
_COPY_BLOCK = 1 << 20

Watch = Callable[[str, "str | int", "str | memoryview | None"], "int | None"]
"""What is told of an operation before it is done: its name, the path or descriptor, and the other path or the data.

It may raise the error that the operation is to fail with. What it returns for a `write` is how many bytes the system takes
of it at once; anything else is done as it is.
"""
watch: Watch | None = None
"""Nobody watches but in tests."""


def point(operation: str, path: str | int, other: str | memoryview | None = None) -> int | None:
    """Tell whoever watches what is about to be done."""
    return None if watch is None else watch(operation, path, other)


# Folders


def make_folder(path: str) -> None:
    """Make a folder, and those above it that are missing, for this user only, whatever the umask."""
    point("mkdir", path)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:  # another process was first
            return
    os.chmod(path, 0o700)


def sync_folder(path: str) -> None:
    """Make the entries of a folder durable."""
    fd = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def remove_if_empty(path: str) -> None:
    """Remove a folder unless something is in it."""
    try:
        point("rmdir", path)
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
            remove(entry.path)
    point("rmdir", path)
    os.rmdir(path)


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a folder but the folders, as relative path and `lstat`, in order of name."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.stat(follow_symlinks=False)


# Files


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """Open a file; what is made is for this user only; no child of this process inherits it."""
    point("open", path)
    return os.open(path, flags | os.O_CLOEXEC, mode)


def create(path: str) -> int:
    """Create a new file for this user only; return its descriptor."""
    return open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)


def open_to_append(path: str) -> int:
    """Open a file for writing at its end, and make it if it is not there."""
    return open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def open_to_read(path: str) -> int:
    """Open a file for reading; a symbolic link is an error (`ELOOP`), and a pipe does not block."""
    return open_file(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def read_whole(path: str) -> bytes:
    """Return the content of a file."""
    fd = open_file(path, os.O_RDONLY)
    with os.fdopen(fd, "rb") as file:
        return file.read()


def write(fd: int, data: bytes | memoryview) -> None:
    """Write all of the data; the system may take it in parts."""
    view = memoryview(data)
    while view:
        most = point("write", fd, view)
        view = view[os.write(fd, view if most is None else view[:most]) :]


def write_whole(path: str, content: bytes, *, is_durable: bool = False) -> None:
    """Put a file into its place, for this user only: the new one, or as before; nobody sees a part of it."""
    draft = write_draft(path, content, is_durable=is_durable)
    try:
        replace(draft, path)
    except OSError:
        remove(draft)
        raise


def draft_of(path: str) -> str:
    """Return a path beside another one that nobody else takes: what is to become that file is written there."""
    return f"{path}.{os.getpid()}.{os.urandom(4).hex()}"


def is_draft(name: str) -> bool:
    """Tell whether a file is such a draft, by its name; one that is old was left by a process that was killed."""
    _, process, unique = f"..{name}".rsplit(".", 2)
    return process.isdecimal() and len(unique) == 8 and not set(unique) - set("0123456789abcdef")


def write_draft(path: str, content: bytes, *, is_durable: bool) -> str:
    """Write a file for its owner only beside the place that it is meant for; return its path."""
    draft = draft_of(path)
    fd = create(draft)
    try:
        write(fd, content)
        if is_durable:
            sync(fd)
    except OSError:
        remove(draft)
        raise
    finally:
        os.close(fd)
    return draft


def settle(path: str) -> None:
    """Take a file that was written by other means: for this user only, and on the disk when this returns."""
    fd = open_to_read(path)
    try:
        set_mode(fd, 0o600)
        sync(fd)
    finally:
        os.close(fd)


def sync(fd: int) -> None:
    """Return when the content of a file, or the list of a folder, is on the disk."""
    point("fsync", fd)
    os.fsync(fd)


def sync_data(fd: int) -> None:
    """Return when what was written to a file is on the disk, so that it can be read again."""
    point("fsync", fd)
    os.fdatasync(fd)


def protect(fd: int) -> None:
    """Make a file read-only."""
    set_mode(fd, 0o400)


def set_mode(fd: int, mode: int) -> None:
    """Set the mode of a file, whatever the umask."""
    point("chmod", fd)
    os.fchmod(fd, mode)


def touch(path: str) -> None:
    """Note the time at which a file or folder was used."""
    point("utime", path)
    os.utime(path)


def rename(source: str, target: str) -> None:
    """Give a folder its final name; fails if something is there already."""
    point("rename", source, target)
    os.rename(source, target)


def replace(source: str, target: str) -> None:
    """Give a file its final name, in the place of one that may be there."""
    point("rename", source, target)
    os.replace(source, target)


def link(source: str, target: str) -> None:
    """Give a file a second name; fails if something is there already."""
    point("link", source, target)
    os.link(source, target)


def remove(path: str) -> None:
    """Remove a file."""
    point("unlink", path)
    os.unlink(path)


def copy(source: int, target: int) -> None:
    """Copy one open file into another, sharing its blocks where the file system can."""
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
    except (ImportError, OSError):
        while block := os.read(source, _COPY_BLOCK):
            write(target, memoryview(block))


def is_regular(status: os.stat_result) -> bool:
    """Tell whether it is a plain file, as opposed to a link, a pipe or a device."""
    return stat.S_ISREG(status.st_mode)
