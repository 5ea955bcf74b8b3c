"""A cgroup of version 2 for one process tree, where the system lets us make one.

The memory controller works for a group only if its parent passes it on and holds no processes itself. So
the group is made beside the one that this process is in, and only inside a part of the hierarchy that
systemd has delegated (it marks that with an extended attribute): elsewhere the hierarchy belongs to
somebody else, whatever the file permissions say.
"""

from __future__ import annotations

import os

_ROOT = "/sys/fs/cgroup"
_DELEGATED = ("user.delegate", "trusted.delegate")


class MemoryCgroup:
    """A group that holds one process tree, and its cap."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def add(self, pid: int) -> bool:
        """Put a process, and all that it will start, into the group; return whether the system lets us."""
        try:
            _write(self.folder, "cgroup.procs", str(pid))
        except OSError:
            self.remove()
            return False
        return True

    @property
    def peak(self) -> int:
        """The bytes that it had at most; 0 where the kernel does not tell."""
        text = _read(self.folder, "memory.peak").strip()
        return int(text) if text.isdecimal() else 0

    @property
    def is_over(self) -> bool:
        """Whether the kernel has killed something in it for lack of memory."""
        events = dict(line.split() for line in _read(self.folder, "memory.events").splitlines())
        return int(events.get("oom_kill", 0)) > 0

    def remove(self) -> None:
        """Remove the group, which is empty by now."""
        try:
            os.rmdir(self.folder)
        except OSError:  # something escaped the kill, or it is gone: an empty group costs nothing
            return


def open_group(name: str, cap: int, *, root: str = _ROOT, proc: str = "/proc/self") -> MemoryCgroup | None:
    """Return a new group with a cap for its memory, None where there can be none."""
    parent = _delegated_parent(root, proc)
    if parent is None:
        return None
    group = MemoryCgroup(os.path.join(parent, name))
    try:
        os.mkdir(group.folder)
        _write(group.folder, "memory.max", str(cap))
        _write(group.folder, "memory.oom.group", "1")  # the tree ends as a whole
    except OSError:
        group.remove()
        return None
    try:
        _write(group.folder, "memory.swap.max", "0")  # else it would swap instead of ending
    except OSError:  # no swap is counted on this system
        pass
    return group


def _delegated_parent(root: str, proc: str) -> str | None:
    """Return the folder in which groups can be made, None if there is none."""
    lines = [line for line in _read(proc, "cgroup").splitlines() if line.startswith("0::/")]
    own = [part for part in lines[0][4:].split("/") if part] if lines else []
    if not own or ".." in own:
        return None
    parent = os.path.join(root, *own[:-1])
    if "memory" not in _read(parent, "cgroup.subtree_control").split():
        return None
    levels = [os.path.join(root, *own[:depth]) for depth in range(1, len(own))]
    return parent if any(_is_delegated(level) for level in levels) else None


def _is_delegated(folder: str) -> bool:
    for name in _DELEGATED:
        try:
            if os.getxattr(folder, name) == b"1":
                return True
        except (OSError, AttributeError):  # not set, or not Linux
            continue
    return False


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
