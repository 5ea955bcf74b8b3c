"""Turns that are put off while the function of a dynamic pipeline makes one call after the other."""

import threading
import time

import pytest

from zenml import fs, pipeline, step
from zenml.client import Client
from zenml.context import session
from zenml.errors import RunStoppedError
from zenml.execute import gathering, stand_in, workers
from zenml.execute.gathering import Gathering

SECONDS = 20
BURST = 300


@step(enable_cache=False)
def number(x: int) -> int:
    return x


@pytest.fixture
def puts_off_ends(monkeypatch):
    """Has ends be put off that may be, longer than any test waits; calls are not."""
    puts_off_call = Gathering.puts_off_call
    monkeypatch.setattr(Gathering, "puts_off_call", lambda self: puts_off_call(self) and False)
    monkeypatch.setattr(gathering, "TIMES", 1e9)
    monkeypatch.setattr(gathering, "LONGEST", 2 * SECONDS)
    monkeypatch.setattr(stand_in, "LONGEST", 2 * SECONDS)


def test_calls_that_come_fast_share_their_transactions(zenml_store, monkeypatch):
    @pipeline(dynamic=True)
    def burst() -> None:
        for x in range(BURST):
            number.submit(x)

    def count_commits(operation, *_):
        commits.append(operation == "commit")

    commits: list[bool] = []
    monkeypatch.setattr(fs, "watch", count_commits)
    run = burst()
    assert sum(commits) < BURST
    assert len(run.steps) == BURST
    assert {one.status for one in run.steps.values()} == {"completed"}


def test_a_call_that_is_put_off_begins_while_the_function_does_something_else(zenml_store):
    has_begun = [threading.Event() for _ in range(10)]

    @step(enable_cache=False)
    def tell(x: int) -> None:
        has_begun[x].set()

    @pipeline(dynamic=True)
    def flow() -> None:
        for x in range(10):
            tell.submit(x)
        assert all(one.wait(SECONDS) for one in has_begun)

    flow()


def test_an_end_that_is_put_off_is_recorded_while_the_function_does_something_else(zenml_store):
    @pipeline(dynamic=True)
    def flow() -> None:
        futures = [number.submit(x) for x in range(10)]
        until = time.monotonic() + SECONDS
        while not all(one.done() for one in futures):
            assert time.monotonic() < until
            time.sleep(0.001)

    flow()


@pytest.mark.parametrize("is_expected_back", [True, False])
def test_a_step_that_was_left_to_a_function_that_does_not_come_back_gets_a_thread(
    zenml_store, monkeypatch, is_expected_back
):
    monkeypatch.setattr(workers, "SHORT", SECONDS if is_expected_back else 0.0)
    has_begun = threading.Event()

    @step(enable_cache=False)
    def tell() -> None:
        has_begun.set()

    @pipeline(dynamic=True, max_parallelism=1)
    def flow() -> None:
        futures = [number.submit(x) for x in range(20)]
        last = tell.submit()
        for one in futures:
            one.wait()
        assert has_begun.wait(SECONDS)
        last.wait()

    flow()


def test_another_thread_that_waits_is_told_at_once(zenml_store, puts_off_ends):
    seen = []

    @pipeline(dynamic=True)
    def flow() -> None:
        future = number.submit(1)
        thread = threading.Thread(target=lambda: seen.append(future.load(SECONDS)))
        thread.start()
        thread.join(SECONDS)

    flow()
    assert seen == [1]


def test_what_waits_for_an_end_is_told_of_it_whatever_is_put_off(zenml_store, puts_off_ends):
    has_heard, may_end = threading.Event(), threading.Event()

    @step(enable_cache=False)
    def wait() -> None:
        assert may_end.wait(SECONDS)

    @pipeline(dynamic=True)
    def flow() -> None:
        wait.submit().add_done_callback(lambda _: has_heard.set())
        may_end.set()
        assert has_heard.wait(SECONDS)

    flow()


def test_a_step_that_needs_an_end_begins_whatever_is_put_off(zenml_store, puts_off_ends):
    may_end, has_begun = threading.Event(), threading.Event()

    @step(enable_cache=False)
    def wait() -> int:
        assert may_end.wait(SECONDS)
        return 1

    @step(enable_cache=False)
    def follow(x: int) -> None:
        has_begun.set()

    @pipeline(dynamic=True)
    def flow() -> None:
        follow.submit(wait.submit())
        may_end.set()
        assert has_begun.wait(SECONDS)

    flow()


def test_a_failure_is_not_put_off(zenml_store, puts_off_ends):
    may_end = threading.Event()

    @step(enable_cache=False)
    def fail() -> None:
        assert may_end.wait(SECONDS)
        raise ValueError("bad luck")

    @pipeline(dynamic=True)
    def flow() -> None:
        future = fail.submit()
        may_end.set()
        until = time.monotonic() + SECONDS
        while not future.done():
            assert time.monotonic() < until
            time.sleep(0.001)

    with pytest.raises(ValueError, match="bad luck"):
        flow()


def test_a_step_has_ended_though_its_run_is_stopped_before_that_is_recorded(zenml_store, puts_off_ends):
    may_end = threading.Event()

    @step(enable_cache=False)
    def wait() -> None:
        assert may_end.wait(SECONDS)

    @pipeline(dynamic=True)
    def flow() -> None:
        wait.submit()
        may_end.set()
        until = time.monotonic() + SECONDS
        while not session.active.get()._engine._inbox:  # its end, which is put off
            assert time.monotonic() < until
            time.sleep(0.001)
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, RunStoppedError)):
        flow()
    (run,) = Client().list_pipeline_runs()
    assert run.status == "stopped"
    assert run.steps["wait"].status == "completed"
