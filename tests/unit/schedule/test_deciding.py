"""What becomes of instants that are due: rules of catching up and of overlap, case by case."""

import pytest

from zenml.records.schedules import Schedule
from zenml.records.upcoming import LATE
from zenml.schedule.deciding import MOST_QUEUED, Due, Going, decide, tick_of

MINUTE = 60_000_000
NOW = 1_774_656_000_000_000


def schedule(**given):
    return Schedule(
        id="0" * 24, name="s", pipeline_name="p", plan="p", folder="/", python="python", every=MINUTE, since=0,
        created_at=0, updated_at=0, **given,
    )  # fmt: skip


def at(*minutes_ago):
    return [Due(instant=NOW - ago * MINUTE, due_at=NOW - ago * MINUTE) for ago in minutes_ago]


def outcomes(decision):
    """Return what became of each instant, by how many minutes ago it was."""
    return {(NOW - tick.instant) // MINUTE: tick.outcome for tick in decision.ticks}


def waiting(count):
    return [tick_of(schedule(), one, "queued", NOW) for one in at(*range(count + 1, 1, -1))]


BUSY, IDLE = Going(active=["run 1 is running"]), Going()


@pytest.mark.parametrize(
    ("overlap", "going", "expected"),
    [
        ("skip", IDLE, "claimed"),
        ("skip", BUSY, "skipped"),
        ("queue", IDLE, "claimed"),
        ("queue", BUSY, "queued"),
        ("cancel", IDLE, "claimed"),
        ("cancel", BUSY, "queued"),
        ("allow", BUSY, "claimed"),
    ],
)
def test_an_instant_in_time_meets_what_goes_on(overlap, going, expected):
    decision = decide(schedule(overlap=overlap), at(0), going, NOW)

    assert outcomes(decision) == {0: expected}


def test_what_waits_goes_before_what_comes():
    decision = decide(schedule(overlap="queue"), at(0), Going(queued=waiting(1)), NOW)

    assert outcomes(decision) == {0: "queued"}
    assert decision.ticks[0].reason == "an earlier fire waits for its turn"


def test_a_newer_one_takes_the_place_of_what_waits_for_an_end():
    first, second = decide(schedule(overlap="cancel"), at(1, 0), BUSY, NOW).ticks

    assert (first.outcome, second.outcome) == ("skipped", "queued")
    assert "a newer one was due" in first.reason


def test_so_many_wait_and_no_more():
    decision = decide(schedule(overlap="queue"), at(0), Going(active=["x"], queued=waiting(MOST_QUEUED)), NOW)

    assert outcomes(decision) == {0: "skipped"}
    assert decision.ticks[0].reason == f"{MOST_QUEUED} fires wait already"


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [
        ("none", {30: "missed", 20: "missed", 10: "missed"}),
        ("latest", {30: "missed", 20: "missed", 10: "claimed"}),
        ("all", {30: "missed", 20: "claimed", 10: "queued"}),
    ],
)
def test_what_was_missed_is_made_up_for_as_it_is_said(catchup, expected):
    decision = decide(schedule(catchup=catchup, catchup_limit=2), at(30, 20, 10), IDLE, NOW)

    assert outcomes(decision) == expected
    assert all(tick.alert == "due" for tick in decision.ticks if tick.outcome == "missed")


def test_nothing_is_made_up_for_where_one_is_in_time():
    assert outcomes(decide(schedule(), at(20, 10, 0), IDLE, NOW)) == {
        20: "missed",
        10: "missed",
        0: "claimed",
    }


def test_nothing_of_a_part_is_the_latest_while_more_have_passed():
    assert outcomes(decide(schedule(), at(30, 20), IDLE, NOW, more=True)) == {30: "missed", 20: "missed"}


@pytest.mark.parametrize(("late", "expected"), [(LATE, "claimed"), (LATE + 1, "missed")])
def test_a_minute_is_not_too_late(late, expected):
    one = Due(instant=NOW - late, due_at=NOW - late)

    assert [tick.outcome for tick in decide(schedule(catchup="none"), [one], IDLE, NOW).ticks] == [expected]


def test_very_many_that_were_missed_are_one_row_and_the_newest():
    decision = decide(schedule(catchup="none"), at(*range(1500, 500, -1)), IDLE, NOW)

    together, *single = decision.ticks
    assert (together.count, len(single)) == (900, 100)
    assert (together.instant, together.last_instant) == (NOW - 1500 * MINUTE, NOW - 601 * MINUTE)


def test_no_more_runs_than_there_may_be():
    decision = decide(schedule(overlap="allow"), at(0, 0, 0), Going(runs_left=2), NOW)

    assert [tick.outcome for tick in decision.ticks] == ["claimed", "claimed", "skipped"]
    assert decision.begun == 2


def test_the_id_of_a_run_follows_from_its_tick():
    first, again = (decide(schedule(), at(0), IDLE, NOW).ticks[0] for _ in range(2))

    assert first.run_id == again.run_id
    assert first.run_id != decide(schedule(), at(1), IDLE, NOW).ticks[0].run_id
    assert first.run_id.startswith(f"{NOW:013x}")
