"""When a schedule is due next, as it is recorded with the schedule so that an index finds it."""

from __future__ import annotations

import msgspec

from zenml.records.instants import due_at, instants_after
from zenml.records.schedules import Schedule

LATE = 60_000_000
"""Microseconds after which an instant that nobody has looked at was missed."""


def with_next(schedule: Schedule, *, runs_begun: int = 0) -> Schedule:
    """Return a schedule with its next instant; with none if it is paused, cannot be evaluated, or is over.

    Args:
        schedule: the schedule, whose `since` says how far it is.
        runs_begun: how many runs it has begun or will, where it may have only so many.

    Raises:
        ValueError: its recorded times cannot be read.
    """
    is_over = schedule.max_runs is not None and runs_begun >= schedule.max_runs
    if is_over or not schedule.is_active or schedule.problem is not None:
        return msgspec.structs.replace(schedule, next_instant=None, next_at=None)
    instant = next(iter(instants_after(schedule, schedule.since)), None)
    return msgspec.structs.replace(
        schedule, next_instant=instant, next_at=None if instant is None else due_at(schedule, instant)
    )


def owed_from(schedule: Schedule, now: int) -> int:
    """Return the `since` of a schedule that is new, or whose times are: what lies before that is not owed.

    A first instant that is given as now has just passed when it is read. Only `catchup="all"` makes up for a past
    that the schedule was not there for.
    """
    begin = schedule.start_at if schedule.run_once_at is None else schedule.run_once_at
    if begin is None or begin > now or (begin < now - LATE and schedule.catchup != "all"):
        return now
    return begin - 1
