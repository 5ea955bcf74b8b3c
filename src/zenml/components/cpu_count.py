"""How many CPUs this process may use.

A container often sees all the cores of its host while its cgroup grants a fraction of them, so the
answer is the smaller of the affinity mask and the quota.
"""

from __future__ import annotations

import os

from zenml.components.cgroups import cgroup_folders, read_text


def usable_cpus(*, proc: str = "/proc/self", cgroup_root: str = "/sys/fs/cgroup") -> int:
    """Return how many CPUs the affinity mask and the cgroup quotas leave, at least 1.

    A fractional quota is rounded up: two processes share 1.5 CPUs better than one uses them.
    """
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not offered by macOS and Windows
        available = os.cpu_count() or 1
    quotas = [_v2_quota(folder) for folder in cgroup_folders(proc, cgroup_root, controller="")]
    quotas += [_v1_quota(folder) for folder in cgroup_folders(proc, cgroup_root, controller="cpu")]
    granted = [-int(-quota // 1) for quota in quotas if quota is not None]
    return max(1, min([available, *granted]))


def _v2_quota(folder: str) -> float | None:
    quota, _, period = read_text(os.path.join(folder, "cpu.max")).strip().partition(" ")
    return _ratio(quota, period)


def _v1_quota(folder: str) -> float | None:
    quota = read_text(os.path.join(folder, "cpu.cfs_quota_us")).strip()
    return _ratio(quota, read_text(os.path.join(folder, "cpu.cfs_period_us")).strip())


def _ratio(quota: str, period: str) -> float | None:
    """Return quota / period, or None for "max", "-1" and absent files, which all mean no limit."""
    if not (quota.isdecimal() and period.isdecimal()) or int(quota) == 0 or int(period) == 0:
        return None
    return int(quota) / int(period)
