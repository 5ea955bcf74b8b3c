"""What the workloads share: fresh stores, the clock, and the report to the parent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

FOLDER = os.environ.get("BENCH_FOLDER", ".")
IS_DURABLE = os.environ.get("ZENML_DURABILITY", "full") == "full"


def fresh_store(name: str) -> str:
    """Make the next run of this process open a new store; return its folder."""
    root = os.path.join(FOLDER, name)
    os.environ["ZENML_CONFIG_PATH"] = root
    return root


def bare_file(name: str) -> str:
    """Return where a floor may put its file: the disk of the store."""
    return os.path.join(FOLDER, name)


def time_of(call: Callable[[], object]) -> float:
    """Return the seconds a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def peak_memory() -> float:
    """Return the most resident memory this process ever had, in MB (10^6 bytes).

    `getrusage` would not do: a process that was forked and then executed another program keeps
    the peak of its parent there.
    """
    return _memory("VmHWM")


def growth_of(call: Callable[[], object]) -> float:
    """Return by how many MB resident memory grew, at its peak, while a call went on; mapped files count as well."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak is counted from here on
    before = _memory("VmRSS")
    call()
    return peak_memory() - before


def _memory(name: str) -> float:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    raise OSError("this system does not tell a process's memory")


def report(**figures: object) -> None:
    """Hand the figures to the parent."""
    with open(os.environ["BENCH_RESULT"], "w", encoding="utf-8") as file:
        json.dump(figures, file)
