"""The W&B tracker without a server, and where the server is not there. No server of W&B can be had here."""

import glob
import json
import os

import pytest
from keeper import free_port
from wandb_file import read_records

from zenml.components.experiment_tracker_check import CHECKS, SECRET, SeenRun, TrackerProbe, make_step
from zenml.components.flavor import Place
from zenml.errors import ComponentError
from zenml.flavors.wandb_experiment_tracker import WandbTracker, WandbTrackerConfig, WandbTrackerSettings

QUIET = {"silent": True}


class WandbProbe(TrackerProbe):
    def __init__(self, folder):
        import wandb

        self.wandb = wandb
        self.place = Place(name="wandb", folder=str(folder / "kept"))

    def tracker(self, **config):
        return WandbTracker(WandbTrackerConfig(mode="offline", **config), self.place)

    def runs(self, run_id):
        found = [seen(path) for path in sorted(self.files(), key=os.path.getmtime)]
        return [run for run in found if run.facts["zenml.run_id"] == run_id]

    def files(self):
        return glob.glob(f"{self.place.folder}/wandb/offline-run-*/*.wandb")

    def log_metric(self, name, value):
        self.wandb.log({name: value})

    def has_active_run(self):
        return self.wandb.run is not None

    def unreachable(self):
        config = WandbTrackerConfig(
            api_key=f"{SECRET}-{'0' * 40}"[:86], base_url=f"http://127.0.0.1:{free_port()}", timeout=2
        )
        return WandbTracker(config, self.place)


def seen(path):
    run, config, metrics, status = None, {}, {}, "running"
    for record in read_records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = run or record.run
            config |= items(record.run.config.update)
        elif kind == "config":
            config |= items(record.config.update)
        elif kind == "history":
            metrics |= items(record.history.item)
        elif kind == "exit":
            status = "failed" if record.exit.exit_code else "finished"
    belongs = config.pop("zenml")
    return SeenRun(
        id=run.run_id,
        name=run.display_name,
        status=status,
        parameters={name: str(value) for name, value in config.items() if name != "_wandb"},
        facts={f"zenml.{name}": str(value) for name, value in belongs.items()},
        tags=tuple(run.tags),
        metrics={name: value for name, value in metrics.items() if not name.startswith("_")},
    )


def items(pieces):
    return {piece.key or ".".join(piece.nested_key): json.loads(piece.value_json) for piece in pieces}


@pytest.fixture
def probe(tmp_path):
    return WandbProbe(tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_tracker_conforms(check, probe):
    check(probe)


def track(probe, work=lambda: None, step=None, settings=None, **config):
    step = step or make_step()
    tracker = probe.tracker(**config)
    run = tracker.start(step, settings)
    try:
        work()
    finally:
        tracker.finish(failure=None)
    return step, run


def test_the_project_is_the_configurations_then_the_pipelines(probe):
    _, first = track(probe, project_name="churn")
    _, second = track(probe)

    assert (first.metadata["project"], second.metadata["project"]) == ("churn", "training")


def test_what_is_kept_lies_in_the_folder_that_the_step_is_told_of(probe, tmp_path):
    _, usual = track(probe)
    _, said = track(probe, dir=str(tmp_path / "said"))

    assert usual.url is None
    assert usual.metadata["folder"].startswith(probe.place.folder)
    assert said.metadata["folder"].startswith(str(tmp_path / "said"))
    assert glob.glob(f"{said.metadata['folder']}/*.wandb")


def test_group_and_job_type(probe):
    step, _ = track(probe)

    (path,) = probe.files()
    run = next(record.run for record in read_records(path) if record.WhichOneof("record_type") == "run")
    assert (run.run_group, run.job_type) == (step.run_name, "train")


def test_settings_of_the_step(probe):
    settings = WandbTrackerSettings(tags=("baseline", "x" * 70), settings={"run_notes": "a note"})
    step, _ = track(probe, settings=settings)

    assert set(probe.runs(step.run_id)[0].tags) == {"nightly", "baseline", "x" * 64}
    (path,) = probe.files()
    run = next(record.run for record in read_records(path) if record.WhichOneof("record_type") == "run")
    assert run.notes == "a note"


def test_a_parameter_that_the_step_sets_itself_stays_as_it_set_it(probe):
    step, _ = track(probe, lambda: probe.wandb.config.update({"depth": 7}))

    parameters = probe.runs(step.run_id)[0].parameters
    assert (parameters["depth"], parameters["kind"]) == ("7", "tree")


def test_a_run_that_was_active_before_is_left_alone(probe, tmp_path):
    mine = probe.wandb.init(mode="offline", dir=str(tmp_path))
    try:
        with pytest.raises(ComponentError, match=r'runtime="isolated"'):
            probe.tracker().start(make_step())
        assert probe.wandb.run is mine
    finally:
        mine.finish()


def test_a_step_that_finishes_the_run_itself(probe):
    step, _ = track(probe, lambda: probe.wandb.finish(), make_step(parameters={}))

    assert [run.status for run in probe.runs(step.run_id)] == ["finished"]


def test_no_variable_of_the_process_is_changed(probe):
    before = {name: value for name, value in os.environ.items() if name.startswith("WANDB")}

    track(probe)

    assert {name: value for name, value in os.environ.items() if name.startswith("WANDB")} == before
