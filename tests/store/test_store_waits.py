"""Questions in a store: asked as one with the pause, answered once, expired, withdrawn."""

import msgspec
import pytest
import store_samples as samples

from zenml.errors import RunStoppedError
from zenml.records.ids import microseconds_now, new_id
from zenml.records.run import Run
from zenml.records.waits import WAIT_TRANSITIONS, Wait
from zenml.store.stopping import request_stop
from zenml.store.store import Batch


def wait_of(run, **fields):
    given = {"name": "go_on", "content": "c1", "question": "Go on?", "schema_text": '{"type": "boolean"}'}
    return Wait(id=new_id(), run_id=run.id, asked_at=microseconds_now(), **{**given, **fields})


def pause(store, run, wait):
    with store.run_transaction(run) as transaction:
        transaction.write(Batch(run=msgspec.structs.replace(run, status="paused"), wait=wait))


def answered(wait, value=True, at=None):
    return msgspec.structs.replace(
        wait, status="answered", answer=value, answered_at=at or microseconds_now(), answered_by="Ada"
    )


@pytest.fixture
def run(store):
    return samples.started_run(store)


def test_pause_and_question_are_one(store, run):
    wait = wait_of(run)

    pause(store, run, wait)

    assert store.get(Run, run.id).status == "paused"
    assert store.get(Run, run.id).ended_at is None
    assert store.select(Wait, run_id=run.id) == [wait]


def test_a_run_that_is_to_stop_neither_pauses_nor_asks(store, run):
    request_stop(store, run.id, "enough")

    with pytest.raises(RunStoppedError):
        pause(store, run, wait_of(run))

    assert store.select(Wait) == []
    assert store.get(Run, run.id).status == "stopping"


def test_the_first_answer_wins(store, run):
    wait = wait_of(run)
    pause(store, run, wait)

    assert store.answer_wait(answered(wait, value=True))
    assert not store.answer_wait(answered(wait, value=False))

    assert store.get(Wait, wait.id).answer is True


def test_null_is_an_answer(store, run):
    wait = wait_of(run)
    pause(store, run, wait)

    assert store.answer_wait(answered(wait, value=None))

    assert store.get(Wait, wait.id).status == "answered"


def test_only_a_paused_run_takes_an_answer(store, run):
    wait = wait_of(run)
    store.insert([wait])

    assert not store.answer_wait(answered(wait))


def test_too_late_is_no_answer_and_expires(store, run):
    wait = wait_of(run, expires_at=microseconds_now() - 1)
    pause(store, run, wait)

    assert not store.answer_wait(answered(wait))
    store.expire_wait(wait.id)

    assert store.get(Wait, wait.id).status == "expired"


def test_what_is_not_over_does_not_expire(store, run):
    wait = wait_of(run, expires_at=microseconds_now() + 10**9)
    pause(store, run, wait)

    store.expire_wait(wait.id)

    assert store.get(Wait, wait.id).status == "open"


def test_another_question_withdraws_the_open_one(store, run):
    first, second = wait_of(run), wait_of(run, content="c2")
    pause(store, run, first)
    store.update(Run, run.id, status="running")

    pause(store, run, second)

    assert {one.id: one.status for one in store.select(Wait)} == {first.id: "withdrawn", second.id: "open"}
    assert not store.answer_wait(answered(first))


def test_a_withdrawn_question_can_be_asked_again(store, run):
    first = wait_of(run)
    for wait in (first, wait_of(run, content="c2"), msgspec.structs.replace(first, id=new_id())):
        pause(store, run, wait)
        store.update(Run, run.id, status="running")

    assert store.get(Wait, first.id).status == "open"


def test_nobody_takes_a_paused_run_for_dead(store, run):
    pause(store, run, wait_of(run))
    with store.file.write() as transaction:
        transaction.run("UPDATE owners SET pid = 999999999, process_start = '1', boot_id = 'x', id = id")

    assert store.interrupt_dead_runs() == []
    assert store.get(Run, run.id).status == "paused"


def test_a_paused_run_stops_at_once(store, run):
    pause(store, run, wait_of(run))

    assert request_stop(store, run.id, "enough")

    stopped = store.get(Run, run.id)
    assert (stopped.status, stopped.reason, stopped.epoch) == ("stopped", "enough", run.epoch + 1)


def test_the_table_of_transitions_ends():
    assert {one for following in WAIT_TRANSITIONS.values() for one in following} <= set(WAIT_TRANSITIONS)
    assert not WAIT_TRANSITIONS["answered"]
    assert not WAIT_TRANSITIONS["expired"]
