"""Limits of time by a clock that the test moves: the steps are real processes."""

import os
import signal
import threading

import pytest
from engine_helpers import SteppedClock, run_in_thread

from zenml.declare.step import step
from zenml.errors import StepTimeoutError
from zenml.execute.engine import LOOK

LIMIT = LOOK / 2
"""Shorter than the engine waits without one, so that its wait shows that the limit counts."""


@pytest.fixture
def clock():
    return SteppedClock()


def test_a_limit_counts_by_the_clock_of_the_engine(store, clock):
    @step(timeout=LIMIT, enable_cache=False)
    def hang() -> None:
        signal.pause()

    result = run_in_thread(lambda: hang(), store=store, clock=clock)
    clock.wait_for(LIMIT)
    clock.advance(LIMIT)

    ended = result()
    assert ended.states == {"hang": "failed"}
    assert isinstance(ended.errors["hang"], StepTimeoutError)


def test_an_answer_that_comes_after_the_limit_does_not_count(store, clock, tmp_path):
    """The step takes the signal that is to end it as a hint, and returns."""

    ready = str(tmp_path / "ready")
    os.mkfifo(ready)

    @step(timeout=LIMIT, enable_cache=False)
    def late() -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        with open(ready, "wb"):
            signal.sigwait([signal.SIGTERM])
        return 1

    result = run_in_thread(lambda: late(), store=store, clock=clock)
    clock.wait_for(LIMIT)
    with open(ready, "rb"):
        pass  # the step waits for the signal
    clock.advance(LIMIT)

    ended = result()
    assert [(one.attempt, one.status) for one in ended.attempts] == [(1, "failed")]
    assert isinstance(ended.errors["late"], StepTimeoutError)


def test_a_limit_that_passes_after_the_end_changes_nothing(store, clock):
    """The step ends by itself; what follows runs in the caller's thread, which has nothing to watch any more."""
    threads = []

    @step(timeout=LIMIT, enable_cache=False)
    def quick() -> int:
        return os.getpid()

    @step(enable_cache=False)
    def after(x: int) -> None:
        threads.append(threading.current_thread().name)
        clock.advance(10 * LIMIT)

    ended = run_in_thread(lambda: after(quick()), store=store, clock=clock)()

    assert ended.states == {"quick": "completed", "after": "completed"}
    assert len(ended.attempts) == 2
    assert not threads[0].startswith("zenml-step")
