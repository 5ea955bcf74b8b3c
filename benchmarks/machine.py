"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import tempfile

from children import time_code


def describe() -> dict[str, str]:
    """Return what a reader needs to judge the figures."""
    start = statistics.median(time_code("pass") for _ in range(9)) * 1000
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "CPU": f"{cpu_model()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores usable",
        "Memory": f"{memory:.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": sys.version.split()[0],
        "SQLite": sqlite3.sqlite_version,
        "Disk": disk_of(tempfile.gettempdir()),
        "Speed": f"a bare Python starts in {start:.1f} ms; budgets in ms were set where it takes 7",
        "Load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def cpu_model() -> str:
    """Return the name of the processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def disk_of(folder: str) -> str:
    """Return file system and device of the folder in which the stores are made."""
    folder, best, found = os.path.realpath(folder), "", "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            point, options = left.split(" ")[4:6]
            kind, device = right.split(" ")[:2]
            if (folder + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
                best, found = point, f"{kind} on {device} ({options}), stores in {folder}"
    return found
