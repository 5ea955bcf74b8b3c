"""Identifiers: short, sortable by time of creation, made without a lock or the uuid module.

An id is 24 hexadecimal digits: 13 of microseconds since 1970, 11 at random. Ids made by one
process increase strictly, so `ORDER BY id` is the order of creation and index pages are
filled from left to right. The random half is what people see as the short id.
"""

from __future__ import annotations

import os
import time
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
_shift = 0
"""Microseconds by which the time of records differs from the real one: 0 outside of tests."""


def new_id() -> str:
    """Return a new id of 24 hexadecimal digits, greater than any this process made before."""
    global _last_microsecond
    # Two threads that race here may share a microsecond; the random half still tells them apart.
    _last_microsecond = now = max(_last_microsecond + 1, time.time_ns() // 1000)
    return f"{now:013x}{int.from_bytes(os.urandom(6)) & 0xFFFFFFFFFFF:011x}"


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
