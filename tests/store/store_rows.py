"""What the tables of a store hold, compared with the model, and with what they held before."""

import fcntl
import os
import struct
from collections import Counter

from store_samples import an_owner

from zenml.records.status import ENDED, RUN_TRANSITIONS, STEP_TRANSITIONS

_TABLES = {
    "runs": "SELECT id, name, pipeline_name, status, epoch, owner_id, parent_id, ended_at IS NULL FROM runs",
    "steps": "SELECT id, run_id, invocation_id, attempt, status, cache_key, cached_from, invalidated_at IS NULL"
    " FROM step_runs",
    "artifacts": "SELECT id, name, version, producer, saved_by, key FROM artifacts",
    "tags": "SELECT kind, target_id, name FROM tags",
    "metadata": "SELECT kind, target_id, name FROM metadata",
    "inputs": "SELECT step_run_id, artifact_id FROM step_inputs",
    "outputs": "SELECT run_id, artifact_id FROM run_outputs",
    "hooks": "SELECT id, run_id, step_run_id FROM hook_runs",
    "waits": "SELECT id, run_id, status FROM waits",
    "links": "SELECT target_id FROM model_links",
    "documents": "SELECT digest FROM documents",
}
_ENDED_STEPS = (
    "SELECT id, status, ended_at, started_at, failure, reason, log, key_parts, definition FROM step_runs"
)


def rows_of(store):
    """What is recorded, by table."""
    return {table: store.file.read(sql) for table, sql in _TABLES.items()}


def expected_rows(world):
    """What the model says is recorded."""
    runs, steps = world.runs.values(), world.steps().values()
    return {
        "runs": [
            (
                run.id,
                run.name,
                run.pipeline,
                run.status,
                run.epoch,
                run.owner,
                run.parent,
                run.ended_at is None,
            )
            for run in runs
        ],
        "steps": [
            (
                step.id,
                step.run,
                step.invocation,
                step.attempt,
                step.status,
                step.key,
                step.cached_from,
                not step.is_invalidated,
            )
            for step in steps
        ],
        "artifacts": [
            (one.id, one.name, one.version, one.producer, one.saved_by, one.key)
            for one in world.artifacts.values()
        ],
        "tags": list(world.tags),
        "metadata": list(world.values),
        "inputs": [(step.id, artifact) for step in steps for artifact in step.inputs],
        "outputs": [(run.id, artifact) for run in runs for artifact in run.outputs],
        "hooks": [(hook, step.run, step.id) for step in steps for hook in step.hooks],
        "waits": [(wait, run.id, status) for run in runs for wait, status in run.waits.items()],
        "links": [(one,) for one in world.links],
        "documents": [(digest,) for digest in world.documents],
    }


def assert_equal(store, world):
    """Compare all tables; a difference is told by table."""
    found, expected = rows_of(store), expected_rows(world)
    for table, rows in expected.items():
        held, said = Counter(found[table]), Counter(rows)
        assert held == said, f"the table `{table}` has {held - said} and not {said - held}"


class History:
    """What was recorded before: nothing takes another way than the tables of transitions, or changes after its end."""

    def __init__(self):
        self._runs, self._steps = {}, {}

    def check(self, store):
        """Compare what is recorded with what was."""
        runs = {row[0]: row for row in store.file.read("SELECT id, status, epoch, owner_id FROM runs")}
        for run, (_, status, epoch, owner) in runs.items():
            before = self._runs.get(run)
            if before is None:
                continue
            assert status == before[1] or status in RUN_TRANSITIONS[before[1]], (before, status)
            assert epoch >= before[2]
            assert owner == before[3] or epoch > before[2], "a run got another owner under the same epoch"
        rows = {row[0]: row for row in store.file.read(_ENDED_STEPS)}
        for step, row in rows.items():
            before = self._steps.get(step)
            if before is None:
                continue
            assert row[1] == before[1] or row[1] in STEP_TRANSITIONS[before[1]], (before, row)
            assert before[1] not in ENDED or row == before, "an ended attempt was changed"
        self._runs, self._steps = runs, rows


class SimulatedOwner:
    """An owner that lives for as long as its lease is locked, as the kernel says it of a process.

    The lock is one of an open file, which conflicts with the locks of this very process as one of another
    process would; closing the file is what the death of a process does. Its pid is none that can run.
    """

    def __init__(self, store):
        here = store.owner()
        self.record = an_owner(host=here.host, boot_id=here.boot_id, pid=2**22 + 1)
        self.id = self.record.id
        path = os.path.join(store.root, "leases", self.id)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, lock)
        store.insert([self.record])

    def kill(self):
        """Let the kernel have the lock back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
