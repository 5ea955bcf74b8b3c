"""The folder that keeps virtual environments: who uses which, which is complete, which may go.

    environments/DIGEST/            complete, because it was renamed to that name when it was
    environments/.staging-DIGEST-…  being built, or left by a build that was killed
    locks/DIGEST                    held shared by who uses it, exclusively by who builds or removes it
    library/DIGEST/zenml            a link to the owner's `zenml`

A lock is the kernel's (`flock`), so it is gone with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from typing import TYPE_CHECKING

import msgspec

import zenml
from zenml import fs

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = "zenml-environment.json"
STAGING = ".staging-"
_TRASH = ".trash-"


class About(msgspec.Struct, frozen=True):
    """What is noted in an environment when it is complete.

    Attributes:
        path: its own search path, without that of users.
        version: of its interpreter.
        size: bytes of its files.
        requirements: what was asked for, for people who look.
    """

    path: tuple[str, ...]
    version: str
    size: int
    requirements: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """An environment that is used: nobody removes it before `release`."""

    folder: str
    about: About
    lock: int

    @property
    def python(self) -> str:
        """Its interpreter."""
        return python_of(self.folder)

    def release(self) -> None:
        """Give it free for removal."""
        os.close(self.lock)


class VenvFolder:
    """The environments below one folder, which processes share."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self.environments = os.path.join(self.folder, "environments")

    def path_of(self, digest: str) -> str:
        """Return where an environment is when it is complete."""
        return os.path.join(self.environments, digest)

    def hold(self, digest: str) -> Held | None:
        """Return a complete environment for use; None if there is none, or somebody is at it."""
        lock = self.lock(digest, is_shared=True, waits=False)
        if lock is None:
            return None
        about = self.read(digest)
        if about is None:
            os.close(lock)
            return None
        os.utime(os.path.join(self.path_of(digest), ABOUT))  # when it was used last
        return Held(self.path_of(digest), about, lock)

    def read(self, digest: str) -> About | None:
        """Return what an environment says of itself; None unless it is complete and its interpreter is there."""
        path = self.path_of(digest)
        if not os.access(python_of(path), os.X_OK):
            return None
        try:
            return msgspec.json.decode(fs.read_whole(os.path.join(path, ABOUT)), type=About)
        except (OSError, msgspec.MsgspecError):
            return None

    def lock(self, digest: str, *, is_shared: bool, waits: bool) -> int | None:
        """Return a descriptor that holds the lock of an environment, None if somebody else has it."""
        fs.make_folder(os.path.join(self.folder, "locks"))
        lock = fs.open_file(os.path.join(self.folder, "locks", digest), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(
                lock, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB)
            )
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def clear(self, digest: str, *, is_complete_kept: bool = False) -> None:
        """Remove what a killed build has left, and an environment that cannot be used; its lock is held."""
        for name in self._names():
            is_rest = name.startswith((f"{STAGING}{digest}", f"{_TRASH}{digest}"))
            if is_rest or (name == digest and not is_complete_kept):
                fs.remove_tree(os.path.join(self.environments, name))

    def tidy(self, *, most_bytes: int, unused_seconds: float) -> list[str]:
        """Remove what nobody uses: what is too old, and what was used least recently while there is too much.

        Returns:
            The digests of what was removed.
        """
        for unfinished in {name.split("-")[1] for name in self._names() if name.startswith(STAGING)}:
            lock = self.lock(unfinished, is_shared=False, waits=False)
            if lock is not None:  # nobody builds it any more
                try:
                    self.clear(unfinished, is_complete_kept=True)
                finally:
                    os.close(lock)
        known = sorted(self._by_use())
        total = sum(size for _, _, size in known)
        removed = []
        for used_at, digest, size in known:
            if total <= most_bytes and used_at >= time.time() - unused_seconds:
                continue
            lock = self.lock(digest, is_shared=False, waits=False)
            if lock is None:
                continue  # some process uses it
            try:
                trash = os.path.join(self.environments, f"{_TRASH}{digest}")
                fs.rename(self.path_of(digest), trash)
                fs.remove_tree(trash)
            finally:
                os.close(lock)
            total -= size
            removed.append(digest)
        return removed

    def library(self) -> str:
        """Return a folder in which nothing but the owner's `zenml` is found."""
        source = os.path.dirname(os.path.abspath(zenml.__file__))
        name = hashlib.sha256(source.encode()).hexdigest()[:20]
        folder = os.path.join(self.folder, "library", name)
        link = os.path.join(folder, "zenml")
        if not os.path.islink(link):
            fs.make_folder(folder)
            try:
                os.symlink(source, link)
            except FileExistsError:  # another process was first
                pass
        return folder

    def _by_use(self) -> Iterator[tuple[float, str, int]]:
        for name in self._names():
            about = None if name.startswith(".") else self.read(name)
            if about is not None:
                yield os.stat(os.path.join(self.path_of(name), ABOUT)).st_mtime, name, about.size

    def _names(self) -> list[str]:
        return os.listdir(self.environments) if os.path.isdir(self.environments) else []


def python_of(folder: str) -> str:
    """Return the interpreter of an environment."""
    return os.path.join(folder, "bin", "python")
