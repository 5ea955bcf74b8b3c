"""Virtual time: waits that pass at once, and results that age."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from zenml import pipeline, step
from zenml.config.cache_policy import CachePolicy
from zenml.config.retry_config import StepRetryConfig
from zenml.errors import ArgumentError
from zenml.records.ids import microseconds_now
from zenml.testing import VirtualClock, assert_cached, assert_executed, in_memory


def test_waits_of_hours_pass_at_once_and_are_noted(zenml_lab):
    @step(retry=StepRetryConfig(max_retries=3, delay=3600, backoff=2))
    def flaky() -> int:
        raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        flaky()

    assert zenml_lab.clock.waits == [3600, 7200, 14400]
    assert zenml_lab.clock.now == 25200
    (run,) = zenml_lab.runs
    assert [one.status for one in run.attempts] == ["retried"] * 3 + ["failed"]
    assert run.duration == pytest.approx(25200, abs=60)


def test_other_steps_run_before_time_passes(zenml_lab):
    seen = []
    tries = iter([OSError(), None])

    @step(enable_cache=False, retry=StepRetryConfig(max_retries=1, delay=10))
    def flaky() -> int:
        seen.append(("flaky", zenml_lab.clock.now))
        error = next(tries)
        if error:
            raise error
        return 1

    @step(enable_cache=False)
    def other() -> int:
        seen.append(("other", zenml_lab.clock.now))
        return 1

    @pipeline
    def flow():
        flaky()
        other()

    flow()

    assert seen == [("flaky", 0), ("other", 0), ("flaky", 10)]


def test_results_age_with_the_clock(zenml_lab):
    @step(cache_policy=CachePolicy(max_age_days=7))
    def weekly() -> int:
        return 1

    @pipeline
    def flow():
        weekly()

    assert_executed(flow())
    zenml_lab.clock.advance(timedelta(days=6))
    assert_cached(flow())
    zenml_lab.clock.advance(timedelta(days=2))
    assert_executed(flow())
    assert_cached(flow())


def test_recorded_times_go_with_the_clock_until_the_lab_is_left():
    @step
    def one() -> int:
        return 1

    before = datetime.now(UTC)
    with in_memory() as lab:
        lab.clock.advance(86400)
        one()
        (run,) = lab.runs
        assert run.start_time.astimezone(UTC) - before >= timedelta(days=1)

    assert abs(microseconds_now() / 1e6 - time.time()) < 3600


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_time_does_not_go_back(seconds):
    clock = VirtualClock()

    with pytest.raises(ArgumentError, match="does not go back"):
        clock.advance(seconds)

    assert clock.now == 0


def test_time_that_is_advanced_is_no_wait():
    clock = VirtualClock()

    clock.advance(5)

    assert (clock.now, clock.monotonic(), clock.waits) == (5, 5, [])
