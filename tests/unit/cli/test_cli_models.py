"""`zenml model`: versions of models are listed, shown, promoted, compared and deleted."""

import json

import pytest
from click.shell_completion import ShellComplete

from zenml import Model, log_metadata, pipeline, step
from zenml.cli.main import cli
from zenml.client import Client


@step
def fit(rate: float) -> float:
    log_metadata({"accuracy": 1 - rate, "kind": "tree"}, infer_model=True)
    return rate


@step
def constant() -> int:
    return 1


@pipeline(model=Model("churn", description="Who leaves", tags=["trees"]))
def training(rate: float):
    fit(rate)
    constant()


@pytest.fixture(autouse=True)
def _versions():
    for name, rate in (("first", 0.5), ("second", 0.25)):
        training.with_options(run_name=name)(rate)


def shape(zenml, *words):
    result = zenml(*words, "--json")
    assert result.status == 0, result.err
    return json.loads(result.out)


def test_a_model_is_listed_with_its_newest_version_and_that_in_production(zenml):
    zenml("model", "promote", "churn", "1", "production")

    lines = zenml("model", "list").out.splitlines()

    assert lines[0].split() == ["NAME", "VERSIONS", "NEWEST", "PRODUCTION", "TAGS", "CREATED"]
    assert lines[1].split()[:5] == ["churn", "2", "2", "1", "trees"]


def test_nothing_is_said_to_be_nothing(zenml):
    zenml("model", "delete", "churn", "--yes")

    assert "No models yet" in zenml("model", "list").err
    assert "No models fit" in zenml("model", "list", "--tag", "x").err


def test_a_model_is_shown_with_what_is_said_of_it(zenml):
    shown = zenml("model", "show", "churn").out

    assert "Description  Who leaves" in shown
    assert len([line for line in shown.splitlines() if line.startswith("churn")]) == 2


def test_a_version_is_shown_with_metrics_artifacts_runs_and_stages(zenml):
    zenml("model", "promote", "churn", "2", "staging")

    shown = zenml("model", "version", "show", "churn").out

    for text in ("accuracy = 0.75", "training::fit::output, version 2", "second (", "staging since"):
        assert text in shown
    found = shape(zenml, "model", "version", "show", "churn", "staging")
    assert found["metadata"] == {"accuracy": 0.75, "kind": "tree"}
    assert [one["name"] for one in found["runs"]] == ["second"]
    assert [one["stage"] for one in found["stages"]] == ["staging"]


def test_versions_are_found_by_stage_and_tag(zenml):
    zenml("model", "promote", "churn", "1", "archived")

    found = shape(zenml, "model", "version", "list", "--stage", "archived", "--tag", "trees")

    assert [(one["model"], one["number"]) for one in found["items"]] == [("churn", 1)]
    assert "No versions fit" in zenml("model", "version", "list", "churn", "--stage", "staging").err


def test_another_version_is_replaced_only_by_force(zenml):
    zenml("model", "promote", "churn", "1", "production")

    refused = zenml("model", "promote", "churn", "2", "production")
    forced = zenml("model", "promote", "churn", "2", "production", "--force")

    assert refused.status == 1
    assert "Version `1` of model `churn` is in production" in refused.err
    assert forced.out == "Version `2` of model `churn`: none → production.\n"
    assert [version.stage for version in Client().get_model("churn").versions] == ["production", "archived"]


def test_two_versions_are_compared(zenml):
    shown = zenml("model", "compare", "churn", "1", "latest").out
    found = shape(zenml, "model", "compare", "churn", "1", "2")

    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip()}
    assert lines["accuracy"] == ["0.5", "0.75", "+0.25"]
    assert lines["rate"] == ["0.5", "→", "0.25"]
    assert "same content" in shown
    assert found["before"] == {"number": 1, "name": "1", "stage": "none", "run": "first"}
    assert {one["name"]: one["is_same"] for one in found["artifacts"]} == {
        "training::constant::output": True,
        "training::fit::output": False,
    }
    assert found["code"] == []


def test_versions_are_compared_without_their_runs(zenml):
    zenml("run", "delete", "first", "--yes")

    found = shape(zenml, "model", "compare", "churn", "1", "2")

    assert (found["before"]["run"], found["params"]) == (None, [])
    assert found["metrics"][0] == {"name": "accuracy", "before": 0.5, "after": 0.75}
    assert "its run was deleted" in zenml("model", "compare", "churn", "1", "2").out


def test_one_version_or_all_of_them_are_deleted(zenml):
    assert shape(zenml, "model", "delete", "churn", "--version", "1", "--yes") == {
        "model": "churn",
        "deleted": [1],
    }
    assert [version.number for version in Client().get_model("churn").versions] == [2]
    assert zenml("model", "delete", "churn", "-y").out == "Deleted model `churn`.\n"
    assert Client().list_models().total == 0
    assert Client().list_pipeline_runs().total == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["show", "chrun"], "There is no model `chrun`. There is: `churn`."),
        (["version", "show", "churn", "9"], "has no version `9`. It has: `2`, `1`."),
        (["compare", "churn", "1", "best"], "has no version `best`"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(zenml, words, text):
    result = zenml("model", *words)

    assert result.status == 1
    assert text in result.err


def test_a_run_shows_its_model(zenml):
    assert "churn, version 2" in zenml("run", "show", "second").out
    assert shape(zenml, "run", "show", "first")["model"] == {"name": "churn", "version": "1", "number": 1}


def test_an_artifact_of_a_version_is_kept_and_says_so(zenml):
    for run in ("first", "second"):
        zenml("run", "delete", run, "--yes")

    refused = zenml("artifact", "delete", "training::fit::output@1", "--yes")

    assert refused.status == 1
    assert "part of model version `churn 1`" in refused.err
    assert "zenml model delete MODEL --version VERSION" in refused.err


def test_models_and_versions_are_completed(zenml):
    zenml("model", "promote", "churn", "1", "production")
    complete = ShellComplete(cli, {}, "zenml", "_ZENML_COMPLETE")

    assert [item.value for item in complete.get_completions(["model", "show"], "c")] == ["churn"]
    words = ["model", "promote", "churn"]
    assert [item.value for item in complete.get_completions(words, "")] == ["latest", "2", "1"]
