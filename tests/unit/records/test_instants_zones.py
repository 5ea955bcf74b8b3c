"""The instants of cron expressions around every change of the clocks in every zone, against a walk by minutes.

The walk knows nothing of how instants are found: it goes through the minutes of UTC one by one, looks at the
clock on the wall, and applies the rules as they are written down.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest

from zenml.records.instants import instants_after
from zenml.records.schedules import Schedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
AROUND = 26 * HOUR
"""How much is walked before and after a change: longer than clocks were ever put forward or back."""


def always(_wall):
    return True


FIXED = {
    "30 2 * * *": (lambda wall: wall.hour == 2 and wall.minute == 30, always),
    "0 2,3 * * *": (lambda wall: wall.hour in (2, 3) and wall.minute == 0, always),
    "*/20 0-3 * * *": (lambda wall: wall.hour <= 3 and wall.minute % 20 == 0, always),
    "0 0 * * *": (lambda wall: wall.hour == 0 and wall.minute == 0, always),
    "45 23 * * *": (lambda wall: wall.hour == 23 and wall.minute == 45, always),
    "* 1 * * *": (lambda wall: wall.hour == 1, always),
    "10 0-23 * * *": (lambda wall: wall.minute == 10, always),
    "5,50 0-4 * * SUN": (lambda wall: wall.hour <= 4 and wall.minute in (5, 50), lambda wall: wall.weekday() == 6),
    "30 1,2 31,30 * *": (lambda wall: wall.hour in (1, 2) and wall.minute == 30, lambda wall: wall.day >= 30),
}  # fmt: skip
"""Expressions that name their hours: what they say of the time, and of the day."""
WALKED = {
    "*/30 * * * *": (lambda wall: wall.minute % 30 == 0, always),
    "7 * * * *": (lambda wall: wall.minute == 7, always),
    "15 */2 * * *": (lambda wall: wall.hour % 2 == 0 and wall.minute == 15, always),
    "0 3,*/6 * * *": (lambda wall: (wall.hour == 3 or wall.hour % 6 == 0) and wall.minute == 0, always),
    "59 * * * SUN": (lambda wall: wall.minute == 59, lambda wall: wall.weekday() == 6),
    "0,40 * 30 * *": (lambda wall: wall.minute in (0, 40), lambda wall: wall.day == 30),
}
"""Expressions with a `*` in the field of hours."""
ALL = FIXED | WALKED
OF_MINUTE = [
    [text for text, (fits_time, _) in ALL.items() if fits_time(datetime(2000, 1, 1) + index * MINUTE)]  # noqa: DTZ001
    for index in range(24 * 60)
]
"""By minute of the day: the expressions that say it."""


def said_by(wall):
    """Return the expressions that a time on the wall fits."""
    return [text for text in OF_MINUTE[wall.hour * 60 + wall.minute] if ALL[text][1](wall)]


def walked(zone, start, end):
    """Return by expression the instants from one moment to another, by a walk through the minutes of UTC."""
    found = {text: [] for text in ALL}
    shown = set()
    now, last = start, None
    while now <= end:
        wall = now.astimezone(zone).replace(tzinfo=None)
        due = [text for text in said_by(wall) if text in WALKED or wall not in shown]
        if last is not None and wall > last + MINUTE:
            left_out = last + MINUTE
            while left_out < wall:
                due += [text for text in said_by(left_out) if text in FIXED]
                left_out += MINUTE
        for text in set(due):
            found[text].append(now)
        shown.add(wall)
        now, last = now + MINUTE, wall
    return found


def offset(zone, moment):
    return moment.astimezone(zone).utcoffset()


def changes(zone):
    """Return the minutes from which clocks of a zone are changed, with the offsets before and after."""
    found, now = [], FIRST
    while now < LAST:
        if offset(zone, now) != offset(zone, now + DAY):
            at = next(
                now + i * HOUR for i in range(1, 25) if offset(zone, now) != offset(zone, now + i * HOUR)
            )
            at -= HOUR
            at = next(
                at + i * MINUTE for i in range(1, 61) if offset(zone, at) != offset(zone, at + i * MINUTE)
            )
            found.append((at, offset(zone, at - MINUTE), offset(zone, at)))
        now += DAY
    return found


@cache
def all_changes():
    """Return the changes of all zones, each with one of the zones that have it: the others show the same around it."""
    return {change: name for name in sorted(available_timezones()) for change in changes(ZoneInfo(name))}


def microseconds(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def schedule(text, zone):
    return Schedule(
        id="s", name="s", pipeline_name="p", plan="", folder="", python="", since=0, created_at=0, updated_at=0,
        cron_expression=text, timezone=zone,
    )  # fmt: skip


def differences(name, at):
    """Yield what is found otherwise than by the walk, around a change."""
    start, end = at - AROUND, at + AROUND
    for text, moments in walked(ZoneInfo(name), start, end).items():
        wanted = [microseconds(moment) for moment in moments]
        given = schedule(text, name)
        found = list(
            takewhile(lambda one: one <= microseconds(end), instants_after(given, microseconds(start) - 1))
        )
        if found != wanted:
            yield name, text, f"{at:%Y-%m-%d %H:%M}", sorted(set(found) ^ set(wanted))
            continue
        for hours in (-1.25, -1 / 60, 0, 0.5, 1, 2.25):
            after = microseconds(at + hours * HOUR)
            following = [one for one in wanted if one > after][:2]
            if list(islice(instants_after(given, after), len(following))) != following:
                yield name, text, f"{at:%Y-%m-%d %H:%M}", f"after {hours} hours"


def test_every_change_of_the_clocks_in_every_zone():
    known = all_changes()

    wrong = [one for (at, *_), name in known.items() for one in differences(name, at)]

    assert wrong == []
    assert len(known) > 300, "clocks are changed often enough for this to mean something"
    sizes = {after - before for _, before, after in known}
    assert {HOUR, -HOUR, HOUR / 2, -HOUR / 2, 2 * HOUR, -2 * HOUR} <= sizes, (
        "Lord Howe and Troll are among them"
    )


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a day that never was
        ("Pacific/Kwajalein", datetime(1993, 8, 21, 12, tzinfo=UTC)),  # another one
        ("Pacific/Kwajalein", datetime(1969, 9, 30, 13, tzinfo=UTC)),  # 23 hours that came twice
        (
            "Australia/Lord_Howe",
            datetime(1981, 10, 24, 15, 30, tzinfo=UTC),
        ),  # a whole hour, before it was half
        ("Africa/Casablanca", datetime(2018, 6, 17, 2, tzinfo=UTC)),
        ("Antarctica/Troll", datetime(2016, 3, 27, 1, tzinfo=UTC)),
        ("Africa/Cairo", datetime(2014, 7, 31, 22, tzinfo=UTC)),  # at the beginning of a day
        ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # without midnight
        ("America/Havana", datetime(2023, 11, 5, 5, tzinfo=UTC)),  # with two midnights
        ("America/Caracas", datetime(2007, 12, 9, 7, tzinfo=UTC)),
        ("America/Caracas", datetime(2016, 5, 1, 7, tzinfo=UTC)),
        ("Asia/Pyongyang", datetime(2018, 5, 4, 15, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(1985, 12, 31, 18, tzinfo=UTC)),  # by a quarter of an hour
        ("America/St_Johns", datetime(1988, 4, 3, 3, tzinfo=UTC)),  # by two hours
        ("Europe/Dublin", datetime(2020, 10, 25, 1, tzinfo=UTC)),  # whose winter is what is saved
    ],
    ids=lambda given: given if isinstance(given, str) else f"{given:%Y-%m-%d}",
)
def test_odd_changes_of_the_past(name, at):
    zone = ZoneInfo(name)
    assert offset(zone, at - HOUR) != offset(zone, at + HOUR), "it is one"

    assert list(differences(name, at)) == []
