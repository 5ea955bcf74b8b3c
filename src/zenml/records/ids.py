"""Identifiers: short, sortable by time of creation, made without a lock or the uuid module.

An id is 24 hexadecimal digits: 13 of microseconds since 1970, 11 at random. Ids made by one
process increase strictly, so `ORDER BY id` is the order of creation and index pages are
filled from left to right. The random half is what people see as the short id.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import NewType

RunId = NewType("RunId", str)
StepRunId = NewType("StepRunId", str)
ArtifactId = NewType("ArtifactId", str)
OwnerId = NewType("OwnerId", str)
PipelineId = NewType("PipelineId", str)
ModelId = NewType("ModelId", str)
ModelVersionId = NewType("ModelVersionId", str)
ScheduleId = NewType("ScheduleId", str)

SHORT_LENGTH = 8
"""How many of the last digits of an id are shown to people, and accepted from them."""

_last_microsecond = 0
_DRAWN = 64
"""Random halves that are drawn at once: a system call for each would be a tenth of what a cached step costs."""
_random: deque[int] = deque()
os.register_at_fork(after_in_child=_random.clear)  # or a child would draw the same
_shift = 0
"""Microseconds by which the time of records differs from the real one: 0 outside of tests."""


def new_id() -> str:
    """Return a new id of 24 hexadecimal digits, greater than any this process made before."""
    global _last_microsecond
    try:
        random = _random.pop()
    except IndexError:
        drawn = os.urandom(6 * _DRAWN)
        _random.extend(int.from_bytes(drawn[at : at + 6]) & 0xFFFFFFFFFFF for at in range(0, len(drawn), 6))
        random = int.from_bytes(os.urandom(6)) & 0xFFFFFFFFFFF  # another thread may have emptied it again
    # Two threads that race here may share a microsecond; the random half still tells them apart.
    _last_microsecond = now = max(_last_microsecond + 1, time.time_ns() // 1000)
    return f"{now:013x}{random:011x}"


def short(identifier: str) -> str:
    """Return the part of an id that people read and type."""
    return identifier[-SHORT_LENGTH:]


def microseconds_now() -> int:
    """Return the current time as whole microseconds since 1970, UTC: the unit of every stored time."""
    return time.time_ns() // 1000 + _shift


def shift_time(microseconds: int) -> None:
    """Have the time of everything that is recorded from now on differ from the real one, by so much in all."""
    global _shift
    _shift = microseconds
