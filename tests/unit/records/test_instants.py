"""When a schedule is due."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from zenml.errors import ConfigurationError
from zenml.records.instants import due_at, instants_after, shift_of
from zenml.records.schedules import Event, Schedule

SECOND = 1_000_000


def at(text):
    return (datetime.fromisoformat(f"{text}+00:00") - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def schedule(*, name="s", created="2025-01-01T00:00", **fields):
    return Schedule(
        id=name, name="nightly", pipeline_name="p", plan="", folder="", python="",
        since=0, created_at=at(created), updated_at=0, **fields,
    )  # fmt: skip


def cron(text, zone=None, **fields):
    return schedule(cron_expression=text, timezone=zone, **fields)


def next_ones(given, after, count=3):
    found = islice(instants_after(given, after if isinstance(after, int) else at(after)), count)
    return [f"{datetime(1970, 1, 1) + timedelta(microseconds=one):%Y-%m-%dT%H:%M}" for one in found]  # noqa: DTZ001


def test_a_cron_expression_is_meant_in_utc():
    assert next_ones(cron("0 2 * * *"), "2025-03-30T02:00", 2) == ["2025-03-31T02:00", "2025-04-01T02:00"]


def test_instants_are_strictly_after():
    given, instant = cron("0 2 * * *"), at("2025-03-30T02:00")

    assert next(instants_after(given, instant - 1)) == instant
    assert next(instants_after(given, instant)) == at("2025-03-31T02:00")
    assert next(instants_after(cron("*/5 * * * *"), instant + 1)) == at("2025-03-30T02:05")


def test_a_cron_expression_in_a_zone():
    given = cron("0 9 * * *", "Asia/Kathmandu")

    assert next_ones(given, "2025-01-01T00:00", 2) == ["2025-01-01T03:15", "2025-01-02T03:15"]


def test_a_word_stands_for_an_expression():
    assert next_ones(cron("@daily"), "2025-01-01T00:00", 1) == ["2025-01-02T00:00"]
    assert next_ones(cron("@hourly", "Europe/Berlin"), "2025-01-01T00:00", 1) == ["2025-01-01T01:00"]


def test_named_hours_that_are_left_out_fire_once_when_clocks_are_put_forward():
    given = cron("15,45 2 * * *", "Europe/Berlin")

    assert next_ones(given, "2026-03-28T01:15", 4) == [
        "2026-03-28T01:45",
        "2026-03-29T01:00",
        "2026-03-30T00:15",
        "2026-03-30T00:45",
    ]


def test_named_hours_that_come_twice_fire_the_first_time():
    given = cron("30 2 * * *", "Europe/Berlin")

    assert next_ones(given, "2026-10-24T12:00", 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_every_hour_is_every_hour():
    given = cron("0 * * * *", "Europe/Berlin")

    assert next_ones(given, "2026-03-29T00:00", 2) == ["2026-03-29T01:00", "2026-03-29T02:00"]
    assert next_ones(given, "2026-10-24T23:30", 3) == [
        "2026-10-25T00:00",
        "2026-10-25T01:00",
        "2026-10-25T02:00",
    ]


def test_a_start_by_seconds_is_kept_where_offsets_have_seconds():
    """Monrovia was 44 minutes and 30 seconds behind until 1972."""
    given = cron("0 5 * * *", "Africa/Monrovia")

    assert next(instants_after(given, at("1971-06-01T00:00"))) == at("1971-06-01T05:44:30")
    assert next(instants_after(cron("0 * * * *", "Africa/Monrovia"), at("1971-06-01T05:00"))) == at("1971-06-01T05:44:30")  # fmt: skip


def test_a_day_of_each_fourth_year():
    assert next_ones(cron("0 0 29 2 *", "America/New_York"), "2025-01-01T00:00", 2) == [
        "2028-02-29T05:00",
        "2032-02-29T05:00",
    ]
    assert next_ones(cron("0 */12 29 2 *", "America/New_York"), "2025-01-01T00:00", 2) == [
        "2028-02-29T05:00",
        "2028-02-29T17:00",
    ]


def test_start_and_end_are_instants_too():
    bounds = {"start_at": at("2025-01-02T00:00"), "end_at": at("2025-01-04T00:00")}
    days = ["2025-01-02T00:00", "2025-01-03T00:00", "2025-01-04T00:00"]

    assert next_ones(cron("0 0 * * *", **bounds), 0, 9) == days
    assert next_ones(cron("0 */24 * * *", "UTC", **bounds), 0, 9) == days
    assert next_ones(schedule(every=86_400 * SECOND, **bounds), 0, 9) == days
    assert next_ones(cron("0 0 * * *", **bounds), bounds["end_at"]) == []


def test_an_interval_counts_from_its_start():
    given = schedule(every=90 * 60 * SECOND, start_at=at("2025-01-01T00:20"))

    assert next_ones(given, 0, 2) == ["2025-01-01T00:20", "2025-01-01T01:50"]
    assert next_ones(given, "2025-01-01T01:50", 1) == ["2025-01-01T03:20"]
    assert next_ones(given, at("2025-01-01T01:50") - 1, 1) == ["2025-01-01T01:50"]


def test_an_interval_without_a_start_counts_from_the_first_interval_on():
    given = schedule(every=60 * 60 * SECOND, created="2025-01-01T00:10")

    assert next_ones(given, 0, 2) == ["2025-01-01T01:10", "2025-01-01T02:10"]
    assert next_ones(given, "2025-06-01T00:10", 1) == ["2025-06-01T01:10"]


def test_an_interval_far_from_its_start_is_not_counted_through():
    given = schedule(every=SECOND, start_at=0)

    assert next(instants_after(given, 10**16)) == 10**16 + SECOND


def test_once_is_once():
    given = schedule(run_once_at=at("2025-01-01T00:00"))

    assert next_ones(given, at("2025-01-01T00:00") - 1) == ["2025-01-01T00:00"]
    assert next_ones(given, "2025-01-01T00:00") == []


def test_events_have_no_instants():
    assert next_ones(schedule(event=Event(kind="artifact", name="a")), 0) == []


@pytest.mark.parametrize("zone", [None, "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("text", ["0 2 * * *", "0 * * * *", "0 0 29 2 *", "0 */6 29 2 *"])
def test_instants_end_where_datetimes_do(text, zone):
    given = cron(text, zone)

    assert len(list(instants_after(given, at("9996-01-01T00:00")))) < 20_000
    assert list(instants_after(given, 10**18)) == []
    assert next_ones(given, -(10**18), 1)[0].startswith(("5-", "8-"))


def test_a_zone_that_this_machine_does_not_know_is_named():
    with pytest.raises(ConfigurationError, match="`timezone` of schedule `nightly` is 'Mars/Base'"):
        next(instants_after(cron("0 2 * * *", "Mars/Base"), 0))


def test_an_expression_that_cannot_be_read_is_explained():
    with pytest.raises(ConfigurationError, match="`99` is above 23"):
        next(instants_after(cron("0 99 * * *"), 0))


# Jitter


def test_jitter_is_less_than_it_may_be_and_always_the_same():
    given = schedule(every=60 * SECOND, jitter=10 * SECOND)
    delays = [due_at(given, instant) - instant for instant in range(0, 6000 * SECOND, 60 * SECOND)]

    assert delays == [due_at(given, instant) - instant for instant in range(0, 6000 * SECOND, 60 * SECOND)]
    assert all(0 <= delay < 10 * SECOND for delay in delays)
    assert len(set(delays)) > 90
    assert max(delays) - min(delays) > 8 * SECOND


def test_schedules_of_the_same_time_have_different_jitter():
    found = {due_at(schedule(name=f"s{i}", every=60 * SECOND, jitter=10 * SECOND), 0) for i in range(20)}

    assert len(found) > 15


def test_jitter_is_the_same_on_every_machine():
    given, instant = schedule(every=60 * SECOND, jitter=10 * SECOND), at("2025-01-01T00:00")

    assert due_at(given, instant) - instant == 9_987_806


def test_without_jitter_an_instant_is_due_when_it_is():
    assert due_at(schedule(every=60 * SECOND), 7) == 7


# What people are told


@pytest.mark.parametrize(
    ("text", "zone", "instant", "told"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00",
         "2026-03-29 02:30 does not exist in Europe/Berlin: clocks are put forward from 02:00 to 03:00, and it runs then"),
        ("30 2 * * *", "Pacific/Apia", "2011-12-30T10:00",
         "2011-12-30 02:30 does not exist in Pacific/Apia: clocks are put forward from 00:00 to 2011-12-31 00:00, and it runs then"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30",
         "2026-10-25 02:30 comes twice in Europe/Berlin, where clocks are put back: this is the first time, the only one that counts"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30",
         "2026-10-25 02:30 comes twice in Europe/Berlin, where clocks are put back: this is the first time"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:30",
         "2026-10-25 02:30 comes twice in Europe/Berlin, where clocks are put back: this is the second time"),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:00", None),
        ("30 2 * * *", "Europe/Berlin", "2026-03-30T00:30", None),
        ("0 3 * * *", "Europe/Berlin", "2026-03-29T01:00", None),
        ("17 2 * * *", "Europe/Berlin", "2026-10-25T00:30", None),
        ("30 2 * * *", None, "2026-03-29T02:30", None),
    ],
)  # fmt: skip
def test_a_shift_is_explained(text, zone, instant, told):
    assert shift_of(cron(text, zone), at(instant)) == told


def test_intervals_and_events_are_not_shifted():
    assert shift_of(schedule(every=SECOND, timezone="Europe/Berlin"), at("2026-03-29T01:00")) is None
