"""What counts as used, and so is never collected."""

import threading
from pathlib import Path

import pytest

from zenml import Tag, add_tags, load_artifact, pipeline, remove_tags, save_artifact, step
from zenml.client import Client
from zenml.client.garbage import collect, find_garbage
from zenml.client.run_control import delete_runs
from zenml.client.stored_artifacts import delete_artifact, find_artifact, uses
from zenml.config import Schedule
from zenml.config.external_artifact import ExternalArtifact
from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.run import Artifact, Document
from zenml.store.opening import open_store

GATE = threading.Event()
pytestmark = pytest.mark.usefixtures("zenml_store")


@step
def saving(number: int) -> int:
    save_artifact([number], "side")
    return number


@pipeline
def flow():
    saving(ExternalArtifact(value=3))


def collected():
    """Collect as if everything were old; return the names of what is gone."""
    store = open_store()
    return sorted(one.name for one in collect(store, find_garbage(store, young=0)).artifacts)


def kinds_of(text):
    store = open_store()
    return {use.kind for use in uses(store, find_artifact(store, text))}


def test_what_is_saved_by_hand_is_never_collected():
    save_artifact([1, 2], "numbers")
    save_artifact(b"x" * 100_000, "bytes")

    assert collected() == []
    assert load_artifact("numbers") == [1, 2]
    assert len(load_artifact("bytes")) == 100_000
    assert kinds_of("numbers") == {"saved by hand"}


def test_what_is_saved_by_hand_can_be_deleted_by_name():
    save_artifact([1, 2], "numbers")
    store = open_store()

    delete_artifact(store, find_artifact(store, "numbers"))

    with pytest.raises(NotFoundError):
        find_artifact(store, "numbers")


def test_a_tag_forbids_deleting_and_says_how_to_take_it_off():
    save_artifact([1, 2], "numbers", tags=[Tag("gold")])
    store = open_store()

    with pytest.raises(ConfigurationError, match=r"is tagged `gold`.*zenml tag remove --artifact \w+ gold"):
        delete_artifact(store, find_artifact(store, "numbers"))


def test_what_a_step_saved_goes_with_its_run():
    run = flow()
    assert collected() == []
    assert kinds_of("side") == {"saved by"}

    delete_runs(open_store(), [run.id])

    assert collected() == ["flow::saving::number", "flow::saving::output", "side"]
    assert open_store().select(Artifact) == []


def test_a_tag_keeps_what_nothing_else_uses():
    run = flow()
    add_tags("gold", artifact="side")
    delete_runs(open_store(), [run.id])

    assert "side" not in collected()
    remove_tags("gold", artifact="side")
    assert collected() == ["side"]


@step
def counted(x: int) -> int:
    return x + 1


@step(enable_cache=False)
def waiting() -> int:
    GATE.wait(20)
    return 1


@pipeline(dynamic=True)
def growing():
    counted(1)


@pipeline(dynamic=True)
def collecting():
    counted.submit(waiting.submit())
    collected()
    GATE.set()


def test_what_the_steps_of_a_dynamic_run_are_stays_with_the_run():
    run = growing()
    store = open_store()
    before = {name: step.definition for name, step in run.steps.items()}

    collected()

    kept = run.refresh()
    assert {name: step.definition for name, step in kept.steps.items()} == before
    parts = [part for step in kept.steps.values() for part in step.definition.code_parts]
    assert [part.name for part in parts if part.file and store.document(part.digest) is None] == []


def test_what_the_steps_of_a_deleted_dynamic_run_were_goes():
    run = growing()
    delete_runs(open_store(), [run.id])

    collected()

    assert open_store().select(Document) == []


def test_what_a_step_is_stays_while_it_waits_in_a_dynamic_run():
    GATE.set()
    delete_runs(open_store(), [collecting().id])
    GATE.clear()

    run = collecting()

    assert run.steps["counted"].definition.name == "counted"


def test_logs_of_a_run_that_a_schedule_is_starting_stay():
    flow.with_options(schedule=Schedule("s", interval_second=60))()
    client = Client()
    tick = client.trigger_schedule("s").record
    store = open_store()
    logs = Path(store.root, "logs", tick.run_id)
    logs.mkdir(parents=True)
    (logs / "process.log").write_text("importing …")

    assert find_garbage(store).logs == {}
    client.pause_schedule("s")
    assert list(find_garbage(store).logs) == [tick.run_id]
