"""Find the processes below one, and end those below this one.

A tree is ended from its top. Each process here is a subreaper, so when a child is killed its own
children become ours, and the next round kills those. Only unreaped children of this process are ever
killed: their ids cannot have been given to a stranger, and nothing can slip away between looking and
killing, be it by `setsid`, by a double fork, or by ignoring signals. (Stopping the tree first, and
killing a collected list of ids, has neither quality.)
"""

from __future__ import annotations

import os
import signal
from collections.abc import Container

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def become_subreaper() -> None:
    """Let orphaned descendants of this process become its children, where the system offers it."""
    import ctypes

    try:
        ctypes.pythonapi.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except AttributeError:  # not Linux: descendants that leave their parents are lost
        return


def children_of(pid: int, *, proc: str = "/proc") -> list[int]:
    """Return the ids of the direct children of a process, those that wait to be reaped included."""
    try:
        threads = os.listdir(f"{proc}/{pid}/task")
        return [child for thread in threads for child in _read_ids(f"{proc}/{pid}/task/{thread}/children")]
    except OSError:  # the kernel is built without that file, or the process is gone
        return _children_by_parent(proc).get(pid, [])


def descendants_of(pid: int, *, proc: str = "/proc") -> list[int]:
    """Return the ids of all processes below one, parents before their children."""
    parents = _children_by_parent(proc)
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found[1:]


def kill_children(spare: Container[int] = ()) -> list[int]:
    """Send SIGKILL to the children of this process; return those that now end.

    Call it again after they were reaped, until nothing is returned: their children are ours by then.
    """
    return [pid for pid in children_of(os.getpid()) if pid not in spare and send_signal(pid, signal.SIGKILL)]


def send_signal(pid: int, number: int) -> bool:
    """Send a signal; return False if the process is gone or belongs to another user."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _read_ids(path: str) -> list[int]:
    with open(path, "rb") as file:
        return [int(word) for word in file.read().split()]


def _children_by_parent(proc: str) -> dict[int, list[int]]:
    """Read the parent of every process, in one pass."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir(proc)
    except FileNotFoundError:  # macOS
        return children
    for name in names:
        if not name.isdecimal():
            continue
        try:
            fd = os.open(f"{proc}/{name}/stat", os.O_RDONLY)
        except OSError:
            continue
        try:
            # "pid (name) state parent …"; the name may itself hold blanks and parentheses.
            parent = int(os.read(fd, 4096).rpartition(b")")[2].split()[1])
        except OSError:  # it ended between open and read
            continue
        finally:
            os.close(fd)
        children.setdefault(parent, []).append(int(name))
    return children
