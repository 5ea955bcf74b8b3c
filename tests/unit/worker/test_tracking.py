"""What follows a step sees its end, and never harms it."""

import pytest

from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from zenml.errors import ComponentError
from zenml.worker.tracking import Tracking, tracked

STEP = TrackedStep(run_id="r1", run_name="training-1", pipeline="training", step="train", step_run_id="s1")


class Recorder(ExperimentTracker):
    def __init__(self, *, fails_at=None, url=None):
        self.seen = []
        self.fails_at = fails_at
        self.url = url

    def start(self, step, settings=None):
        self.seen.append(("start", step, settings))
        if self.fails_at == "start":
            raise ComponentError("The service is not there.")
        return TrackedRun(id="7", url=self.url, metadata={"experiment": "training"})

    def finish(self, *, failure):
        self.seen.append(("finish", failure))
        if self.fails_at == "finish":
            raise RuntimeError("lost")


@pytest.fixture
def told():
    return {}


def follow(tracker, told, work=lambda: None, **fields):
    with tracked(Tracking(name="mine", open=lambda: tracker, **fields), STEP, told.update) as run:
        work()
    return run


def test_a_step_is_followed_from_its_beginning_to_its_end(told):
    tracker = Recorder()

    run = follow(tracker, told, lambda: tracker.seen.append("works"), settings={"a": 1})

    assert tracker.seen == [("start", STEP, {"a": 1}), "works", ("finish", None)]
    assert run.id == "7"


@pytest.mark.parametrize("failure", [ValueError("no luck"), KeyboardInterrupt()])
def test_the_tracker_hears_of_a_failure_which_goes_on(told, failure):
    tracker = Recorder()

    def fails():
        raise failure

    with pytest.raises(type(failure)) as caught:
        follow(tracker, told, fails)

    assert caught.value is failure
    assert tracker.seen[-1] == ("finish", failure)


def test_the_run_of_the_service_is_told_while_the_step_runs(told):
    during = {}

    follow(Recorder(url="http://tracker/7"), told, lambda: during.update(told))

    assert during == {
        "experiment_tracker.mine": {"id": "7", "url": "http://tracker/7", "experiment": "training"},
        "experiment_tracker_url": "http://tracker/7",
    }


def test_without_a_page_no_address_is_told(told):
    follow(Recorder(), told)

    assert told == {"experiment_tracker.mine": {"id": "7", "experiment": "training"}}


def test_a_tracker_that_does_not_begin_is_seen_and_not_fatal(told, capsys):
    tracker, worked = Recorder(fails_at="start"), []

    run = follow(tracker, told, lambda: worked.append(True))

    assert (run, worked, len(tracker.seen)) == (None, [True], 1)
    assert told == {"experiment_tracker.mine.error": "The service is not there."}
    assert "`mine` has failed, and step `train` goes on without it" in capsys.readouterr().err


def test_a_tracker_that_cannot_be_made_is_seen_and_not_fatal(told, capsys):
    def cannot():
        raise ImportError("No module named 'mlflow'")

    with tracked(Tracking(name="mine", open=cannot), STEP, told.update) as run:
        assert run is None

    assert told == {"experiment_tracker.mine.error": "ImportError: No module named 'mlflow'"}
    assert capsys.readouterr().err


def test_a_tracker_that_does_not_end_is_seen_and_not_fatal(told, capsys):
    follow(Recorder(fails_at="finish"), told)

    assert told["experiment_tracker.mine.error"] == "RuntimeError: lost"
    assert "may be incomplete" in capsys.readouterr().err


def test_a_tracker_that_does_not_end_hides_no_failure(told, capsys):
    def fails():
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        follow(Recorder(fails_at="finish"), told, fails)

    assert told["experiment_tracker.mine.error"] == "RuntimeError: lost"


def test_an_interruption_while_a_tracker_begins_goes_through(told):
    def interrupted():
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        tracked(Tracking(name="mine", open=interrupted), STEP, told.update),
    ):
        pytest.fail("the step ran")


def test_a_step_without_a_tracker_is_told_nothing(told):
    with tracked(None, STEP, told.update) as run:
        assert run is None

    assert told == {}
