"""`track`: items come through unchanged, and the step counts them."""

import pytest

from zenml.context import session
from zenml.context.step import get_step_context, track
from zenml.errors import ContextError
from zenml.records.events import Progress
from zenml.worker.step_loops import StepLoops


class Step:
    """Stands for the session of a running step; `flush` is what the thread of the logs does."""

    def __init__(self):
        self.told = []
        self.emit = self.told.append
        self.loops = StepLoops(self.emit)


@pytest.fixture
def running():
    made = Step()
    token = session.active.set(made)
    yield made
    session.active.reset(token)
    made.loops.close()


@pytest.fixture(autouse=True)
def _nobody_else_looks(monkeypatch):
    monkeypatch.setattr("zenml.worker.step_loops.log_writer.watch", lambda loops: None)


def test_what_is_reached_is_told_when_somebody_looks(running):
    items = track([1, 2, 3], description="rounds")
    running.loops.flush()
    assert next(items) == 1
    running.loops.flush()
    assert next(items) == 2
    running.loops.flush()
    running.loops.flush()

    assert running.told == [Progress(0, 3, "rounds"), Progress(1, 3, "rounds")]


def test_an_item_counts_when_the_step_is_done_with_it(running):
    items = track(range(100))
    for _ in range(50):
        next(items)
    running.loops.flush()

    assert running.told[-1].done == 49


def test_the_last_state_is_told_with_the_end_of_the_step(running):
    list(track(range(5)))
    running.loops.close()

    assert running.told == [Progress(5, 5)]


def test_the_total_is_what_is_given_or_unknown(running):
    for loop in (iter("ab"),), (iter("ab"), 2), ("abc", 2):
        list(track(*loop))
        running.loops.flush()

    assert [one.total for one in running.told] == [None, 2, 2]


def test_loops_in_loops_are_told_together_the_outermost_first(running):
    for _ in track(range(2), description="epochs"):
        for _ in track(range(3), description="batches"):
            pass
        for _ in track(range(4), description="checks"):
            running.loops.flush()
            break
    running.loops.flush()

    assert running.told == [
        Progress(0, 2, "epochs", (Progress(0, 4, "checks"),)),
        Progress(1, 2, "epochs", (Progress(0, 4, "checks"),)),
        Progress(2, 2, "epochs"),
    ]


def test_a_loop_that_was_left_early_no_longer_counts(running):
    for item in track(range(100), description="first"):
        if item == 30:
            break
    running.loops.flush()
    next(iter(track(range(10), description="second")))
    running.loops.flush()

    assert running.told == [Progress(30, 100, "first"), Progress(0, 10, "second")]


def test_what_happens_after_the_end_of_the_step_is_not_told(running):
    items = track(range(3))
    next(items)
    running.loops.close()
    list(items)
    running.loops.flush()

    assert running.told == [Progress(0, 3)]


def test_a_fork_of_the_step_s_process_tells_nothing(running):
    items = track(range(3))
    next(items)
    running.loops.begin_anew()
    running.loops.flush()

    assert list(items) == [1, 2]
    assert running.told == []


def test_outside_a_step_items_are_just_yielded():
    assert list(track(iter("ab"))) == ["a", "b"]
    with pytest.raises(ContextError, match="inside a step"):
        get_step_context()
