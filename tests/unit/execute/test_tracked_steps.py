"""A tracker follows a step through the runner: its parameters, its outputs, its failures."""

import sys
import types

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.compile.compiler import compile_pipeline
from zenml.components import registry
from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun
from zenml.components.flavor import Configuration, Flavor
from zenml.errors import ConfigurationError


class Recorder(ExperimentTracker):
    steps: list = []
    failures: list = []
    settings: list = []

    def __init__(self, config, place):
        self.config = config

    def start(self, step, settings=None):
        self.steps.append(step)
        self.settings.append(settings)
        return TrackedRun(id=f"tracked-{step.step}", url=f"http://tracker/{step.step}")

    def finish(self, *, failure):
        self.failures.append(failure)


class RecorderSettings(Configuration, frozen=True, kw_only=True):
    experiment: str = ""
    depth: int = 0


@pytest.fixture(autouse=True)
def recorder(zenml_store, monkeypatch):
    """The tracker `mine`, which is that of the active stack; it records what it is told."""
    module = types.ModuleType("recording_flavor")
    module.FLAVOR = Flavor(
        type="experiment_tracker", name="recorder", component=Recorder, settings=RecorderSettings
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.BUILT_IN, ("experiment_tracker", "recorder"), module.__name__)
    for name in ("steps", "failures", "settings"):
        monkeypatch.setattr(Recorder, name, [])
    client = Client()
    client.create_stack_component("mine", "recorder", "experiment_tracker")
    client.create_stack("tracked", {"experiment_tracker": "mine"})
    client.activate_stack("tracked")
    return Recorder


TRACKED = {"experiment_tracker": True, "runtime": "inline"}


@step(**TRACKED)
def load(rows: int = 3) -> list:
    return list(range(rows))


@step(experiment_tracker="mine", runtime="inline")
def train(data: list, depth: int, layers: list) -> int:
    return len(data) * depth


@step(**TRACKED)
def fail(depth: int) -> int:
    raise ValueError("no luck")


@step(**TRACKED)
def answer_wrongly(depth: int) -> int:
    return "no number"


@step
def untracked() -> int:
    return 1


def test_a_step_is_followed_with_its_plain_parameters(recorder):
    @pipeline(tags=["nightly"])
    def training():
        train(load(), depth=2, layers=[1, 2])
        untracked()

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


def test_settings_of_type_flavor_and_stack_reach_the_tracker_in_this_order(recorder):
    @pipeline(settings={"experiment_tracker": {"experiment": "all", "depth": 1}})
    def training():
        load.with_options(
            settings={
                "experiment_tracker.tracked": {"experiment": "of the stack"},
                "experiment_tracker.recorder": {"depth": 2},
            }
        )()
        load.with_options(settings={"experiment_tracker.recorder": {"experiment": "of the flavor"}})(4)
        load(5)

    training()

    found = sorted((one.experiment, one.depth) for one in recorder.settings)
    assert found == [("all", 1), ("of the flavor", 1), ("of the stack", 2)]


def test_wrong_settings_are_refused_before_anything_runs(recorder):
    @pipeline
    def training():
        load.with_options(settings={"experiment_tracker.recorder": {"experimnt": "x"}})()

    with pytest.raises(ConfigurationError, match=r"Did you mean `experiment`\?"):
        training()

    assert recorder.steps == []
    assert Client().list_pipeline_runs().total == 0


def test_a_tracked_step_has_a_process_of_its_own_unless_it_says_otherwise():
    @step(experiment_tracker="mine")
    def elsewhere() -> None: ...

    @pipeline
    def training():
        elsewhere()
        load()

    plan = compile_pipeline(training, (), {}).plan
    runtimes = [plan.definitions[one.definition].options.runtime for one in plan.invocations]
    assert runtimes == ["isolated", "inline"]


def test_a_cached_step_is_not_followed_again(recorder):
    @pipeline
    def training():
        load()

    training()
    training()

    assert len(recorder.steps) == 1
