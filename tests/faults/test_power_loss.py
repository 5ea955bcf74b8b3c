"""After the power failed, whatever was not synced may be lost: what is recorded is whole, and the rest is made again."""

import os
import random
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import power_loss
import shapes
from forks import in_a_fork

from zenml.client import Client
from zenml.records.run import Run

STATES = int(os.environ.get("FAULTS_STATES", "20"))
"""States of the disk that are looked at, for each shape."""
SEED = os.environ.get("FAULTS_SEED", "steady")
SHAPES = ("chain", "files", "fan", "retried", "loop", "submitted", "hooked")


@pytest.fixture
def recorded(request, tmp_path, monkeypatch):
    """Run a shape once, and return what it did to the disk."""
    root, before = str(tmp_path / "store"), str(tmp_path / "before")
    monkeypatch.setenv("ZENML_CONFIG_PATH", root)
    monkeypatch.setenv("ZENML_DURABILITY", "full")
    monkeypatch.setenv("ZENML_QUIET", "1")
    monkeypatch.setenv("FAULTS_TRACE", str(tmp_path / "trace"))
    pipeline, expected = shapes.SHAPES[request.param]

    def run():
        Client().list_pipeline_runs()
        Client().store.wait_durable()
        power_loss.copy_store(root, before)
        recorder = power_loss.Recorder(root)
        power_loss.watch_with(recorder)
        done = pipeline()
        recorder.note("returned")
        with open(os.path.join(root, power_loss.WAL), "rb") as file:
            return done.id, recorder.operations, file.read()

    return before, expected, *in_a_fork(run)


def look(root, run_id, expected):
    """Check what holds in a store that the power failed under, and go on with its run; return what was seen."""
    os.environ["ZENML_CONFIG_PATH"] = root
    client = Client()
    store = client.store
    (check,) = store.file.read("PRAGMA integrity_check")
    assert check == ("ok",)
    found = store.get(Run, run_id)
    was_complete = found is not None and found.status == "completed"
    if found is not None:
        for step in client.get_pipeline_run(run_id).steps.values():
            if step.status == "completed":
                for output in step.outputs.values():
                    output.load()  # which looks at the digest
        if not was_complete:
            client.resume_run(run_id)
        assert [output.load() for output in client.get_pipeline_run(run_id).outputs] == [expected]
    return was_complete


@pytest.mark.parametrize("recorded", SHAPES, indirect=True)
def test_what_was_not_synced_may_be_lost(recorded, request, tmp_path):
    shape = request.node.callspec.params["recorded"]
    before, expected, run_id, operations, log = recorded
    moments = [*operations, ("end", "", None, len(log))]
    draw = random.Random(f"{SEED} {shape}")
    seen = set()
    for number in range(STATES):
        at = draw.randint(0, len(operations)) if number % 8 else len(operations)
        has_returned = any(name == "returned" for name, *_ in operations[:at])
        root = str(tmp_path / "after" / "store")
        shutil.rmtree(os.path.dirname(root), ignore_errors=True)
        power_loss.Disk(before, operations[:at]).build(draw, root, log, moments[at][3])
        os.environ["FAULTS_TRACE"] = str(tmp_path / "after" / "trace")
        try:
            was_complete = in_a_fork(lambda root=root: look(root, run_id, expected))
            assert was_complete or not has_returned, "a run that was reported as completed is lost"
        except AssertionError as error:
            error.add_note(
                f"state {number} of FAULTS_SEED={SEED!r}, after {at} of {len(operations)} operations"
            )
            raise
        seen.add((has_returned, was_complete))

    assert {(False, False), (True, True)} <= seen, "moments before and after the end were drawn"
