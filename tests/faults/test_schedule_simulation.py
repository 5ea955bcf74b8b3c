"""Schedulers in worlds that seeds decide: kills, restarts, set clocks, two of them, people who change things.

Each fire happens at most once, the ledger tells of every instant, and nothing waits for ever.
"""

import pytest
from schedule_world import Tables, World, new_store

from zenml.schedule import deciding, scheduler
from zenml.store import schedules

SEEDS = 50
ENOUGH = 150
"""Seeds in which a mistake shows."""


@pytest.fixture(scope="module")
def store():
    store = new_store()
    yield store
    store.close()


@pytest.mark.parametrize("first", range(0, 500, SEEDS))
def test_each_fire_happens_at_most_once_and_every_instant_is_told_of(store, first):
    facts = [World(seed, store).run() for seed in range(first, first + SEEDS)]

    assert sum(one["kills"] for one in facts) > SEEDS
    assert sum(one["begun"] for one in facts) > SEEDS
    assert sum(one["signals"] for one in facts) > 0


def whoever_writes_wins(monkeypatch):
    monkeypatch.setattr(schedules, "_CHANGE", schedules._CHANGE.replace("revision = :seen", ":seen >= 0"))


def runs_begin_unseen(monkeypatch):
    monkeypatch.setattr(schedules, "check_claimed", lambda *_: None)
    monkeypatch.setattr(schedules, "_FIRE", schedules._FIRE.replace("outcome = 'claimed'", "0 = 1"))


def dead_schedulers_live(monkeypatch):
    monkeypatch.setattr(Tables, "dead_among", lambda *_: set())


def what_goes_on_is_not_seen(monkeypatch):
    monkeypatch.setattr(scheduler, "Going", lambda **given: deciding.Going(**{**given, "active": ()}))


def instants_are_passed_over(monkeypatch):
    rows = deciding._missed_rows
    monkeypatch.setattr(
        deciding, "_missed_rows", lambda schedule, missed, now: rows(schedule, missed[1:], now)
    )


def events_are_looked_for_late(monkeypatch):
    sql = schedules._ENDED_RUNS.replace("r.ended_at > :since", "r.ended_at > :since + 1800000000")
    monkeypatch.setattr(schedules, "_ENDED_RUNS", sql)


def all_that_was_missed_is_made_up_for(monkeypatch):
    monkeypatch.setattr(deciding, "LATE", 10**15)


def no_limit_of_runs(monkeypatch):
    monkeypatch.setattr(schedules.ScheduleTables, "runs_begun", lambda *_: 0)


def what_waits_is_forgotten(monkeypatch):
    monkeypatch.setattr(scheduler.Scheduler, "_let_next_begin", lambda *_: None)


MISTAKES = [
    whoever_writes_wins,
    runs_begin_unseen,
    dead_schedulers_live,
    what_goes_on_is_not_seen,
    instants_are_passed_over,
    events_are_looked_for_late,
    all_that_was_missed_is_made_up_for,
    no_limit_of_runs,
    what_waits_is_forgotten,
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_found(store, monkeypatch, mistake):
    mistake(monkeypatch)

    with pytest.raises(AssertionError):
        run_worlds(store)


def run_worlds(store):
    for seed in range(ENOUGH):
        World(seed, store).run()
