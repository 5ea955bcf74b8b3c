"""Steps that are tried again: when, how often, what is recorded, and what others do meanwhile.

Time is virtual: nothing here waits for real.
"""

import threading

import pytest
from engine_helpers import FlowingClock, SteppedClock, WatchedStore, compiled, run, run_in_thread, wait

from zenml.config.retry_config import StepRetryConfig
from zenml.declare.step import step
from zenml.errors import RunStoppedError
from zenml.records.run import Run, StepRun
from zenml.store.database import Database

ALWAYS = 99
LATER = StepRetryConfig(max_retries=3, delay=10, backoff=2)


@pytest.fixture
def clock():
    return FlowingClock()


class Flaky:
    """A step that fails the first times it is called, and when it was called by which thread."""

    def __init__(self, clock, *, failures, retry=LATER, enable_cache=False, error=RuntimeError):
        self.times, self.threads = [], []
        lock = threading.Lock()

        @step(retry=retry, enable_cache=enable_cache)
        def flaky(x: int = 0) -> int:
            with lock:
                self.times.append(clock.now)
                self.threads.append(threading.get_ident())
                number = len(self.times)
            if number <= failures:
                raise error(f"failure {number}")
            return number

        self.step = flaky

    def __call__(self, *args, **kwargs):
        return self.step(*args, **kwargs)


def rows(result):
    return [(one.invocation_id, one.attempt, one.status) for one in result.attempts]


def test_each_wait_is_twice_the_one_before(store, clock):
    flaky = Flaky(clock, failures=ALWAYS)

    result = run(lambda: flaky(), store=store, clock=clock)

    assert flaky.times == [0, 10, 30, 70]
    assert result.status == "failed"


def test_every_attempt_has_its_record_with_its_own_failure(store, clock):
    flaky = Flaky(clock, failures=ALWAYS)

    result = run(lambda: flaky(), store=store, clock=clock)

    assert rows(result) == [
        ("flaky", 1, "retried"), ("flaky", 2, "retried"), ("flaky", 3, "retried"), ("flaky", 4, "failed"),
    ]  # fmt: skip
    assert [one.failure.message for one in result.attempts] == [f"failure {n}" for n in (1, 2, 3, 4)]
    assert [one.reason for one in result.attempts] == [
        "attempt 2 of 4 starts in 10.0 s",
        "attempt 3 of 4 starts in 20.0 s",
        "attempt 4 of 4 starts in 40.0 s",
        "caching is disabled for it",
    ]


def test_the_caller_gets_the_last_exception_and_how_many_there_were(store, clock):
    flaky = Flaky(clock, failures=ALWAYS)

    result = run(lambda: flaky(), store=store, clock=clock)

    error = result.errors["flaky"]
    assert str(error) == "failure 4"
    assert error.__notes__ == ["Step `flaky` was tried 4 times."]
    assert len(result.ended.failures) == 1


def test_a_step_that_succeeds_at_last_has_not_failed(store, clock):
    flaky = Flaky(clock, failures=2)

    @step(enable_cache=False)
    def after(x: int) -> int:
        return x

    result = run(lambda: after(flaky()), store=store, clock=clock)

    assert (result.status, result.errors) == ("completed", {})
    assert result.states == {"flaky": "completed", "after": "completed"}
    assert result.recorder.events == [
        ("flaky", "running"),
        ("flaky", "retried"), ("flaky", "retrying"), ("flaky", "running"),
        ("flaky", "retried"), ("flaky", "retrying"), ("flaky", "running"),
        ("flaky", "completed"), ("after", "running"), ("after", "completed"),
    ]  # fmt: skip


@pytest.mark.parametrize("retry", [0, None])
def test_without_retries_there_is_one_attempt(store, clock, retry):
    flaky = Flaky(clock, failures=ALWAYS, retry=retry)

    result = run(lambda: flaky(), store=store, clock=clock)

    assert rows(result) == [("flaky", 1, "failed")]
    assert not hasattr(result.errors["flaky"], "__notes__")


def test_without_a_delay_the_next_attempt_follows_at_once_in_the_same_thread(store, clock):
    flaky = Flaky(clock, failures=2, retry=2)

    result = run(lambda: flaky(), store=store, clock=clock)

    assert result.status == "completed"
    assert flaky.times == [0, 0, 0]
    assert set(flaky.threads) == {threading.get_ident()}


