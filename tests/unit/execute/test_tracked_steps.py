"""A tracker follows a step through the runner: its parameters, its outputs, its failures."""

import pytest

from zenml import pipeline, step
from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun
from zenml.execute import workers
from zenml.execute.step_runner import run_step
from zenml.execute.tracking import Tracking


class Recorder(ExperimentTracker):
    def __init__(self):
        self.steps = []
        self.failures = []

    def start(self, step, settings=None):
        self.steps.append(step)
        return TrackedRun(id=f"tracked-{step.step}", url=f"http://tracker/{step.step}")

    def finish(self, *, failure):
        self.failures.append(failure)


@pytest.fixture
def recorder(zenml_lab, monkeypatch):
    """A tracker of every step that runs in this process."""
    found = Recorder()
    tracking = Tracking(name="mine", open=lambda: found, tags=("nightly",))
    monkeypatch.setattr(workers, "run_step", lambda *given: run_step(*given, tracking=tracking))
    return found


@step
def load(rows: int = 3) -> list:
    return list(range(rows))


@step
def train(data: list, depth: int, layers: list) -> int:
    return len(data) * depth


@step
def fail(depth: int) -> int:
    raise ValueError("no luck")


@step
def answer_wrongly(depth: int) -> int:
    return "no number"


def test_a_step_is_followed_with_its_plain_parameters(recorder):
    @pipeline
    def training():
        train(load(), depth=2, layers=[1, 2])

    run = training()

    first, second = recorder.steps
    assert (first.step, second.step, second.pipeline) == ("load", "train", "training")
    assert (first.parameters, second.parameters) == ({"rows": 3}, {"depth": 2, "layers": [1, 2]})
    assert (second.run_id, second.run_name, second.attempt) == (run.id, run.name, 1)
    assert (second.step_run_id, second.tags) == (run.steps["train"].id, ("nightly",))
    assert recorder.failures == [None, None]


def test_the_page_is_metadata_of_the_step(recorder):
    @pipeline
    def training():
        load()

    run = training()

    metadata = run.steps["load"].run_metadata
    assert metadata["experiment_tracker_url"] == "http://tracker/load"
    assert metadata["experiment_tracker.mine"]["id"] == "tracked-load"


@pytest.mark.parametrize("failing", [fail, answer_wrongly])
def test_a_failure_of_the_function_or_of_its_result_reaches_the_tracker(recorder, failing):
    @pipeline
    def training():
        failing(depth=1)

    with pytest.raises((ValueError, TypeError)) as caught:
        training()

    assert recorder.failures == [caught.value]
