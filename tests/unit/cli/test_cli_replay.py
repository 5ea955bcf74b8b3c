"""`zenml run replay`: what it reads, prints and returns."""

import json

import pytest

from zenml.cli.replay_command import _read_inputs, _read_step_inputs
from zenml.client import Client

FLOW = """
from zenml import pipeline, step

@step
def load(count: int = 4) -> list[int]:
    print("loading")
    return list(range(count))

@step
def name(rows: list[int], title: str = "rows") -> str:
    if title == "bad":
        raise ValueError("a bad title")
    return f"{title} {len(rows)}"

@pipeline(dynamic=True)
def flow(count: int = 4, tags: list[str] = []):
    return name(load(count))
"""


@pytest.fixture
def run(zenml, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    assert zenml("pipeline", "run", "flow.py", "--name", "nightly").status == 0
    return Client().get_pipeline_run("nightly")


def newest():
    return Client().list_pipeline_runs(size=1).items[0]


def test_values_are_read_as_the_annotations_ask(zenml, run):
    done = zenml("run", "replay", "nightly", "--input", "tags=a,b", "--step-input", "name.title=5")

    assert done.status == 0, done.err
    assert newest().parameters == {"count": 4, "tags": ["a", "b"]}
    assert newest().outputs[0].load() == "5 4"
    assert "same content: `load`" in done.out
    assert "differs: `name`" in done.out


def test_json_is_all_that_is_printed(zenml, run):
    done = zenml("run", "replay", "nightly", "--skip", "load", "--json")

    said = json.loads(done.out)
    assert said["id"] == newest().id
    assert said["original_id"] == run.id
    assert said["replay"]["taken"] == ["load"]
    assert [one["verdict"] for one in said["replay"]["outputs"]] == ["same"]
    original = json.loads(zenml("run", "show", "nightly", "--json").out)
    assert [one["id"] for one in original["replays"]] == [newest().id]


def test_quiet_says_nothing(zenml, run):
    done = zenml("run", "replay", "nightly", "--skip", "load", "-q")

    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_replay_that_fails_ends_with_its_failure(zenml, run):
    done = zenml("run", "replay", "nightly", "--skip", "load", "--step-input", "name.title=bad")

    assert done.status == 1
    assert "without success: `name`" in done.out
    assert "ValueError: a bad title" in done.err


def test_why_a_step_of_a_replay_has_its_result(zenml, run):
    zenml("run", "replay", "nightly", "--skip", "load", "-q")

    assert (
        "from step `load` of run `nightly`, as the replay was told."
        in zenml("step", "why", "latest", "load").out
    )
    assert "the run is a replay" in zenml("step", "why", "latest", "name").out


def test_ids_with_dots_and_equals_signs_can_be_named():
    assert _read_step_inputs(("train['a.b'].rate=x.y=1", "load.size=")) == {
        "train['a.b']": {"rate": "x.y=1"},
        "load": {"size": ""},
    }
    assert _read_inputs(("query=a=b",)) == {"query": "a=b"}


@pytest.mark.parametrize(
    "words",
    [
        ("--input", "count"),
        ("--input", "count=1", "--input", "count=2"),
        ("--step-input", "load=1"),
        ("--step-input", "load.count=1", "--step-input", "load.count=2"),
    ],
)
def test_a_wrong_command_line_has_the_status_of_one(zenml, run, words):
    assert zenml("run", "replay", "nightly", *words).status == 2
