"""How many CPUs this process may use.

A container often sees all the cores of its host while its cgroup grants a fraction of them, so the
answer is the smaller of the affinity mask and the quota.
"""

from __future__ import annotations

import os


def usable_cpus(*, proc: str = "/proc/self", cgroup_root: str = "/sys/fs/cgroup") -> int:
    """Return how many CPUs the affinity mask and the cgroup quotas leave, at least 1.

    A fractional quota is rounded up: two processes share 1.5 CPUs better than one uses them.
    """
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not offered by macOS and Windows
        available = os.cpu_count() or 1
    quotas = [_v2_quota(folder) for folder in _cgroup_folders(proc, cgroup_root, controller="")]
    quotas += [_v1_quota(folder) for folder in _cgroup_folders(proc, cgroup_root, controller="cpu")]
    granted = [-int(-quota // 1) for quota in quotas if quota is not None]
    return max(1, min([available, *granted]))


def _cgroup_folders(proc: str, cgroup_root: str, *, controller: str) -> list[str]:
    """Return the process's cgroup folder and those above it: each level may set a quota.

    In a container the path is often the host's and does not exist below the mount point; then the
    walk upwards still finds the mount point itself, which is the container's own group.

    Args:
        controller: "" for the one hierarchy of version 2, or the name of a version 1 controller.
    """
    folders: list[str] = []
    for line in _read(os.path.join(proc, "cgroup")).splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller not in names.split(","):
            continue
        # Version 1 is mounted at the name of its controllers; systemd also offers a "unified" mount.
        for mount in {names, controller} if controller else {"", "unified"}:
            parts = [part for part in path.split("/") if part not in {"", ".."}]
            folders += [os.path.join(cgroup_root, mount, *parts[:depth]) for depth in range(len(parts) + 1)]
    return folders


def _v2_quota(folder: str) -> float | None:
    quota, _, period = _read(os.path.join(folder, "cpu.max")).strip().partition(" ")
    return _ratio(quota, period)


def _v1_quota(folder: str) -> float | None:
    quota = _read(os.path.join(folder, "cpu.cfs_quota_us")).strip()
    return _ratio(quota, _read(os.path.join(folder, "cpu.cfs_period_us")).strip())


def _ratio(quota: str, period: str) -> float | None:
    """Return quota / period, or None for "max", "-1" and absent files, which all mean no limit."""
    if not (quota.isdecimal() and period.isdecimal()) or int(quota) == 0 or int(period) == 0:
        return None
    return int(quota) / int(period)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
