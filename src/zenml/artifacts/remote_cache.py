"""Copies of remote artifacts on this machine: by digest, read-only, shared by all processes, of bounded size.

    <folder>/<digest>.<size>/…   the files of an artifact
    <folder>/.incoming/          what is being downloaded
    <folder>/.locks/             held while one digest is being downloaded, or while copies are chosen for removal
    <folder>/.users/             one file for each process: the digests that it reads; it holds a lock on it for life

The copies used longest ago go first, and none that a living process has asked for: what it has opened or mapped
would stay readable anyway, but it may open more of the files later.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zenml import fs
from zenml.artifacts import verification
from zenml.artifacts.hashing import digest_files
from zenml.errors import ArtifactDamagedError
from zenml.records.artifact_data import FileEntry, StoredValue

_LOCKS = 64
"""Locks for downloads; digests that share one wait for each other, and no lock file ever has to go."""
_DAY = 86_400.0

Fill = Callable[[str], None]
"""Downloads into an empty folder."""


class RemoteCache:
    """Copies of artifacts below a folder of this machine.

    Args:
        folder: it is made when it is needed.
        size: the bytes that all copies may take; one that is in use stays even if it is larger.
    """

    def __init__(self, folder: str, size: int) -> None:
        self.folder = folder
        self.size = size
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._note: tuple[int, int] | None = None
        """This process, and the descriptor of its file of users."""

    def fetch(self, stored: StoredValue, fill: Fill) -> str:
        """Return the verified copy of an artifact, made by `fill` if there is none."""
        name = _checked_name(stored)
        if found := self._verified(stored, name):
            return found
        with self._locked(f"{int(name[:8], 16) % _LOCKS}"):
            if found := self._verified(stored, name):  # another process was first
                return found
            incoming = self._incoming(name)
            try:
                fill(incoming)
            except BaseException:
                fs.remove_tree(incoming)
                raise
            target = self._take(incoming, name, stored.files)
        self.tidy()
        return target

    def adopt(self, local: str, files: tuple[FileEntry, ...]) -> None:
        """Take a folder of sealed files that was uploaded from here; nothing is copied."""
        name = _name(digest_files(files), files)
        self._take(local, name, files)
        self.tidy()

    def tidy(self) -> None:
        """Remove the copies used longest ago until the others fit; do nothing while another process does it."""
        if self._total() <= self.size:
            return
        gone = []
        with self._locked("tidy", is_patient=False) as is_mine:
            if not is_mine:
                return
            spared = self._in_use()
            total = self._total()
            for name, _ in sorted(self._copies(), key=lambda copy: copy[1]):
                if total <= self.size:
                    break
                if name not in spared:
                    gone.append(self._aside(name))
                    total -= _size_in(name)
        for path in gone:
            fs.remove_tree(path)
        self._remove_forgotten()

    def _verified(self, stored: StoredValue, name: str) -> str | None:
        """Return a copy if it is there and whole; it then stays while this process lives. A damaged one goes."""
        path = os.path.join(self.folder, name)
        if not os.path.isdir(path):
            return None
        self._use(name)
        try:
            verification.verify(stored, path)
            fs.touch(path)
        except (ArtifactDamagedError, FileNotFoundError):
            with self._locked("tidy"):
                if os.path.isdir(path):
                    damaged_copy = self._aside(name)
                    fs.remove_tree(damaged_copy)
            return None
        return path

    def _take(self, folder: str, name: str, files: tuple[FileEntry, ...]) -> str:
        """Give a filled folder its name; if another process was first, its copy is as good."""
        target = os.path.join(self.folder, name)
        fs.make_folder(self.folder)
        self._use(name)
        try:
            fs.rename(folder, target)
        except OSError:
            if not os.path.isdir(target):
                raise
            fs.remove_tree(folder)
            return target
        fs.touch(target)
        for entry in files:
            verification.remember(os.path.join(target, entry.path), entry.digest)
        return target

    def _incoming(self, name: str) -> str:
        path = os.path.join(self.folder, ".incoming", f"{name}.{os.getpid()}.{os.urandom(4).hex()}")
        fs.make_folder(path)
        return path

    def _aside(self, name: str) -> str:
        """Take a copy away from where it is found, in one moment."""
        incoming = os.path.join(self.folder, ".incoming")
        fs.make_folder(incoming)
        path = os.path.join(incoming, f"{name}.{os.getpid()}.{os.urandom(4).hex()}")
        fs.rename(os.path.join(self.folder, name), path)
        return path

    def _remove_forgotten(self) -> None:
        """Remove what killed processes were downloading or removing."""
        folder = os.path.join(self.folder, ".incoming")
        for name in _names(folder):
            path = os.path.join(folder, name)
            try:
                if time.time() - os.lstat(path).st_mtime > _DAY:
                    fs.remove_tree(path)
            except FileNotFoundError:
                continue  # another process was first

    def _copies(self) -> Iterator[tuple[str, float]]:
        """Yield names of copies, with the time when they were used last."""
        for name in _names(self.folder):
            if not name.startswith("."):
                try:
                    yield name, os.lstat(os.path.join(self.folder, name)).st_mtime
                except OSError:
                    continue  # another process has removed it

    def _total(self) -> int:
        return sum(_size_in(name) for name in _names(self.folder) if not name.startswith("."))

    # Which copies living processes use

    def _use(self, name: str) -> None:
        """Note that this process reads a copy; under the lock of those who choose what to remove."""
        with self._lock:
            if self._note is None or self._note[0] != os.getpid():
                self._note = os.getpid(), self._open_note()
                self._used = set()
            if name not in self._used:
                with self._locked("tidy"):
                    fs.write(self._note[1], f"{name}\n".encode())
                self._used.add(name)

    def _open_note(self) -> int:
        folder = os.path.join(self.folder, ".users")
        fs.make_folder(folder)
        path = os.path.join(folder, f"{os.getpid()}.{os.urandom(4).hex()}")
        with self._locked("tidy"):  # nobody takes it for that of a dead process before it is locked
            fd = fs.create(path)
            fcntl.flock(fd, fcntl.LOCK_EX)
        return fd

    def _in_use(self) -> set[str]:
        """Return the names that living processes have noted; remove the notes of dead ones."""
        used: set[str] = set()
        folder = os.path.join(self.folder, ".users")
        for name in _names(folder):
            path = os.path.join(folder, name)
            fd = fs.open_file(path, os.O_RDONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fs.remove(path)
            except BlockingIOError:
                used.update(fs.read_whole(path).decode().split())
            finally:
                os.close(fd)
        return used

    @contextmanager
    def _locked(self, name: str, *, is_patient: bool = True) -> Iterator[bool]:
        """Hold a lock against all threads and processes; yield whether it is held."""
        folder = os.path.join(self.folder, ".locks")
        fs.make_folder(folder)
        fd = fs.open_to_append(os.path.join(folder, name))
        try:
            yield _lock(fd, is_patient=is_patient)
        finally:
            os.close(fd)


def _lock(fd: int, *, is_patient: bool) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _checked_name(stored: StoredValue) -> str:
    """Return the name of the copy, after its list of files was compared with its digest; rows are not trusted."""
    verification.check_list(stored)
    return _name(stored.digest, stored.files)


def _name(digest: str, files: tuple[FileEntry, ...]) -> str:
    return f"{digest.partition(':')[2]}.{sum(entry.size for entry in files)}"


def _size_in(name: str) -> int:
    size = name.rpartition(".")[2]
    return int(size) if size.isdecimal() else 0


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []
