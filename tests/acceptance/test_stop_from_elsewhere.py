"""`zenml run stop` from another process: what runs ends, what has completed stays."""

import signal
import time

import labkit
import pytest

from zenml.client.run_control import stop_run, wait_for_run
from zenml.errors import ConfigurationError

ISOLATED = """
    @step
    def first() -> int:
        return 1

    @step(runtime="isolated")
    def work(x: int):
        mark("running")
        hang()

    @step
    def later():
        mark("later")

    @pipeline
    def flow():
        later(after=work(first()))

    try:
        flow()
    except Exception as error:
        fact(error=type(error).__name__, reason=error.reason)
"""
INLINE = """
    @step
    def work() -> int:
        mark("running")
        wait_until(lambda: os.path.exists("go"))
        return 1

    @step
    def later(x: int):
        mark("later")

    @pipeline
    def flow():
        later(work())

    flow()
"""


def started(lab, script):
    program = lab.start(script)
    program.wait_for_mark("running", 1)
    (run,) = lab.client().list_pipeline_runs().items
    return program, run, lab.client().store


@pytest.mark.on_team_store
def test_an_isolated_step_is_cancelled_within_seconds(lab):
    program, run, store = started(lab, ISOLATED)
    sent = time.monotonic()

    outcome, _ = stop_run(store, run.id, reason="wrong data")
    result = program.finish()

    assert outcome == "asked"
    assert time.monotonic() - sent < 10
    assert (result.facts["error"], result.facts["reason"]) == ("RunStoppedError", "wrong data")
    ended = run.refresh()
    assert (ended.record.status, ended.reason) == ("stopped", "wrong data")
    assert labkit.statuses(ended) == {"first": "completed", "work": "stopped", "later": "skipped"}
    assert lab.survivors() == []


def test_what_the_owner_runs_itself_is_finished_and_kept(lab):
    """The owner learns of it when it records the step; the result stays, and nothing starts any more."""
    program, run, store = started(lab, INLINE)

    stop_run(store, run.id, reason="enough")
    lab.write("go", "")
    result = program.finish()

    assert "RunStoppedError: Run" in result.err
    ended = run.refresh()
    assert (ended.record.status, ended.reason) == ("stopped", "enough")
    assert labkit.statuses(ended) == {"work": "completed", "later": "skipped"}
    assert ended.steps["work"].output.load() == 1
    assert result.count("later") == 0


@pytest.mark.on_team_store
def test_a_run_that_was_asked_to_stop_cannot_complete(lab):
    program, run, store = started(lab, INLINE.replace("later(work())", "work()"))

    stop_run(store, run.id, reason="enough")
    lab.write("go", "")
    program.finish()

    assert run.refresh().record.status == "stopped"
    assert labkit.statuses(run.refresh()) == {"work": "completed"}


@pytest.mark.on_team_store
def test_a_run_of_a_dead_owner_is_interrupted_at_once(lab):
    program, run, store = started(lab, ISOLATED)
    program.kill(signal.SIGKILL)
    program.finish()

    outcome, view = stop_run(store, run.id, reason="x")

    assert (outcome, view.record.status) == ("ended", "interrupted")


def test_force_ends_the_process(lab):
    program, run, store = started(lab, ISOLATED.replace('(runtime="isolated")', ""))

    outcome, view = stop_run(store, run.id, reason="wrong data", is_forced=True)

    assert (outcome, view.record.status, view.record.reason) == ("ended", "stopped", "wrong data")
    assert program.finish().returncode == 143


def test_a_run_that_is_waited_for_too_short_is_still_running(lab):
    program, run, store = started(lab, ISOLATED)

    assert wait_for_run(store, run.id, 0.05).record.status == "running"

    program.kill(signal.SIGTERM)
    assert wait_for_run(store, run.id, 20).record.status == "stopped"
    program.finish()


@pytest.mark.on_team_store
def test_a_run_that_has_not_ended_is_not_deleted(lab):
    from zenml.client.run_control import delete_runs

    program, run, store = started(lab, ISOLATED)

    with pytest.raises(ConfigurationError, match="Stop it first"):
        delete_runs(store, [run.id])

    program.kill(signal.SIGTERM)
    program.finish()
    assert [one.id for one in delete_runs(store, [run.id])] == [run.id]
