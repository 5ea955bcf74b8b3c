"""What reproduces a run beside its code: Python, packages, command, folder, commit. Read once per process."""

from __future__ import annotations

import os
import sys

from zenml.records import wire
from zenml.records.run import Environment

_known: tuple[int, str, bytes] | None = None


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
    """Return the commit that is checked out around a folder, read from the repository's own files."""
    while True:
        git = os.path.join(folder, ".git")
        if os.path.isdir(git):
            break
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
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
