"""Know when this process began, to tell what was there before from what was made since."""

from __future__ import annotations

import functools
import os
import time


@functools.cache
def process_start() -> float:
    """Return when this process began, in seconds since 1970; where the system does not tell, when this was loaded."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as stream:
            ticks = int(stream.read().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _loaded_at
    return time.time() - age + _PRECISION


def is_clock_reading(value: object) -> bool:
    """Tell whether a number is a time read in this process: seconds or nanoseconds between its beginning and now."""
    if type(value) is int:
        value = value / 1e9
    return type(value) is float and process_start() - 1 <= value <= time.time() + 1


_loaded_at = time.time()
# The system counts ticks of 10 ms. Python itself needs longer before it loads anything of a project.
_PRECISION = 0.02
