"""Schedules and instants in words: what is said of them in notes, lists and previews."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import tzinfo

    from zenml.records.schedules import Event, Schedule

_EVENTS = {
    "run_ended": "a run of pipeline `{}` ends{}",
    "artifact": "artifact `{}` has a new version",
    "model_version": "model `{}` has a new version",
}


def instant_text(instant: int, timezone: str | None = None) -> str:
    """Return an instant as people read it: the time of day in a zone, by its name."""
    zone, name = _zone(timezone)
    moment = datetime.fromtimestamp(instant / 1e6, zone)
    seconds = "" if not moment.second else f":{moment:%S}"
    return f"{moment:%Y-%m-%d %H:%M}{seconds} {name}"


def _zone(timezone: str | None) -> tuple[tzinfo, str]:
    """Return a zone and its name; UTC for one that this machine does not know, as another one does."""
    if timezone is not None:
        try:
            return ZoneInfo(timezone), timezone
        except (LookupError, OSError, ValueError):
            pass
    return UTC, "UTC"


def times_text(schedule: Schedule) -> str:
    """Return when a schedule is due, in short: `0 2 * * *`, `every 30 min`."""
    if schedule.event is not None:
        return f"when {event_text(schedule.event)}"
    if schedule.cron_expression is not None:
        return schedule.cron_expression
    if schedule.every is not None:
        return f"every {span_text(schedule.every)}"
    return f"once, {instant_text(schedule.run_once_at or 0, schedule.timezone)}"


def event_text(event: Event) -> str:
    """Return what has to happen."""
    statuses = f" as {' or '.join(event.statuses)}" if event.statuses else ""
    return _EVENTS[event.kind].format(event.name, statuses)


def span_text(microseconds: int) -> str:
    """Return a span of time in its largest whole unit."""
    seconds = microseconds / 1e6
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:g} s"


def state_text(schedule: Schedule) -> str:
    """Return whether a schedule is active, and if not, why."""
    if schedule.problem is not None:
        return f"set aside: {schedule.problem}"
    if schedule.is_active:
        return "active"
    return "paused" + (f": {schedule.pause_reason}" if schedule.pause_reason else "")


def coming_text(schedule: Schedule) -> str:
    """Return what comes next of a schedule, as the end of a sentence."""
    if schedule.problem is not None:
        return f"it is set aside: {schedule.problem}"
    if not schedule.is_active:
        return "it is paused" + (f": {schedule.pause_reason}" if schedule.pause_reason else "")
    if schedule.event is not None:
        return f"it runs when {event_text(schedule.event)}"
    if schedule.next_at is None:
        return "nothing is to come any more"
    return f"next run at {instant_text(schedule.next_at, schedule.timezone)}"
