"""The disk or the database refuses an operation: the error is told, nothing recorded is lost, and running again works."""

import errno
import os
import random
import sqlite3
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import shapes
from forks import in_a_fork

from zenml import fs
from zenml.client import Client
from zenml.errors import ZenMLError

SEED = os.environ.get("FAULTS_SEED", "steady")
MOST = int(os.environ.get("FAULTS_OPERATIONS", "14"))
"""How many operations of each shape are made to fail, each with one error."""
SHAPES = ("chain", "files", "fan", "retried", "hooked", "loop", "submitted")
FILE_ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE)
DATABASE_ERRORS = ("database or disk is full", "disk I/O error", "database is locked")
OF_DATABASE = ("connect", "begin", "statement", "commit", "checkpoint")


class Watch:
    """Counts operations, and has one of them fail, or be done in parts."""

    def __init__(self, at=0, error=None):
        self._at, self._error = at, error
        self.operations = []

    def __call__(self, operation, path, other):
        self.operations.append(operation)
        if len(self.operations) != self._at:
            return None
        if self._error == "short" and operation == "write":
            return max(1, len(other) // 2)
        if self._error in (None, "short"):
            return None
        if operation in OF_DATABASE:  # threads may have changed the order: each operation fails as it can
            raise sqlite3.OperationalError(
                self._error if isinstance(self._error, str) else DATABASE_ERRORS[1]
            )
        number = self._error if isinstance(self._error, int) else errno.EIO
        raise OSError(number, os.strerror(number), path if isinstance(path, str) else None)


def run(shape, watch):
    """Run a pipeline under a watch; return what it came to, and the operations that it did."""
    pipeline, _ = shapes.SHAPES[shape]
    Client().list_pipeline_runs()
    fs.watch = watch
    try:
        done = pipeline()
        outputs = [output.load() for output in done.outputs]
        return outputs, None, watch.operations
    except (ZenMLError, OSError) as error:
        return None, f"{type(error).__name__}: {error}", watch.operations
    finally:
        fs.watch = None


def look(shape, run_again):
    """Check that nothing goes on and that what is recorded is whole; run the pipeline again."""
    pipeline, expected = shapes.SHAPES[shape]
    client = Client()
    assert client.store.file.read("PRAGMA integrity_check") == [("ok",)]
    for one in client.list_pipeline_runs():
        found = client.get_pipeline_run(one.id)
        assert found.status not in ("running", "stopping"), found.status
        for step in found.steps.values():
            if step.status == "completed":
                for output in step.outputs.values():
                    output.load()
    if run_again:
        assert [output.load() for output in pipeline().outputs] == [expected]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_operation_that_fails_is_told_and_loses_nothing(shape, tmp_path, monkeypatch):
    monkeypatch.setenv("ZENML_QUIET", "1")
    _, expected = shapes.SHAPES[shape]

    def begin_anew(name):
        monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / name / "store"))
        monkeypatch.setenv("FAULTS_TRACE", str(tmp_path / name / "trace"))
        os.makedirs(tmp_path / name)

    begin_anew("count")
    outputs, _, operations = in_a_fork(lambda: run(shape, Watch()))
    assert outputs == [expected]
    draw = random.Random(f"{SEED} {shape}")
    told = 0
    chosen = sorted(draw.sample(range(1, len(operations) + 1), min(MOST, len(operations))))
    for at in chosen:
        operation = operations[at - 1]
        errors = DATABASE_ERRORS if operation in OF_DATABASE else FILE_ERRORS
        errors = (*errors, "short") if operation == "write" else errors
        error = draw.choice(errors)
        begin_anew(f"{at} {error}")
        try:
            outputs, problem, _ = in_a_fork(lambda at=at, error=error: run(shape, Watch(at, error)))
            assert outputs in (None, [expected])
            assert error != "short" or problem is None, "what is written in parts is written"
            assert problem is None or len(problem.splitlines()[0]) > 30, "it says what could not be done"
            in_a_fork(lambda: look(shape, run_again=True))
        except AssertionError as failure:
            failure.add_note(f"operation {at} of {len(operations)}, `{operation}`, with {error!r}")
            raise
        told += problem is not None
    assert told >= len(chosen) // 4, "most operations matter"
