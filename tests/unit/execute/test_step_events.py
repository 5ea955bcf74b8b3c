"""What steps say is written soon, in order, and many words at once."""

import threading

import msgspec
import pytest

from zenml.execute import step_events
from zenml.execute.step_events import StepEvents
from zenml.records.events import LoggedMetadata, LoggedTags, StepEvent, Target
from zenml.records.plan import TagSpec
from zenml.store.store import Batch

RUN = Target("run", "r")
SECONDS = 10


def word(value):
    return LoggedMetadata(RUN, {"n": value}, value)


class Writer:
    """Takes what was said, as the engine does; the first time it waits until it may go on."""

    def __init__(self):
        self.events = StepEvents(self.write)
        self.batches = []
        self.may_go_on = threading.Event()
        self.is_here = threading.Event()
        self.was_empty = threading.Event()

    def write(self):
        self.is_here.set()
        assert self.may_go_on.wait(SECONDS)
        batch = Batch()
        self.events.add_to(batch)
        self.batches.append([row.value for row in batch.notes.metadata])
        if self.events.is_empty:
            self.was_empty.set()


@pytest.fixture
def writer():
    made = Writer()
    yield made
    made.may_go_on.set()
    made.events.close()


def test_words_that_come_meanwhile_are_written_together(writer):
    writer.events.put(word(1))
    assert writer.is_here.wait(SECONDS)
    for value in range(2, 500):
        writer.events.put(word(value))
    writer.may_go_on.set()

    assert writer.was_empty.wait(SECONDS)
    assert writer.batches[0] == list(range(1, 500))


def test_no_thread_is_there_until_something_is_said(writer):
    before = set(threading.enumerate())
    assert writer.events._thread is None

    writer.events.put(word(1))

    assert set(threading.enumerate()) - before == {writer.events._thread}


def test_the_thread_leaves_at_the_end_of_the_run(writer):
    writer.may_go_on.set()
    writer.events.put(word(1))
    assert writer.was_empty.wait(SECONDS)

    writer.events.close()

    writer.events._thread.join(SECONDS)
    assert not writer.events._thread.is_alive()


def test_after_the_end_nobody_listens(writer):
    writer.events.close()

    writer.events.put(word(1))

    assert writer.events.is_empty
    assert writer.events._thread is None


def test_the_pause_is_short_enough_to_be_called_at_once():
    assert step_events.PAUSE <= 0.05


def test_a_removal_and_an_addition_keep_their_order(writer):
    batch, tag = Batch(), (TagSpec("t"),)
    writer.may_go_on.set()
    for event in (LoggedTags(RUN, tag, is_removal=True), LoggedTags(RUN, tag)):
        writer.events._waiting.append(event)

    writer.events.add_to(batch)

    assert ([t.name for t in batch.notes.tags], batch.notes.untagged) == (["t"], [])


@pytest.mark.parametrize("event", [word(1), LoggedTags(RUN, (TagSpec("t", "red"),), is_removal=True)])
def test_an_event_travels_as_json(event):
    assert msgspec.json.decode(msgspec.json.encode(event), type=StepEvent) == event
