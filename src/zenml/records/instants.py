"""When a schedule is due: its instants, in order, as microseconds since 1970 in UTC.

A cron expression is meant in times on the wall of its zone, and clocks are changed there. What then becomes
of it depends on its hours. If they are named (`0 2 * * *`), each time on the wall stands for one instant:
one that clocks leave out for the moment at which they are put forward, one that they show twice for the
first time. If they are a `*` (`*/30 * * * *`), real time is walked, and each instant counts at which clocks
show a time of the expression: none is made up for, and what they show twice counts twice.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zenml.records.wall_clock import next_change, offset_at, resolve, second_of, wall_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from zenml.records.schedules import Schedule

_MICROSECONDS = 1_000_000
_FIRST, _LAST = -62_000_000_000, 253_300_000_000
"""Seconds in the years 5 and 9996: datetimes end soon before and after, in whatever zone."""
_ONE_SECOND = timedelta(seconds=1)


def instants_after(schedule: Schedule, after: int) -> Iterator[int]:
    """Yield the instants of a schedule strictly after one, in order; none if it waits for events.

    Its `start_at` and `end_at` are instants too, where they fit; its `max_runs` is not looked at.

    Raises:
        ConfigurationError: its cron expression or its zone cannot be read on this machine.
    """
    end = _LAST * _MICROSECONDS
    if schedule.end_at is not None:
        end = min(end, schedule.end_at)
    after = max(after, _FIRST * _MICROSECONDS)
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - 1)
    if after >= end:
        return
    if schedule.run_once_at is not None:
        if after < schedule.run_once_at <= end:
            yield schedule.run_once_at
    elif schedule.every is not None:
        yield from _at_intervals(schedule, schedule.every, after, end)
    elif schedule.cron_expression is not None:
        text, zone = _expanded(schedule.cron_expression), _zone_of(schedule)
        walk = _resolved if _has_fixed_hours(text) else _walked
        for second in walk(text, zone, after // _MICROSECONDS, end // _MICROSECONDS):
            yield second * _MICROSECONDS


def due_at(schedule: Schedule, instant: int) -> int:
    """Return when an instant is due: later by a part of the jitter that is always the same for it."""
    if not schedule.jitter:
        return instant
    digest = hashlib.sha256(f"{schedule.id} {instant}".encode()).digest()
    return instant + int.from_bytes(digest[:16]) % schedule.jitter


def shift_of(schedule: Schedule, instant: int) -> str | None:
    """Return for people why an instant is not at the time that the schedule says, or is one of two; else None."""
    if schedule.cron_expression is None or schedule.timezone is None:
        return None
    text, zone = _expanded(schedule.cron_expression), _zone_of(schedule)
    second, where = instant // _MICROSECONDS, schedule.timezone
    is_fixed = _has_fixed_hours(text)
    if is_fixed and (shift := _left_out(text, second, zone)):
        wall, before, now = shift
        shown = f"{now:%H:%M}" if now.date() == wall.date() else f"{now:%Y-%m-%d %H:%M}"
        return (
            f"{wall:%Y-%m-%d %H:%M} does not exist in {where}: "
            f"clocks are put forward from {before:%H:%M} to {shown}, and it runs then"
        )
    wall = wall_at(second, zone)
    if next(_walls(text, wall - _ONE_SECOND), None) != wall:
        return None
    first, again = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if first <= again:
        return None
    which = "first" if second == second_of(wall, first) else "second"
    only = ", the only one that counts" if is_fixed else ""
    return f"{wall:%Y-%m-%d %H:%M} comes twice in {where}, where clocks are put back: this is the {which} time{only}"


def _at_intervals(schedule: Schedule, every: int, after: int, end: int) -> Iterator[int]:
    start = schedule.created_at + every if schedule.start_at is None else schedule.start_at
    instant = start + max(0, (after - start) // every + 1) * every
    while instant <= end:
        yield instant
        instant += every


def _resolved(text: str, zone: tzinfo, after: int, end: int) -> Iterator[int]:
    """Yield the seconds that times on the wall stand for.

    Later times never stand for earlier seconds, so those of which one has passed already are passed over.
    """
    for wall in _walls(text, wall_at(after, zone)):
        second = resolve(wall, zone)
        if second > end:
            return
        if second > after:
            yield second
            after = second


def _walked(text: str, zone: tzinfo, after: int, end: int) -> Iterator[int]:
    """Yield the seconds at which clocks show a time: between two changes of the clocks after each other."""
    start: int | None = after + 1
    while start is not None and start <= end:
        reached, offset = start, offset_at(start, zone)
        start = None
        for wall in _walls(text, wall_at(reached, zone) - _ONE_SECOND):
            second = second_of(wall, offset)
            start = next_change(reached, min(second, end), zone)
            if start is not None or second > end:
                break
            yield second
            reached = second


def _left_out(text: str, second: int, zone: tzinfo) -> tuple[datetime, datetime, datetime] | None:
    """Return the first time that clocks leave out at a second, what they would show, and what they show."""
    before = wall_at(second - 1, zone) + _ONE_SECOND
    now = wall_at(second, zone)
    if before >= now:
        return None
    wall = next(_walls(text, before - _ONE_SECOND), now)
    return (wall, before, now) if wall < now else None


def _walls(text: str, after: datetime) -> Iterator[datetime]:
    """Yield the times on the wall of a cron expression after one, as if clocks were never changed."""
    from cronsim import CronSim, CronSimError

    try:
        yield from CronSim(text, after)
    except OverflowError:  # the end of datetimes
        return
    except CronSimError as error:
        from zenml.config.cron_text import read_cron

        read_cron(text)  # it says better what is wrong
        raise AssertionError(f"`{text}` is read, and is not") from error


def _has_fixed_hours(text: str) -> bool:
    fields = text.split()
    return len(fields) != 5 or "*" not in fields[1]


def _expanded(text: str) -> str:
    if not text.startswith("@"):
        return text
    from zenml.config.cron_text import expanded

    return expanded(text)


def _zone_of(schedule: Schedule) -> tzinfo:
    if schedule.timezone is None:
        return UTC
    from zenml.config.zones import zone_named

    return zone_named(schedule.timezone, f"schedule `{schedule.name}`")
