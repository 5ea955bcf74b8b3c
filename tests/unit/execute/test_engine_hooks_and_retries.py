"""Hooks and retries together: a long hook in the caller's thread holds up no attempt that is due."""

import threading

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.config.retry_config import StepRetryConfig

pytestmark = pytest.mark.usefixtures("zenml_store")

SECONDS = 30


def test_an_attempt_that_is_due_begins_while_the_caller_is_in_a_hook():
    was_tried_again = threading.Event()
    fails_once = iter([True, False])

    def long_hook():
        assert was_tried_again.wait(SECONDS), "the retry waited for the hook"

    @step(on_success=long_hook, enable_cache=False)
    def first() -> int:
        return 1

    @step(retry=StepRetryConfig(max_retries=1, delay=0.05), enable_cache=False)
    def flaky(x: int) -> int:
        if next(fails_once):
            raise ConnectionError("down")
        was_tried_again.set()
        return x

    @step(enable_cache=False)
    def other(x: int) -> int:
        return x

    @pipeline
    def flow():
        data = first()
        flaky(data)
        other(data)

    run = flow()

    assert {name: str(one.status) for name, one in run.steps.items()} == {
        "first": "completed",
        "flaky": "completed",
        "other": "completed",
    }
    (hook,) = run.hook_runs
    assert hook.status == "completed", hook.failure


def test_a_step_that_succeeds_at_last_calls_its_hooks_once():
    called = []
    attempts = iter(range(1, 4))

    @step(
        retry=StepRetryConfig(max_retries=2),
        on_start=lambda: called.append("start"),
        on_success=lambda: called.append("success"),
        on_failure=lambda: called.append("failure"),
        on_end=lambda: called.append("end"),
        enable_cache=False,
    )
    def flaky() -> int:
        attempt = next(attempts)
        called.append(f"attempt {attempt}")
        if attempt < 3:
            raise ConnectionError("down")
        return attempt

    @pipeline
    def flow():
        flaky()

    flow()

    assert called == ["start", "attempt 1", "attempt 2", "attempt 3", "success", "end"]


def test_a_step_that_fails_for_good_calls_its_failure_hook_once():
    called = []

    @step(retry=StepRetryConfig(max_retries=2), on_failure=lambda error: called.append(str(error)))
    def broken():
        raise ConnectionError("down")

    @pipeline
    def flow():
        broken()

    with pytest.raises(ConnectionError):
        flow()

    assert called == ["down"]
    assert [one.status for one in Client().list_pipeline_runs().items[0].attempts] == [
        "retried",
        "retried",
        "failed",
    ]
