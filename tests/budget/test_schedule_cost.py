"""What the scheduler asks of the database: little with nothing to do, and no more for those that are not due."""

import pytest

from zenml.records.schedules import Schedule
from zenml.records.upcoming import with_next
from zenml.schedule.scheduler import Scheduler
from zenml.store.database import Database

SECOND = 1_000_000
NOW = 1_774_656_000 * SECOND


class Starter:
    def __init__(self):
        self.started = []

    def start(self, start):
        self.started.append(start)

    def has(self, run_id):
        return any(one.tick.run_id == run_id for one in self.started)

    def ended(self):
        return []


class Silent:
    def say(self, text):
        pass


@pytest.fixture
def store():
    store = Database(":memory:")
    yield store
    store.close()


@pytest.fixture
def starter():
    return Starter()


@pytest.fixture
def clock():
    return {"now": NOW}


@pytest.fixture
def scheduler(store, starter, clock):
    made = Scheduler(store, "me", starter, lambda: clock["now"], Silent())
    made.turn()
    return made


def add(store, number, every):
    schedule = Schedule(
        id=f"{number:024}", name=f"s{number}", pipeline_name="p", plan="p", folder="/", python="python", every=every,
        since=NOW, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    assert store.schedules.add(with_next(schedule), b"{}")


def asked(store, scheduler):
    """Return the statements and transactions of one turn."""
    before = store.file.statements, store.file.transactions
    scheduler.turn()
    return store.file.statements - before[0], store.file.transactions - before[1]


def test_a_turn_with_nothing_to_do_asks_four_times_however_many_schedules_there_are(store, scheduler):
    empty = asked(store, scheduler)
    for number in range(200):
        add(store, number, 3600 * SECOND)

    assert asked(store, scheduler) == empty == (4, 0)


def test_a_fire_is_one_transaction(store, scheduler, starter, clock):
    for number in range(10):
        add(store, number, (number + 1) * SECOND)
    clock["now"] += SECOND

    statements, transactions = asked(store, scheduler)

    assert len(starter.started) == 1
    assert transactions == 1
    assert statements <= 4 + 6
