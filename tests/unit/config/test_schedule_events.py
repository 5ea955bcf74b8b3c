"""What starts a run instead of a time."""

from types import SimpleNamespace
from typing import get_args

import pytest

import zenml.config
import zenml.config.schedule
from zenml.config import NewArtifact, NewModelVersion, RunEnded, Schedule
from zenml.config.schedule import CATCHUPS, OVERLAPS
from zenml.config.schedule_events import END_STATES
from zenml.errors import ConfigurationError
from zenml.records import schedules
from zenml.records.status import ENDED, RUN_TRANSITIONS


def test_an_end_of_a_run():
    event = RunEnded("train")

    assert (event.kind, event.name, event.pipeline, event.statuses) == (
        "run_ended",
        "train",
        "train",
        ("completed",),
    )
    assert RunEnded("train", "any").statuses == END_STATES
    assert RunEnded("train", ["stopped", "failed", "failed"]) == RunEnded("train", ("failed", "stopped"))
    assert RunEnded("train", status=None) == event
    assert repr(RunEnded("train", "failed")) == "RunEnded('train', status=['failed'])"


def test_a_pipeline_is_meant_by_its_name():
    assert RunEnded(SimpleNamespace(name="train")) == RunEnded("train")


def test_new_versions():
    artifact, model = NewArtifact("a"), NewModelVersion("a")

    assert (artifact.kind, artifact.name, artifact.statuses) == ("artifact", "a", ())
    assert (model.kind, model.name, model.statuses) == ("model_version", "a", ())
    assert artifact != model
    assert len({artifact, model, NewArtifact("a"), NewArtifact("b")}) == 3
    assert repr(Schedule(on=artifact)) == "Schedule(on=NewArtifact('a'))"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"run_ended": {"pipeline": "train", "status": ["failed"]}}, RunEnded("train", "failed")),
        ({"run_ended": {"pipeline": "train"}}, RunEnded("train")),
        ({"new_artifact": {"name": "dataset"}}, NewArtifact("dataset")),
        ({"new_model_version": {"name": "churn"}}, NewModelVersion("churn")),
        (NewArtifact("dataset"), NewArtifact("dataset")),
    ],
)
def test_an_event_is_given_or_a_mapping(given, kept):
    assert Schedule(on=given).on == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("train", "`on` of a Schedule is 'train'; it must be a `RunEnded"),
        (RunEnded, "it must be a `RunEnded"),
        ({}, "names 0 events"),
        ({"new_artifact": {"name": "a"}, "run_ended": {"pipeline": "a"}}, "make several schedules"),
        ({"runended": {"pipeline": "a"}}, "Did you mean `run_ended`"),
        ({5: {}}, "has no event 5"),
        ({"new_artifact": "a"}, r"such as `new_artifact: \{name: dataset\}`"),
        ({"run_ended": None}, r"such as `run_ended: \{pipeline: train\}`"),
        ({"run_ended": {"name": "a"}}, "RunEnded has no `name`"),
        (
            {"run_ended": {"pipeline": 5}},
            "`pipeline` of RunEnded is 5; it must be a name, or the pipeline itself",
        ),
        ({"new_artifact": {"name": " "}}, "`name` of NewArtifact is ' '"),
        ({"run_ended": {"pipeline": "a", "status": "complete"}}, "Did you mean `completed`"),
        ({"run_ended": {"pipeline": "a", "status": ["any"]}}, "in which no run ends"),
        ({"run_ended": {"pipeline": "a", "status": "paused"}}, "in which no run ends"),
        ({"run_ended": {"pipeline": "a", "status": []}}, "nothing would ever count"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(ConfigurationError, match=message):
        Schedule(on=given)


def test_the_words_are_those_of_the_records():
    assert set(END_STATES) == set(RUN_TRANSITIONS) & ENDED
    assert get_args(schedules.Overlap) == OVERLAPS
    assert get_args(schedules.Catchup) == CATCHUPS
    kinds = {RunEnded.kind, NewArtifact.kind, NewModelVersion.kind}
    assert kinds == set(get_args(schedules.EventKind))


def test_the_events_are_public():
    for name in ("RunEnded", "NewArtifact", "NewModelVersion"):
        assert getattr(zenml.config, name) is getattr(zenml.config.schedule, name)
        assert name in zenml.config.__all__
