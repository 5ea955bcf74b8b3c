"""What the ledgers of schedules forget, and what they never do."""

import msgspec
import pytest
from store_samples import started_run, write

from zenml.records.schedules import Event, Schedule, Tick
from zenml.store import removal
from zenml.store.removal import delete_runs, delete_ticks, old_ticks


def a_schedule(store, name="s", **fields):
    schedule = Schedule(
        id=f"id-of-{name}", name=name, pipeline_name="p", plan="d", folder="/", python="python",
        since=1000, created_at=1, updated_at=1, **fields,
    )  # fmt: skip
    assert store.schedules.add(schedule, b"{}")
    return schedule


def add(store, schedule, instant, outcome="skipped", **fields):
    tick = Tick(
        **{
            "schedule_id": schedule.id, "key": f"t{instant}", "cause": "time", "instant": instant, "due_at": instant,
            "outcome": outcome, "run_id": f"run of {instant}", "recorded_at": instant, "settled_at": instant, **fields,
        }
    )  # fmt: skip
    (seen,) = store.select(Schedule, id=schedule.id)
    assert store.schedules.change(seen, seen, [tick])


def left(store, schedule):
    return [tick.instant for tick in reversed(store.schedules.ticks(schedule.id, 100))]


def test_what_is_old_and_has_no_run_is_forgotten(store):
    schedule = a_schedule(store)
    for instant in (1, 2, 50, 90):
        add(store, schedule, instant)
    add(store, schedule, 3, count=40, last_instant=42)

    assert old_ticks(store, 50) == 42
    assert delete_ticks(store, 50) == 42
    assert left(store, schedule) == [50, 90]
    assert delete_ticks(store, 50) == 0


def test_the_newest_row_of_each_schedule_stays(store):
    schedules = [a_schedule(store, name) for name in "ab"]
    for schedule in schedules:
        add(store, schedule, 1)
        add(store, schedule, 2)

    delete_ticks(store, 100)

    assert [left(store, schedule) for schedule in schedules] == [[2], [2]]


def test_what_has_a_run_stays_as_long_as_that(store):
    schedule, run = a_schedule(store), started_run(store)
    write(store, run, run=msgspec.structs.replace(run, status="failed", ended_at=1))
    add(store, schedule, 1, "fired", run_id=run.id)
    add(store, schedule, 90)

    assert (old_ticks(store, 50), delete_ticks(store, 50)) == (0, 0)
    assert old_ticks(store, 50, [run.id]) == 1
    assert left(store, schedule) == [1, 90]
    delete_runs(store, [run.id])
    assert delete_ticks(store, 50) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "queued", "settled_at": None},
        {"outcome": "missed", "alert": "due"},
        {"cause": "event", "instant": 2000, "settled_at": 1},
        {"settled_at": 60},
    ],
    ids=["not settled", "not told", "event that is looked for again", "young"],
)
def test_what_is_still_looked_at_stays(store, fields):
    schedule = a_schedule(store, event=Event(kind="artifact", name="a"))
    add(store, schedule, **{"instant": 1, **fields})
    add(store, schedule, 3000)

    assert (old_ticks(store, 50), delete_ticks(store, 50)) == (0, 0)


def test_runs_that_count_for_max_runs_stay(store):
    counted, other = a_schedule(store, "counted", max_runs=3), a_schedule(store, "other")
    for schedule in (counted, other):
        add(store, schedule, 1, "fired")
        add(store, schedule, 2)
        add(store, schedule, 90)

    delete_ticks(store, 50)

    assert (left(store, counted), left(store, other)) == ([1, 90], [90])
    assert store.schedules.runs_begun(counted.id) == 1


def test_many_rows_go_in_several_transactions(store, monkeypatch):
    monkeypatch.setattr(removal, "_MOST_TICKS", 5)
    schedule = a_schedule(store)
    for instant in range(1, 13):
        add(store, schedule, instant)
    before = store.file.transactions

    assert delete_ticks(store, 50) == 11
    assert left(store, schedule) == [12]
    assert store.file.transactions - before == 3
