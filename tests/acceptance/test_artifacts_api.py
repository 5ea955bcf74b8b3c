"""Artifacts by hand: saved and loaded under a name, given to steps, configured in annotations."""

import pytest

HEAD = """
from typing import Annotated
from zenml import ArtifactConfig, ExternalArtifact, Tag, load_artifact, save_artifact
from zenml.client import Client
"""


@pytest.fixture(params=["inline", "isolated"])
def runtime(request):
    return request.param


# -- saving and loading


def test_an_artifact_is_saved_and_loaded_outside_a_run(lab):
    result = lab.run(
        HEAD
        + """
first = save_artifact([1], "numbers")
second = save_artifact(b"x" * 100_000, "numbers", tags=["big", Tag("top", exclusive=True)], user_metadata={"n": 1})
third = save_artifact({"a": 1}, "numbers", version=7, tags=Tag("top", exclusive=True))
fact(
    versions=[first.version, second.version, third.version, save_artifact(1, "numbers").version],
    loaded=[load_artifact("numbers"), load_artifact("numbers", 1), load_artifact("numbers", "7"), len(second.load())],
    by_id=load_artifact(first.id),
    told=[second.tags, third.tags, second.run_metadata["n"]],
    files=os.path.isdir(second.uri),
    errors=[str(outcome(call)) for call in (
        lambda: save_artifact(1, "numbers", version=7),
        lambda: save_artifact(1, "numbers", version="new"),
        lambda: save_artifact(1, " "),
        lambda: load_artifact("numbrs"),
    )],
)
"""
    )

    facts = result.facts
    assert facts["versions"] == [1, 2, 7, 8]
    assert facts["loaded"] == [1, [1], {"a": 1}, 100_000]
    assert facts["by_id"] == [1]
    assert facts["told"] == [["big"], ["top"], 1]
    assert facts["files"]
    for text, part in zip(
        facts["errors"], ["already", "whole numbers", "Give it a name", "`numbers`"], strict=True
    ):
        assert part in text


def test_an_artifact_is_saved_and_loaded_inside_a_step(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
class Thing:
    def __init__(self, x):
        self.x = x

save_artifact([0], "before")

@step(runtime="{runtime}")
def work() -> int:
    save_artifact(b"x" * 100_000, "side", tags=["t"], user_metadata={{"n": 1}})
    view = save_artifact(Thing(3), "thing")
    fact(own=len(load_artifact("side")), x=load_artifact("thing").x, version=view.version, x2=view.load().x,
         before=load_artifact("before"))
    return 1

@pipeline
def flow():
    work()

run = flow()
view = Client().get_artifact_version("side")
fact(loaded=len(view.load()), told=[view.tags, view.run_metadata["n"]], outputs=list(run.steps["work"].outputs),
     cached=str(flow().steps["work"].status))
"""
    )

    assert result.facts == {
        "own": 100_000,
        "x": 3,
        "x2": 3,
        "version": 1,
        "before": [0],
        "loaded": 100_000,
        "told": [["t"], 1],
        "outputs": ["output"],
        "cached": "cached",
    }


def test_what_a_failed_step_saved_is_kept(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step(runtime="{runtime}")
def work():
    save_artifact([1], "checkpoint")
    raise ValueError("no")

@pipeline
def flow():
    work()

outcome(flow)
fact(found=load_artifact("checkpoint"))
"""
    )

    assert result.facts["found"] == [1]


# -- as arguments


def test_an_external_value_is_stored_once_and_counts_by_its_content(lab):
    code = (
        HEAD
        + """
@step
def total(data: list, more: list) -> int:
    mark("total")
    return sum(data) + sum(more)

@pipeline
def flow(last: int):
    total(ExternalArtifact(value=[1, 2]), more=ExternalArtifact(value=[last], name="mine"))

runs = [flow(3), flow(3), flow(4)]
fact(values=[value(run, "total") for run in runs], statuses=[str(run.steps["total"].status) for run in runs],
     versions=[len(Client().list_artifact_versions(name=name).items) for name in ("flow::total::data", "mine")],
     inputs=[runs[0].steps["total"].inputs["more"].name])
"""
    )

    facts = lab.run(code).facts

    assert facts["values"] == [6, 6, 7]
    assert facts["statuses"] == ["completed", "cached", "completed"]
    assert (facts["versions"], facts["inputs"]) == ([1, 2], ["mine"])


def test_artifacts_that_exist_are_arguments(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
save_artifact([1], "data")
save_artifact([2], "data")
three = save_artifact([3], "data")

@step(runtime="{runtime}")
def join(a: list, b: list, c: list, d: list) -> list:
    return a + b + c + d[0] + d[1]

@step
def make() -> list:
    return [9]

@pipeline
def flow(given):
    join(
        Client().get_artifact_version("data", 1),
        ExternalArtifact(name="data", version=2),
        c=given,
        d=[make(), ExternalArtifact(id=three.id)],
    )

fact(joined=value(flow(three), "join"))
"""
    )

    assert result.facts["joined"] == [1, 2, 3, 9, 3]


def test_a_single_step_takes_artifacts_too(lab):
    result = lab.run(
        HEAD
        + """
@step
def double(x: list) -> list:
    return x * 2

fact(a=double(save_artifact([1], "data")), b=double(ExternalArtifact(value=[2])))
"""
    )

    assert result.facts == {"a": [1, 1], "b": [2, 2]}


@pytest.mark.parametrize("given", ["", "1, id='x'", "id='x', name='y'", "version=1", "1, version=2"])
def test_an_external_artifact_is_one_thing(lab, given):
    result = lab.run(HEAD + f"fact(kind=type(outcome(lambda: ExternalArtifact({given}))).__name__)")

    assert result.facts["kind"] == "ConfigurationError"


def test_an_external_artifact_that_does_not_exist_is_found_out_before_the_run(lab):
    result = lab.run(
        HEAD
        + """
@step
def work(x):
    mark("work")

@pipeline
def flow():
    work(ExternalArtifact(name="nothing"))

fact(kind=type(outcome(flow)).__name__, runs=len(Client().list_pipeline_runs().items))
"""
    )

    assert result.facts == {"kind": "NotFoundError", "runs": 0}


# -- in annotations


def test_an_annotation_configures_its_artifact(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step(runtime="{runtime}", enable_cache=False)
def train() -> tuple[
    Annotated[int, ArtifactConfig(name="model", tags=["candidate", Tag("newest", exclusive=True)],
                                  run_metadata={{"framework": "none"}})],
    Annotated[int, "score"],
]:
    return 1, 2

@pipeline
def flow():
    train()

flow()
outputs = flow().steps["train"].outputs
fact(names=list(outputs), told=[outputs["model"].name, outputs["model"].version, outputs["model"].tags,
     outputs["model"].run_metadata], first=Client().get_artifact_version("model", 1).tags)
"""
    )

    assert result.facts == {
        "names": ["model", "score"],
        "told": ["model", 2, ["candidate", "newest"], {"framework": "none"}],
        "first": ["candidate"],
    }


def test_a_version_can_be_asked_for_once(lab):
    result = lab.run(
        HEAD
        + """
@step(enable_cache=False)
def train() -> Annotated[int, ArtifactConfig(name="model", version=5)]:
    return 1

@pipeline
def flow():
    train()

fact(version=flow().steps["train"].output.version)
error = outcome(flow)
fact(kind=type(error).__name__, text=str(error), status=str(last_run().status))
"""
    )

    assert (result.facts["version"], result.facts["status"]) == (5, "failed")
    assert result.facts["kind"] == "ConfigurationError"
    assert "version 5 of artifact `model`" in result.facts["text"]
