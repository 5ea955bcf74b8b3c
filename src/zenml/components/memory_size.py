"""How much memory this process may use: that of the machine, or less where a cgroup says so."""

from __future__ import annotations

import os

from zenml.components.cgroups import cgroup_folders, read_text


def usable_memory(*, proc: str = "/proc/self", cgroup_root: str = "/sys/fs/cgroup") -> int | None:
    """Return the bytes that the machine and the cgroups leave, None where nobody can tell.

    A cgroup without a limit says "max" (version 2), or a number larger than any machine (version 1).
    """
    found = [] if (physical := _physical_memory()) is None else [physical]
    for folder in cgroup_folders(proc, cgroup_root, controller=""):
        found += _limit(os.path.join(folder, "memory.max"))
    for folder in cgroup_folders(proc, cgroup_root, controller="memory"):
        found += _limit(os.path.join(folder, "memory.limit_in_bytes"))
    return min(found, default=None)


def oom_kills(*, statistics: str = "/proc/vmstat") -> int:
    """Return how many processes of this machine the kernel has killed for lack of memory since it started."""
    for line in read_text(statistics).splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return int(count)
    return 0


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not offered by Windows
        return None


def _limit(path: str) -> list[int]:
    text = read_text(path).strip()
    return [int(text)] if text.isdecimal() and int(text) else []
