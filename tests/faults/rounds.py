"""Rounds of killing and resuming, and what has to hold after each."""

import glob
import json
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter

from zenml.execute import kept_outcomes
from zenml.records.hooks import HookRun
from zenml.records.run import Run, StepRun
from zenml.store.database import Database

FOLDER = os.path.dirname(os.path.abspath(__file__))
SECONDS = 30


MAY_FAIL = {"broken"}
"""Steps whose failure a pipeline handles."""


class Zygote:
    """The process from which the processes of rounds are forked."""

    def __init__(self, folder):
        self.id = uuid.uuid4().hex
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
        self._errors = open(os.path.join(folder, "errors"), "w+")  # noqa: SIM115  closed with the zygote
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(FOLDER, "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=folder,
            env={**environment, "FAULTS_ID": self.id, "ZENML_QUIET": "1", "ZENML_DURABILITY": "relaxed"},
        )

    def play(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(self._errors.read())
        return json.loads(line)

    def wait_until_alone(self):
        """Return when no process of a round lives."""
        end = time.monotonic() + SECONDS
        while others := self._others():
            assert time.monotonic() < end, f"these processes are left: {others}"
            time.sleep(0.002)

    def _others(self):
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != self._process.pid:
                try:
                    with open(f"/proc/{name}/environ", "rb") as file:
                        is_ours = f"FAULTS_ID={self.id}".encode() in file.read()
                    with open(f"/proc/{name}/stat", "rb") as file:
                        state = file.read().rpartition(b")")[2].split()[0]
                except OSError:
                    continue
                if is_ours and state not in (b"Z", b"X"):
                    found.append(int(name))
        return found

    def close(self):
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()
        self._errors.close()


class Round:
    """One run in a store of its own, killed as often as one likes, and resumed until it completes."""

    def __init__(self, zygote, shape, expected, folder):
        self._zygote, self._shape, self._expected = zygote, shape, expected
        self._folder = str(folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        os.makedirs(self._folder)
        self.kills = 0
        self.was_kept = False
        """Whether an isolated step had ended, and its owner died before that was recorded."""

    def play(self, kill=None):
        """Start the run, or resume it, in a process that is killed at a point; then look at what holds."""
        before = self._look()
        trace = self._trace()
        self.was_kept = self.was_kept or bool(before and before["kept"])
        answer = self._zygote.play(
            shape=self._shape, folder=self._folder, resume=before and before["id"], kill=kill
        )
        assert answer.get("status") != "error", answer["error"]
        self.kills += answer["signal"] == 9
        new = self._trace()[len(trace) :]
        begun = {line.split()[0] for line in new if line.endswith(" begins")}
        if before:
            again = begun & (before["completed"] | before["kept"])
            assert not again, f"executed again although recorded: {again}"
        return answer

    def is_complete(self):
        """Tell whether the run is recorded as completed: it was killed after that."""
        found = self._look()
        return found is not None and found["status"] == "completed"

    def finish(self):
        """Resume until nothing kills it any more; everything has to be there, once."""
        before = self._look()
        answer = {"status": "completed"}
        if before is None or before["status"] != "completed":
            answer = self.play()
            assert answer["status"] == "completed", answer
            assert answer["outputs"] == [self._expected], answer
        self._zygote.wait_until_alone()
        after = self._look()
        assert after["status"] == "completed"
        assert set(after["times"].values()) == {1}, after["times"]
        assert after["missing"] == set(), after
        assert "pending" not in after["hooks"], after["hooks"]
        assert {status for name, status in after["last"].items() if name not in MAY_FAIL} == {"completed"}, (
            after["last"]
        )
        kept = glob.glob(os.path.join(self._folder, "store", "**", "outcome.json"), recursive=True)
        assert kept == [], "what is recorded is not kept"
        return answer

    def _trace(self):
        try:
            with open(os.path.join(self._folder, "trace")) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _look(self):
        """Return what is recorded; None if no run is."""
        root = os.path.join(self._folder, "store")
        if not os.path.exists(os.path.join(root, "store.db")):
            return None
        database = Database(root)
        try:
            runs = database.select(Run)
            if not runs:
                return None
            (run,) = runs
            steps = database.select(StepRun, run_id=run.id)
            last = {step.invocation_id: step for step in steps}
            done = [step.invocation_id for step in steps if step.status in ("completed", "cached")]
            planned = {one.id for one in _plan(database, run).invocations}
            return {
                "id": run.id,
                "status": run.status,
                "completed": set(done),
                "times": Counter(done),
                "missing": planned - set(done) - MAY_FAIL,
                "kept": {
                    name
                    for name, step in last.items()
                    if step.status in ("running", "interrupted")
                    and kept_outcomes.read(
                        database.artifact_root, step.id, kept_outcomes.seal_of(database, step.id)
                    )
                },
                "last": {name: step.status for name, step in last.items()},
                "hooks": [hook.status for hook in database.select(HookRun, run_id=run.id)],
            }
        finally:
            database.close()


def _plan(database, run):
    from zenml.records import wire
    from zenml.records.plan import Plan

    return wire.decode(database.document(run.plan), Plan)


def random_kill(draw: random.Random, counts):
    """Return a point to be killed at: one of those that an undisturbed run passes, or any time."""
    kind = draw.choice(("mark", "before", "after", "time"))
    if kind == "time":
        return [kind, draw.uniform(0, counts["seconds"])]
    return [kind, draw.randint(1, max(1, counts["marks" if kind == "mark" else "commits"]))]