def test_only_the_exceptions_that_are_named_are_tried_again(store, clock):
    retry = StepRetryConfig(max_retries=3, retry_on=ConnectionError)
    refused = Flaky(clock, failures=ALWAYS, retry=retry, error=ConnectionRefusedError)
    wrong = Flaky(clock, failures=ALWAYS, retry=retry, error=ValueError)

    def pipe():
        refused(id="refused")
        wrong(id="wrong")

    result = run(pipe, store=store, clock=clock)

    assert (len(refused.times), len(wrong.times)) == (4, 1)
    assert result.states == {"refused": "failed", "wrong": "failed"}


def test_what_a_pipeline_says_holds_for_its_steps(store, clock):
    flaky = Flaky(clock, failures=ALWAYS, retry=None)

    run(lambda: flaky(), store=store, clock=clock, retry=LATER)

    assert flaky.times == [0, 10, 30, 70]


def test_all_calls_of_a_fan_out_are_tried_again(store, clock):
    lock, seen = threading.Lock(), set()

    @step(enable_cache=False, retry=LATER)
    def part(i: int) -> int:
        with lock:
            is_first = i not in seen
            seen.add(i)
        if is_first:
            raise RuntimeError("flaky")
        return i

    @step(enable_cache=False)
    def join(parts: list[int]) -> int:
        return sum(parts)

    result = run(lambda: join([part(i) for i in range(5)]), store=store, clock=clock)

    assert result.status == "completed"
    assert sorted(result.recorder.statuses("retried")) == sorted(
        ["part", "part_2", "part_3", "part_4", "part_5"]
    )


def test_a_step_that_cannot_be_sent_to_a_process_is_tried_as_often_as_it_may(store, clock):
    lock = threading.Lock()

    @step(runtime="isolated", enable_cache=False, retry=400)
    def holds() -> None:
        with lock:
            pass

    result = run(lambda: holds(), store=store, clock=clock)

    assert result.errors["holds"].__notes__[-1] == "Step `holds` was tried 401 times."


# The cache


def test_a_retried_step_is_cached_like_any_other(store, clock):
    flaky = Flaky(clock, failures=1, enable_cache=True)
    plan = compiled(lambda: flaky())
    run(plan, store=store, clock=clock)

    result = run(plan, store=store, clock=clock)

    assert result.states == {"flaky": "cached"}
    assert len(flaky.times) == 2


def test_a_wait_is_no_work_in_flight_and_ends_when_another_call_has_the_result(store, clock):
    flaky = Flaky(clock, failures=1, enable_cache=True)

    def pipe():
        flaky(id="one")
        flaky(id="two")

    result = run(pipe, store=store, clock=clock)

    assert flaky.times == [0, 0]
    assert sorted(rows(result)) == [("one", 1, "retried"), ("one", 2, "cached"), ("two", 1, "completed")]


# While a step waits


@pytest.fixture
def still():
    """A clock that stands still."""
    return SteppedClock()


class Announced(threading.Event):
    """Set when an attempt waits for its time."""

    def __call__(self, step):
        if step.status == "retrying":
            self.step = step
            self.set()


def test_everybody_sees_when_the_next_attempt_starts(store, still):
    flaky, announced = Flaky(still, failures=1), Announced()

    result = run_in_thread(lambda: flaky(), store=store, clock=still, on_step=announced)
    wait(announced)
    first, second = store.select(StepRun)
    still.advance(10)

    assert (first.status, second.status) == ("retried", "retrying")
    assert (second.attempt, second.ended_at, second.failure) == (2, None, None)
    assert second.started_at == still.microseconds()
    assert second.reason.startswith("attempt 2 of 4 starts at ")
    assert result().status == "completed"
    ended = store.get(StepRun, second.id)
    assert (ended.status, ended.attempt, ended.reason) == ("completed", 2, "caching is disabled for it")


def test_a_wait_holds_no_worker(store, still):
    flaky, announced = Flaky(still, failures=1), Announced()

    @step(enable_cache=False)
    def other() -> None:
        wait(announced)
        still.advance(10)

    def pipe():
        flaky()
        other()

    result = run(pipe, store=store, clock=still, on_step=announced, max_parallelism=1)

    assert result.states == {"flaky": "completed", "other": "completed"}


