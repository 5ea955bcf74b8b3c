"""Runs under which the power fails: what was done to the disk, and the states that it may be left in."""

import hashlib
import os
import shutil
from typing import NamedTuple

import shapes
from forks import in_a_fork
from power_loss import WAL, Disk, Recorder, copy_store, watch_with

from zenml.client import Client
from zenml.client.store_check import check_store
from zenml.errors import ArtifactError
from zenml.records.run import Run

SHAPES = (
    "chain",
    "files",
    "fan",
    "narrow",
    "retried",
    "composed",
    "hooked",
    "loop",
    "submitted",
    "handled",
    "mapped",
    "mapped_lazily",
    "nested",
    "embedded",
)
"""Shapes whose work is all done in one process, and which nobody has to answer or mend."""
MOST_DRAWN = 20
"""Draws for each state that is wanted: few moments of a short run differ, and equal states count once."""


def record(shape, folder, durability):
    """Run a shape once, and return what it did to the disk."""
    return Recording(shape, durability, *in_a_fork(lambda: _run(shape, folder, durability)))


class Recording(NamedTuple):
    """A run, and what it did to the disk."""

    shape: str
    durability: str
    before: str
    run_id: str
    operations: list
    log: bytes


def _run(shape, folder, durability):
    root, before = os.path.join(folder, "store"), os.path.join(folder, "before")
    _be_in(folder, root, durability)
    Client().list_pipeline_runs()
    Client().store.wait_durable()
    copy_store(root, before)
    recorder = Recorder(root)
    watch_with(recorder)
    done = shapes.SHAPES[shape][0]()
    recorder.note("returned")
    with open(os.path.join(root, WAL), "rb") as file:
        return before, done.id, recorder.operations, file.read()


def _be_in(folder, root, durability):
    os.environ["ZENML_CONFIG_PATH"] = root
    os.environ["ZENML_DURABILITY"] = durability
    os.environ["ZENML_QUIET"] = "1"
    os.environ["FAULTS_TRACE"] = os.path.join(folder, "trace")


class Loss(NamedTuple):
    """What is lost in one state of the disk."""

    has_returned: bool
    """Whether the run had been reported as completed."""
    was_complete: bool
    """Whether it is recorded as completed."""
    refused: int
    """Artifacts that are recorded, and are not as they were stored: they are refused."""


def states(recording, draw, count, folder):
    """Yield what is lost in each of many states of the disk, no two of which are equal; everything else has to hold."""
    operations, log = recording.operations, recording.log
    moments = [*operations, ("end", "", None, len(log))]
    root = os.path.join(folder, "after", "store")
    seen = set()
    prefixes = list(range(len(moments)))
    draw.shuffle(prefixes)
    number = -1
    while len(seen) < count and number < MOST_DRAWN * count:
        number += 1
        at = prefixes[number % len(prefixes)] if number % 8 else len(operations)
        shutil.rmtree(os.path.dirname(root), ignore_errors=True)
        Disk(recording.before, operations[:at]).build(draw, root, log, moments[at][3])
        state = _digest(root)
        if state in seen:
            continue
        seen.add(state)
        has_returned = any(name == "returned" for name, *_ in operations[:at])
        try:
            was_complete, refused = in_a_fork(lambda: _look(recording, root))
            if recording.durability == "full":
                assert was_complete or not has_returned, "a run that was reported as completed is lost"
        except AssertionError as error:
            error.add_note(f"state {number}, after {at} of {len(operations)} operations")
            raise
        yield Loss(has_returned, was_complete, refused)


def _look(recording, root):
    """Check what holds in a store that the power failed under, and go on with its run; return what was lost."""
    pipeline, expected = shapes.SHAPES[recording.shape]
    _be_in(os.path.dirname(root), root, recording.durability)
    client = Client()
    check = check_store(client.store)
    assert not check.database, check.database
    assert recording.durability == "relaxed" or not check.damaged, check.damaged
    found = client.store.get(Run, recording.run_id)
    was_complete = found is not None and found.status == "completed"
    try:
        if found is not None and not was_complete:
            client.resume_run(recording.run_id)
        done = pipeline() if found is None else client.get_pipeline_run(recording.run_id)
        outputs = [output.load() for output in done.outputs]
    except ArtifactError:
        assert was_complete, "a run that goes on makes lost outputs again"
        assert recording.durability == "relaxed"
        outputs = [output.load() for output in pipeline().outputs]
    assert outputs == [expected], outputs
    return was_complete, len(check.damaged)


def _digest(root):
    """Return what tells apart what two folders hold."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(root):
        folders.sort()
        digest.update(f"{os.path.relpath(folder, root)}\0".encode())
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(f"{name}\0".encode() + hashlib.sha256(file.read()).digest())
    return digest.digest()
