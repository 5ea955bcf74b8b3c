"""What reproduces a run beside its code: Python, packages, command, folder, commit. Read once per process.

The commit is read from the repository's own files. What is changed since then only git can
tell: it is asked when the first run of a process starts, works beside it, and its answer is
taken when the run ends.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from zenml.records import wire
from zenml.records.run import Environment

if TYPE_CHECKING:
    from zenml.store.store import Store

_known: tuple[int, str, bytes] | None = None
_changes: tuple[int, Changes] | None = None
_asking = threading.Lock()


def _begin_anew() -> None:
    """In a fork: a thread of the parent may hold the lock."""
    global _asking
    _asking = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)


def current_environment() -> tuple[str, bytes]:
    """Return the digest and the encoded environment of this process."""
    global _known
    if _known is None or _known[0] != os.getpid():
        system = os.uname()
        body = wire.encode(
            Environment(
                python=sys.version.split()[0],
                platform=f"{system.sysname} {system.release} {system.machine}",
                packages=installed_packages(),
                command=tuple(sys.argv),
                folder=_folder(),
                commit=current_commit(_folder()),
            )
        )
        _known = (os.getpid(), wire.digest_of(body), body)
    return _known[1], _known[2]


class Changes:
    """The digest of what differs from the checked-out commit, found out by git in the background."""

    def __init__(self, folder: str) -> None:
        self._digest: str | None = None
        self._process = 0
        self._output = -1
        self._reading = threading.Lock()
        """Several runs of this process may ask at once: children have threads."""
        if repository_of(folder) is None:
            return
        read, write = os.pipe()
        command = ("git", "-C", folder, "diff", "--no-ext-diff", "--no-color", "HEAD")
        try:
            self._process = os.posix_spawnp(
                "git",
                command,
                os.environ,
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, write, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                ),
            )
            self._output = read
        except OSError:  # no git on this machine
            os.close(read)
        finally:
            os.close(write)

    def digest(self) -> str | None:
        """Return the digest of the uncommitted changes; None for none, or outside a repository."""
        with self._reading:
            if self._output >= 0:
                self._digest = self._read()
            return self._digest

    def _read(self) -> str | None:
        with open(self._output, "rb") as stream:
            text = stream.read()
        self._output = -1
        try:
            os.waitpid(self._process, 0)
        except ChildProcessError:  # a user's handler of SIGCHLD was quicker
            pass
        return wire.digest_of(text) if text else None


def current_changes(store: Store) -> Changes:
    """Return the changes of this process's folder, asked for once; for a store in memory nobody asks."""
    global _changes
    if store.root == ":memory:":
        return Changes("")
    with _asking:
        if _changes is None or _changes[0] != os.getpid():
            _changes = (os.getpid(), Changes(_folder()))
        return _changes[1]


def installed_packages() -> dict[str, str]:
    """Return name and version of what is installed, from the names of the metadata folders alone."""
    found: dict[str, str] = {}
    for folder in sys.path:
        if not folder.endswith("-packages"):
            continue
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for entry in names:
            if entry.endswith(".dist-info"):
                name, _, version = entry[: -len(".dist-info")].partition("-")
                found.setdefault(name.lower().replace("_", "-"), version)
    return dict(sorted(found.items()))


def current_commit(folder: str) -> str | None:
    """Return the commit that is checked out around a folder."""
    git = repository_of(folder)
    if git is None:
        return None
    head = _read(os.path.join(git, "HEAD"))
    if not head.startswith("ref: "):
        return head or None
    reference = head[5:]
    commit = _read(os.path.join(git, reference))
    if commit:
        return commit
    for line in _read(os.path.join(git, "packed-refs")).splitlines():
        if line.endswith(f" {reference}"):
            return line.split(" ")[0]
    return None


def repository_of(folder: str) -> str | None:
    """Return the `.git` folder of the repository around a folder, or None."""
    while folder:
        git = os.path.join(folder, ".git")
        if os.path.isdir(git):
            return git
        parent = os.path.dirname(folder)
        folder = parent if parent != folder else ""
    return None


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