def test_a_retry_is_not_delayed_by_a_long_step(store, still):
    """The caller's thread must be free to wake the retry: another thread runs what is alone meanwhile."""
    announced, is_back = Announced(), threading.Event()
    attempts = []

    @step(enable_cache=False, retry=LATER)
    def flaky() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("flaky")
        is_back.set()

    @step(enable_cache=False)
    def quick() -> int:
        wait(announced)
        return 1

    @step(enable_cache=False)
    def long(x: int) -> None:
        still.advance(10)
        wait(is_back)

    def pipe():
        flaky()
        long(quick())

    result = run(pipe, store=store, clock=still, on_step=announced)

    assert result.status == "completed"


@pytest.mark.parametrize("mode", ["stop_on_failure", "fail_fast"])
def test_a_step_that_waits_is_skipped_when_the_run_stops_on_another_failure(store, still, mode):
    flaky, announced = Flaky(still, failures=1), Announced()

    @step(enable_cache=False)
    def broken() -> None:
        wait(announced)
        raise ValueError("broken")

    def pipe():
        flaky()
        broken()

    result = run(pipe, store=store, clock=still, on_step=announced, execution_mode=mode)

    assert (result.status, list(result.errors)) == ("failed", ["broken"])
    assert sorted(rows(result)) == [("broken", 1, "failed"), ("flaky", 1, "retried"), ("flaky", 2, "skipped")]
    assert "step `broken` failed" in result.attempts[-1].reason


def test_a_run_that_goes_on_goes_on_with_its_retries(store, still):
    flaky, announced = Flaky(still, failures=1), Announced()

    @step(enable_cache=False)
    def broken() -> None:
        wait(announced)
        still.advance(10)
        raise ValueError("broken")

    def pipe():
        flaky()
        broken()

    result = run(pipe, store=store, clock=still, on_step=announced)

    assert (result.status, result.states) == ("failed", {"flaky": "completed", "broken": "failed"})


def test_a_failure_after_the_first_one_is_not_tried_again_where_the_run_stops(store, still):
    has_failed = threading.Event()

    @step(enable_cache=False)
    def broken() -> None:
        raise ValueError("broken")

    @step(enable_cache=False, retry=LATER)
    def late() -> None:
        wait(has_failed)
        raise RuntimeError("late")

    def pipe():
        late()
        broken()

    def on_step(step):
        if step.status == "failed":
            has_failed.set()

    result = run(pipe, store=store, clock=still, on_step=on_step, execution_mode="stop_on_failure")

    assert sorted(rows(result)) == [("broken", 1, "failed"), ("late", 1, "failed")]


def test_a_run_that_is_asked_to_stop_does_not_wait(store, clock):
    flaky = Flaky(clock, failures=ALWAYS, retry=StepRetryConfig(max_retries=1, delay=1_000_000))

    def on_step(step):
        if step.status == "retrying":
            store.update(Run, step.run_id, status="stopping", reason="enough")

    with pytest.raises(RunStoppedError, match="enough"):
        run(lambda: flaky(), store=store, clock=clock, on_step=on_step)

    (record,) = store.select(Run)
    assert (record.status, record.reason) == ("stopped", "enough")
    assert [one.status for one in store.select(StepRun)] == ["retried", "skipped"]
    assert clock.now < 10


@pytest.mark.parametrize("delay", [0, 10])
def test_a_failure_in_a_run_that_is_to_stop_is_not_tried_again(clock, delay):
    """The store refuses the next attempt, and the run ends with every attempt ended."""
    store = WatchedStore(lambda: None, Database(":memory:"))

    @step(enable_cache=False, retry=StepRetryConfig(max_retries=1, delay=delay))
    def flaky() -> None:
        (record,) = store.select(Run)
        store.update(Run, record.id, status="stopping", reason="enough")
        raise RuntimeError("flaky")

    with pytest.raises(RunStoppedError):
        run(lambda: flaky(), store=store, clock=clock)

    assert [(one.attempt, one.status) for one in store.select(StepRun)] == [(1, "retried"), (2, "skipped")]
    assert store.select(Run)[0].status == "stopped"
