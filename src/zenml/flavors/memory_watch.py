"""The watchdog of one process tree: it looks, again and again, at how much memory the tree has.

It is used where no cgroup can be given to the tree. What it sees is a sample: a tree that grows fast may
have more than its cap for the time between two looks.
"""

from __future__ import annotations

import os

from zenml.flavors.process_tree import children_of

LOOK_SECONDS = 0.02
"""Between two looks. Memory is filled with about 2 GB a second, so some 40 MB can be missed; a look takes 0.1 ms."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class MemoryWatch:
    """What is known of the memory of a tree.

    Attributes:
        peak: the bytes that it had at most.
        is_over: it had more than its cap.
        next_look: when it is to be looked at again.
    """

    def __init__(self, pid: int, cap: int, now: float) -> None:
        self.peak = 0
        self.is_over = False
        self.next_look = now + LOOK_SECONDS
        self._pid = pid
        self._cap = cap

    def look(self, now: float) -> bool:
        """Look at the tree, if it is time; return whether it has just gone over its cap."""
        if self.is_over or now < self.next_look:
            return False
        self.next_look = now + LOOK_SECONDS
        taken = memory_of_tree(self._pid, worth_asking=min(self._cap, self.peak))
        self.peak = max(self.peak, taken)
        self.is_over = taken > self._cap
        return self.is_over


def memory_of_tree(pid: int, *, worth_asking: int = 0, proc: str = "/proc") -> int:
    """Return how many bytes a process and all below it have.

    Pages that several processes share are counted once (PSS) where the kernel tells that. It takes the
    longer the more memory there is, so it is asked only when the sum that counts shared pages again and
    again (RSS) is larger than `worth_asking`.
    """
    pids = [pid]
    for parent in pids:
        pids += children_of(parent, proc=proc)
    resident = [_resident(one, proc) for one in pids]
    if len(pids) == 1 or sum(resident) <= worth_asking:
        return sum(resident)
    return sum(_proportional(one, proc, otherwise) for one, otherwise in zip(pids, resident, strict=True))


def _resident(pid: int, proc: str) -> int:
    try:
        with open(f"{proc}/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):  # it has ended
        return 0


def _proportional(pid: int, proc: str, otherwise: int) -> int:
    try:
        with open(f"{proc}/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:  # an old kernel, or it has ended
        pass
    return otherwise
