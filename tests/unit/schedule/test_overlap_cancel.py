"""`overlap="cancel"`: whatever is in the way of a newer fire is stopped, however far it is."""

import signal

import pytest

from zenml.records.ids import new_id
from zenml.records.plan import PipelineOptions
from zenml.records.run import Owner, Run
from zenml.records.schedules import Schedule
from zenml.records.upcoming import with_next
from zenml.schedule import cancelling
from zenml.schedule.scheduler import Scheduler
from zenml.store.store import RunDocuments

SECOND = 1_000_000
BEGIN = 1_774_656_000 * SECOND


class Hand:
    """Starts nothing by itself: what was asked for begins when a test says so."""

    def __init__(self, store):
        self.store = store
        self.asked = []

    def start(self, start):
        self.asked.append(start)

    def ended(self):
        return []

    def has(self, run_id):
        return any(one.tick.run_id == run_id for one in self.asked)

    def begin(self, now):
        start = self.asked.pop(0)
        owner = Owner(id=new_id(), host="h", boot_id="b", pid=1, process_start="0", created_at=now)
        self.store.insert([owner])
        run = Run(
            id=start.tick.run_id, name=start.tick.run_id, status="running", pipeline_name="p",
            owner_id=owner.id, created_at=now, plan="p", environment="e", options=PipelineOptions(),
            schedule_id=start.schedule.id,
        )  # fmt: skip
        assert self.store.start_run(run, RunDocuments(b"{}", b"{}", {}, None))
        return run.id


class World:
    def __init__(self, store, **rules):
        self.now = BEGIN
        self.store, self.hand = store, Hand(store)
        schedule = Schedule(
            id="s", name="s", pipeline_name="p", plan="p", folder="/", python="python", every=60 * SECOND,
            since=BEGIN, created_at=BEGIN, updated_at=BEGIN, **{"overlap": "cancel", **rules},
        )  # fmt: skip
        assert store.schedules.add(with_next(schedule), b"{}")
        owner = store.schedules.begin_to_serve(BEGIN)
        self.scheduler = Scheduler(store, owner.id, self.hand, lambda: self.now, self)

    def say(self, text):
        pass

    def turn(self, seconds=0):
        self.now += seconds * SECOND
        self.scheduler.turn()

    def outcomes(self):
        return [tick.outcome for tick in reversed(self.store.schedules.ticks("s", 100))]

    def status(self, run_id):
        return self.store.get(Run, run_id).status

    def mark(self, run_id, status):
        with self.store.file.write() as transaction:
            transaction.run(
                "UPDATE runs SET status = :status WHERE id = :id", {"status": status, "id": run_id}
            )


@pytest.fixture
def world(store):
    return World(store)


def test_what_runs_is_stopped_and_the_newer_one_follows_its_end(world):
    world.turn(60)
    first = world.hand.begin(world.now)
    world.turn(60)
    assert (world.status(first), world.outcomes()) == ("stopping", ["fired", "queued"])

    world.mark(first, "stopped")
    world.turn()

    assert world.outcomes() == ["fired", "claimed"]
    assert len(world.hand.asked) == 1


def test_a_run_that_waits_for_a_person_is_stopped(world):
    world.turn(60)
    first = world.hand.begin(world.now)
    world.mark(first, "paused")

    world.turn(60)
    world.turn()

    assert (world.status(first), world.outcomes()) == ("stopped", ["fired", "claimed"])


def test_a_run_that_was_being_started_is_stopped_as_soon_as_it_has_begun(world):
    world.turn(60)
    world.turn(60)
    assert world.outcomes() == ["claimed", "queued"]

    first = world.hand.begin(world.now)
    world.turn()

    assert (world.status(first), world.outcomes()) == ("stopping", ["fired", "queued"])


def test_the_wish_of_a_person_stops_nothing(world, store, monkeypatch):
    from zenml.client.client import Client

    world.turn(60)
    first = world.hand.begin(world.now)
    Client(store).trigger_schedule("s")

    world.turn()

    assert world.status(first) == "running"
    assert sorted(world.outcomes()) == ["fired", "queued"]


@pytest.fixture
def told(monkeypatch):
    """Note what the processes of runs are told, instead of telling them."""
    signals = []
    monkeypatch.setattr(
        cancelling.owners, "send_signal", lambda owner, number: signals.append(number) or True
    )
    return signals


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_run_that_does_not_end_is_told_to_and_then_killed(world, store, told):
    clock = Seconds()
    world.scheduler._canceller = cancelling.Canceller(store, clock)
    world.turn(60)
    first = world.hand.begin(world.now)
    world.turn(60)
    heard = []

    for clock.now in range(0, 60, 5):
        world.turn()
        heard.append(len(told))

    assert told == [signal.SIGTERM, signal.SIGKILL]
    assert heard == [0, 0, 1, 1, 2, *[2] * 7]
    world.mark(first, "interrupted")
    world.turn()
    assert world.outcomes() == ["fired", "claimed"]


def test_a_run_that_somebody_has_resumed_is_asked_and_not_told(world, store, told):
    clock = Seconds()
    world.scheduler._canceller = cancelling.Canceller(store, clock)
    world.turn(60)
    first = world.hand.begin(world.now)
    with store.file.write() as transaction:
        transaction.run("UPDATE runs SET epoch = 1 WHERE id = :id", {"id": first})
    world.turn(60)

    for clock.now in range(0, 60, 5):
        world.turn()

    assert (world.status(first), told) == ("stopping", [])


def test_the_next_run_has_a_grace_of_its_own(world, store, told):
    clock = Seconds()
    world.scheduler._canceller = cancelling.Canceller(store, clock)
    world.turn(60)
    first = world.hand.begin(world.now)
    world.turn(60)
    clock.now = 9.0
    world.mark(first, "stopped")
    world.turn()
    world.hand.begin(world.now)
    world.turn(60)

    for clock.now in (12.0, 18.0):
        world.turn()

    assert told == []


@pytest.mark.parametrize("overlap", ["skip", "queue", "allow"])
def test_other_rules_stop_nothing(store, overlap):
    world = World(store, overlap=overlap)
    world.turn(60)
    first = world.hand.begin(world.now)

    world.turn(60)

    assert world.status(first) == "running"
