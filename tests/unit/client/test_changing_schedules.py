"""Changing schedules: what changes, what stays, and what is refused."""

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.client import schedules as changing
from zenml.config import Schedule
from zenml.context import live
from zenml.declare import scheduled
from zenml.errors import (
    AmbiguousNameError,
    ArgumentError,
    ConfigurationError,
    NotFoundError,
    TypeMismatchError,
)
from zenml.records.schedules import Schedule as Record

SECOND = 1_000_000


@step
def work(rate: float) -> float:
    return rate


@pipeline
def flow(rate: float = 0.5):
    work(rate)


@pytest.fixture
def client(zenml_store):
    return Client()


@pytest.fixture
def later(monkeypatch):
    """Have changes happen some seconds from now."""
    real = changing.microseconds_now
    return lambda seconds: monkeypatch.setattr(
        changing, "microseconds_now", lambda: real() + seconds * SECOND
    )


def declare(name="s", **options):
    flow.with_options(schedule=Schedule(name, **{"interval_second": 10, **options}))(0.1)
    return Client().get_schedule(name)


def test_what_is_not_told_stays(client):
    before = declare(overlap="queue", max_runs=5)

    after = client.update_schedule("s", jitter=2)

    assert (after.overlap, after.max_runs, after.jitter.total_seconds()) == ("queue", 5, 2.0)
    assert after.record.since == before.record.since
    assert after.record.revision == before.record.revision + 1


def test_another_way_to_say_when_replaces_the_old_one(client):
    declare()

    after = client.update_schedule("s", cron_expression="0 2 * * *", timezone="Europe/Berlin")

    assert (after.interval_second, after.cron_expression, after.timezone) == (
        None,
        "0 2 * * *",
        "Europe/Berlin",
    )
    assert after.next_run is not None


def test_a_change_is_checked_like_a_new_schedule(client):
    declare()

    with pytest.raises(ConfigurationError, match="`overlap`"):
        client.update_schedule("s", overlap="later")
    with pytest.raises(ConfigurationError, match="`overlapp`"):
        client.update_schedule("s", overlapp="skip")


def test_a_name_that_is_taken_is_refused(client):
    declare()
    declare("other")

    with pytest.raises(ConfigurationError, match="a schedule `other` already"):
        client.update_schedule("s", name="other")
    assert client.update_schedule("s", name="new").name == "new"


def test_parameters_are_replaced_by_name(client):
    declare()

    client.update_schedule("s", parameters={"rate": 0.7})
    with pytest.raises(ArgumentError, match="Did you mean `rate`"):
        client.update_schedule("s", parameters={"rat": 0.7})

    assert bytes(client.get_schedule("s").record.parameters["rate"]) == b"0.7"


def test_parameters_are_checked_against_the_pipeline_as_it_is_now(client, monkeypatch):
    declare()

    @pipeline(name="flow")
    def wider(rate: float, size: int = 1):
        work(rate)

    monkeypatch.setattr(scheduled, "find_pipeline", lambda *_: (wider, __name__))
    client.update_schedule("s", parameters={"size": 3})

    assert bytes(client.get_schedule("s").record.parameters["size"]) == b"3"
    with pytest.raises(TypeMismatchError, match="`size` of pipeline `flow`"):
        client.update_schedule("s", parameters={"size": "big"})


def test_parameters_that_were_never_there_are_refused_even_where_nothing_can_be_checked(client, monkeypatch):
    declare()
    monkeypatch.setattr(live, "check_scheduled", lambda *_: "it is gone")

    with pytest.raises(ConfigurationError, match="Did you mean `rate`"):
        client.update_schedule("s", parameters={"rat": 0.7})


def test_a_pause_is_one_row_with_a_count(client, later):
    declare()
    client.pause_schedule("s", "tea")
    later(35)

    resumed = client.resume_schedule("s")

    (row,) = resumed.history()
    assert (row.outcome, row.count, row.reason) == ("skipped", 3, "the schedule was paused: tea")
    assert resumed.record.next_instant > row.record.last_instant


@pytest.mark.parametrize(
    ("times", "count", "more"),
    [
        ({"interval_second": 1}, 2_592_000, ""),
        ({"cron_expression": "* * * * *"}, 10_000, "; so many times at least"),
    ],
)
def test_a_long_pause_is_told_of_to_its_end(client, later, times, count, more):
    declare(**{"interval_second": None, **times})
    client.pause_schedule("s")
    later(30 * 86_400)

    resumed = client.resume_schedule("s")

    (row,) = resumed.history()
    assert row.count == pytest.approx(count, abs=2)
    assert row.reason == f"the schedule was paused{more}"
    gap = resumed.record.next_instant - row.record.last_instant
    assert gap == (1 if "interval_second" in times else 60) * SECOND


def test_pausing_and_resuming_twice_changes_nothing_more(client):
    declare()
    first = client.pause_schedule("s", "tea")
    second = client.pause_schedule("s", "tea")
    resumed = client.resume_schedule("s")

    assert second.record.paused_at == first.record.paused_at
    assert client.resume_schedule("s").record == resumed.record


def test_what_waits_is_skipped_by_a_pause(client):
    declare()
    client.trigger_schedule("s")

    client.pause_schedule("s")

    (row,) = client.list_ticks("s")
    assert (row.outcome, row.reason) == ("skipped", "the schedule was paused")


def test_one_that_was_set_aside_goes_on_when_it_is_resumed(client):
    before = declare()
    client.store.schedules.quarantine(before.id, "no such zone", None)
    assert client.get_schedule("s").coming == "it is set aside: no such zone"

    after = client.resume_schedule("s")

    assert after.problem is None
    assert after.record.since == before.record.since
    assert after.next_run == before.next_run


def test_active_is_pausing_and_resuming(client):
    declare()

    assert not client.update_schedule("s", active=False).active
    assert client.update_schedule("s", active=True).next_run is not None


def test_close_names_and_several_are_told(client):
    declare("nightly")
    declare("nights")

    with pytest.raises(NotFoundError, match="Close or recent: `nights`, `nightly`"):
        client.get_schedule("nigths")
    with pytest.raises(AmbiguousNameError, match="fits 2 schedules"):
        client.get_schedule("night")
    client.delete_schedule("nights")
    assert client.get_schedule("night").name == "nightly"


def test_a_change_that_somebody_else_was_quicker_with_is_made_on_top_of_theirs(client, monkeypatch):
    declare()
    tables = type(client.store.schedules)
    change, others = tables.change, []

    def slow(self, seen, becomes, *args, **more):
        if not others:
            others.append(change(self, seen, seen))  # a scheduler moves on
        return change(self, seen, becomes, *args, **more)

    monkeypatch.setattr(tables, "change", slow)

    assert client.update_schedule("s", max_runs=3).max_runs == 3
    assert client.store.select(Record)[0].revision == 2
