"""`track`: how often a step tells how far it has come."""

import pytest

from zenml.context import session, step
from zenml.context.step import get_step_context, track
from zenml.errors import ContextError


class Step:
    """Stands for the session of a running step."""

    def __init__(self):
        self.told = []

    def emit(self, event):
        self.told.append((event.done, event.total, event.label))


@pytest.fixture
def running():
    made = Step()
    token = session.active.set(made)
    yield made
    session.active.reset(token)


@pytest.fixture
def clock(monkeypatch):
    """A clock that each look moves by 10 ms."""
    now = [0.0]

    def look():
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr(step.time, "monotonic", look)


def test_beginning_and_end_are_told(running):
    assert list(track([1, 2, 3], label="rounds")) == [1, 2, 3]

    assert running.told[0] == (0, 3, "rounds")
    assert running.told[-1] == (3, 3, "rounds")


def test_progress_is_told_twenty_times_a_second(running, clock):
    list(track(range(1000)))

    seconds = 1000 * 0.01
    assert len(running.told) <= 20 * seconds + 2
    assert len(running.told) >= 20 * seconds * 0.8


def test_the_total_is_what_is_given_or_unknown(running):
    list(track(iter("ab")))
    list(track(iter("ab"), total=2))

    assert {total for _, total, _ in running.told[:2]} == {None}
    assert {total for _, total, _ in running.told[2:]} == {2}


def test_an_item_counts_when_the_step_is_done_with_it(running, clock):
    items = track(range(100))
    for _ in range(50):
        next(items)

    assert max(done for done, _, _ in running.told) < 50


def test_outside_a_step_items_are_just_yielded():
    assert list(track(iter("ab"))) == ["a", "b"]
    with pytest.raises(ContextError, match="inside a step"):
        get_step_context()
