"""Tags of runs, artifacts and pipelines: added, removed, listed, searched by."""

import json

import pytest

from zenml import pipeline, step
from zenml.client.client import Client


@step
def load() -> list[int]:
    return [1, 2]


@pipeline
def flow():
    load()


@pipeline
def other():
    load()


@pytest.fixture(autouse=True)
def _runs(_fresh_store):
    flow.with_options(run_name="first")()
    flow.with_options(run_name="second", enable_cache=False)()
    other.with_options(run_name="third")()


TARGETS = {"run": "first", "artifact": "flow::load::output@1", "pipeline": "flow"}
LISTS = {"run": "first", "artifact": "flow::load::output", "pipeline": "flow"}
TWINS = {
    "run": lambda tag: Client().list_pipeline_runs(tag=tag),
    "artifact": lambda tag: Client().list_artifact_versions(tag=tag),
    "pipeline": lambda tag: Client().list_pipelines(tag=tag),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_each_kind_is_tagged_found_by_its_tag_and_untagged(zenml, kind):
    added = json.loads(zenml("tag", "add", f"--{kind}", TARGETS[kind], "gold", "blue", "--json").out)
    found = json.loads(zenml(kind, "list", "--tag", "gold", "--tag", "blue", "--json").out)["items"]
    shown = json.loads(zenml(kind, "show", TARGETS[kind], "--json").out)["tags"]
    counted = json.loads(zenml("tag", "list", "--json").out)["items"]
    twin = [one.name for one in TWINS[kind]("gold").items]
    removed = json.loads(zenml("tag", "remove", f"--{kind}", TARGETS[kind], "gold", "no-such", "--json").out)

    assert (added["kind"], added["tags"], shown) == (kind, ["blue", "gold"], ["blue", "gold"])
    assert [one["name"] for one in found] == [LISTS[kind]] == twin
    kinds = (*TARGETS, "model", "model_version")
    numbers = {f"{one}s": int(one == kind) for one in kinds}
    assert counted == [{"name": name, **numbers} for name in ("blue", "gold")]
    assert removed["tags"] == ["blue"]
    assert json.loads(zenml(kind, "list", "--tag", "gold", "--json").out)["items"] == []


def test_of_several_tags_in_a_search_all_count(zenml):
    zenml("tag", "add", "first", "gold")
    zenml("tag", "add", "second", "gold", "blue")

    found = json.loads(zenml("run", "list", "--tag", "gold", "--tag", "blue", "--json").out)

    assert [run["name"] for run in found["items"]] == ["second"]


def test_a_tag_can_be_exclusive_and_cascade(zenml):
    zenml("tag", "add", "first", "gold", "--exclusive", "--cascade")
    zenml("tag", "add", "second", "gold", "--exclusive", "--cascade")

    runs = json.loads(zenml("run", "list", "--tag", "gold", "--json").out)["items"]
    artifacts = json.loads(zenml("artifact", "list", "--tag", "gold", "--json").out)["items"]

    assert [run["name"] for run in runs] == ["second"]
    assert [one["version"] for one in artifacts] == [2]


@pytest.mark.parametrize("kind", TARGETS)
def test_a_wrong_name_or_an_empty_tag_is_an_error(zenml, kind):
    assert zenml("tag", "add", f"--{kind}", "no-such", "gold").status == 1
    result = zenml("tag", "add", f"--{kind}", TARGETS[kind], " ")

    assert (result.status, "Give it a name" in result.err) == (1, True)


def test_a_list_that_a_tag_leaves_empty_says_so(zenml):
    for kind in TARGETS:
        result = zenml(kind, "list", "--tag", "nothing")
        assert (result.status, result.out) == (0, "")
        assert result.err.rstrip().endswith("fit.")
