"""A store of very many runs: that it is made as real ones are, and that lists of it take a fixed number of statements."""

import importlib
import os

import pytest
from click.testing import CliRunner

from zenml.cli.artifact_commands import list_artifacts
from zenml.cli.model_commands import model
from zenml.cli.pipeline_commands import list_pipelines
from zenml.cli.run_commands import list_runs, show
from zenml.client.client import Client
from zenml.client.store_check import check_store
from zenml.records.run import Artifact, StepRun
from zenml.store.opening import close_store, open_store

RUNS = 300
BENCHMARKS = os.path.join(os.path.dirname(__file__), "..", "..", "benchmarks")


@pytest.fixture(scope="module")
def big_folder(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(BENCHMARKS)
    folder = str(tmp_path_factory.mktemp("big") / "store")
    importlib.import_module("big_store").make(folder, RUNS, dead_every=100)
    patch.setenv("ZENML_CONFIG_PATH", folder)
    patch.setenv("ZENML_DURABILITY", "relaxed")
    yield folder
    close_store(folder)
    patch.undo()


@pytest.fixture
def store(big_folder):
    return open_store()


@pytest.fixture
def client(store):
    return Client()


def of_status(client, status):
    return client.list_pipeline_runs(status=status, size=RUNS).items


# It is a true store


def test_it_is_whole_and_each_artifact_is_signed(store):
    checked = check_store(store)

    assert checked.is_whole
    assert checked.artifacts > RUNS
    assert all(store.is_trusted(one) for one in store.select(Artifact))


def test_it_has_runs_of_every_kind_and_the_dead_ones_are_found(client):
    counts = {
        status: len(of_status(client, status)) for status in ("completed", "failed", "interrupted", "running")
    }

    assert sum(counts.values()) == RUNS
    assert counts["completed"] > RUNS / 2
    assert counts["failed"] > 0
    assert counts["interrupted"] >= RUNS / 100
    assert counts["running"] == 0


def test_a_completed_run_reads_as_a_real_one(client):
    run = next(
        run
        for run in of_status(client, "completed")
        if not any(s.record.cached_from for s in run.steps.values())
    )

    assert list(run.steps) == ["load", "clean", "train", "evaluate", "tell"]
    assert {step.status for step in run.steps.values()} == {"completed"}
    seed = run.parameters["seed"]
    assert run.steps["load"].output.load() == seed
    assert run.outputs[0].load() == f"{(seed + 1) * 0.5 / seed:.3f} with {{'weight': {(seed + 1) * 0.5}}}"
    assert run.steps["train"].run_metadata == {"rate": 0.5, "loss": 1 / (seed + 1)}
    assert run.steps["clean"].inputs["rows"][0].id == run.steps["load"].output.id


def test_a_cached_run_has_the_results_of_a_run_before_it(client):
    run = next(
        run for run in of_status(client, "completed") if all(s.record.cached_from for s in run.steps.values())
    )

    origin = client.store.get(StepRun, run.steps["tell"].record.cached_from)
    assert origin.run_id != run.id
    assert origin.status == "completed"
    assert origin.cache_key == run.steps["tell"].record.cache_key
    assert {step.status for step in run.steps.values()} == {"cached"}
    assert run.steps["load"].output.load() == run.parameters["seed"]
    assert run.outputs[0].record.created_at < run.record.created_at


def test_its_cache_answers_with_what_was_copied(store, client):
    run = next(
        run for run in of_status(client, "completed") if all(s.record.cached_from for s in run.steps.values())
    )

    step = run.steps["train"].record
    (entry,) = store.look_up([step.cache_key]).values()

    assert entry.is_finished
    assert entry.artifacts[0].name == "model"


def test_failed_and_interrupted_runs_say_why(client):
    failed, interrupted = of_status(client, "failed")[0], of_status(client, "interrupted")[0]

    assert "has no label" in failed.steps["clean"].failure.message
    assert "is gone" in interrupted.reason
    assert interrupted.steps["train"].status == "interrupted"


def test_its_runs_have_tags_models_and_versions(client):
    nightly = client.list_pipeline_runs(tag="nightly", size=RUNS)
    version = client.get_model("model_01").latest_version

    assert {run.pipeline.name[-1] for run in nightly} == {"0"}
    assert nightly[0].tags[0] == "nightly"
    assert version.number == client.list_model_versions("model_01").total
    assert version.runs[0].model_version.number == version.number
    versions = client.list_artifact_versions("asc:version", name="model", size=RUNS)
    assert [one.version for one in versions] == list(range(1, versions.total + 1))


def test_ids_names_and_times_are_in_one_order(client):
    runs = client.list_pipeline_runs("asc:created", size=RUNS).items

    assert [run.record.created_at for run in runs] == sorted(run.record.created_at for run in runs)
    assert len({run.name for run in runs}) == RUNS


# Lists


COMMANDS = {
    "run list": (list_runs, ()),
    "run list --tag": (list_runs, ("--tag", "nightly")),
    "run list --name": (list_runs, ("--name", "contains:pipeline")),
    "pipeline list": (list_pipelines, ()),
    "artifact list": (list_artifacts, ()),
    "artifact list --name": (list_artifacts, ("--name", "model")),
    "model list": (model, ("list",)),
    "model version list": (model, ("version", "list", "model_01")),
}


def statements_of(store, command, words):
    before = store.file.statements
    result = CliRunner().invoke(command, list(words))
    assert result.exit_code == 0, result.output
    return store.file.statements - before


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_list_takes_as_many_statements_whatever_its_size(store, name, form):
    command, words = COMMANDS[name]

    counts = {size: statements_of(store, command, (*words, "--size", str(size), *form)) for size in (2, 9)}

    assert counts[2] == counts[9] <= 5


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_model_is_shown_with_few_statements(store, form):
    assert statements_of(store, model, ("show", "model_01", *form)) <= 5


def test_a_run_is_shown_with_few_statements(store, client):
    run = of_status(client, "completed")[0]

    assert statements_of(store, show, (run.id,)) <= 16


@pytest.mark.parametrize("number", [1, 3])
def test_the_last_run_of_a_pipeline_takes_one_statement(store, client, number):
    pipeline = client.get_pipeline(f"pipeline_0{number}")
    before = store.file.statements

    assert pipeline.last_run.id == pipeline.runs[0].id

    assert store.file.statements - before == 2
