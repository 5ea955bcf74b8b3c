"""Rounds of killing and resuming, and what has to hold after each."""

import os
import random
import shutil

from looking import garbage_of, look, outputs_of
from shapes import APART, BROKEN, PREPARED

from zenml.records.run import Metadata, Run, StepRun, Tag
from zenml.store.database import Database

COUNTED = {
    "mark": "marks",
    "before": "points",
    "after": "points",
    "child before": "child points",
    "child after": "child points",
}
"""What a run counts of each kind of point."""
VARYING = {"tasks", "tasks_asking"}
"""Shapes whose calls come in another order each time, so that a result is found under another id."""
MOST_PLAYS = 12
"""More processes than a run needs that nobody kills: one for each question, and one."""


class Round:
    """One run in a store of its own, killed as often as one likes, and resumed until it completes."""

    def __init__(self, zygote, shape, expected, folder):
        self._zygote, self._shape, self._expected = zygote, shape, expected
        self._folder = str(folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        self.kills = 0
        self.was_kept = False
        """Whether an isolated step had ended, and its owner died before that was recorded."""
        self._told = False
        """Whether a process that nobody killed said what the completed run has returned."""
        self._seen = None
        """What was found since a process has done anything."""
        self._earlier = set()
        if shape in PREPARED:
            self._prepare()
        else:
            os.makedirs(self._folder)

    def _prepare(self):
        """Have the pipeline have run once; rounds in one folder share that run."""
        prepared = f"{self._folder}.{self._shape}"
        if not os.path.exists(prepared):
            os.makedirs(self._folder)
            said = self._zygote.play(shape=self._shape, folder=self._folder, resume=None, kill=None)
            assert said["status"] == "completed", said
            os.rename(self._folder, prepared)
        shutil.copytree(prepared, self._folder)
        self._earlier = self._with_database(lambda database: {run.id for run in database.select(Run)})

    def play(self, kill=None):
        """Start the run, or resume it, in a process that is killed at a point; then look at what holds."""
        before = self._look()
        trace = self._trace()
        self.was_kept = self.was_kept or bool(before and before["kept"])
        answer = self._zygote.play(
            shape=self._shape, folder=self._folder, resume=before and before["id"], kill=kill
        )
        self._seen = None
        self.kills += (answer["signal"] == 9) + answer["child killed"]
        self._check_end(answer)
        new = self._trace()[len(trace) :]
        begun = {line.split()[0] for line in new if line.endswith(" begins")}
        if before and self._shape not in VARYING:
            again = begun & (before["completed"] | before["kept"])
            assert not again, f"executed again although recorded: {again}"
        if self._shape in PREPARED:
            assert not begun, f"executed although there is a stored result: {begun}"
        return answer

    def _check_end(self, answer):
        """Check how a process ended: as the run does undisturbed, or with the step whose process was killed."""
        status = answer.get("status")
        assert status != "hang", answer["error"]
        if status == "completed":
            self._told = True
            assert answer["outputs"] == [self._expected], answer["outputs"]
        if status != "error":
            assert status or answer["signal"] == 9, answer
            return
        mended = os.path.join(self._folder, "trace.mended")
        is_of_child = answer["kind"] == "StepProcessError" and "was ended by SIGKILL" in answer["error"]
        is_broken = answer["kind"] == "ValueError" and BROKEN in answer["error"]
        assert (is_of_child and answer["child killed"]) or (is_broken and not os.path.exists(mended)), answer[
            "error"
        ]
        assert self._look()["status"] == "failed"
        if is_broken:
            open(mended, "w").close()

    def play_until_killed(self, kill):
        """Start the run and go on with it, until it is killed at a point, in whichever of its processes that is."""
        kind, at, *label = kill
        while not self.is_complete():
            said = self.play(kill=[kind, at, *label])
            if said["signal"] or said["child killed"] or kind == "time":
                break
            at -= said["labels"].count(label[0]) if label else said[COUNTED[kind]]
            if at <= 0:
                break

    def is_complete(self):
        """Tell whether the run is recorded as completed: it was killed after that."""
        found = self._look()
        return found is not None and found["status"] == "completed"

    def finish(self):
        """Resume, mend, and answer what is asked, until nothing is left to do; everything has to be there, once."""
        sums = {"marks": 0, "points": 0, "child points": 0, "labels": []}
        for _ in range(MOST_PLAYS):
            if self.is_complete():
                break
            said = self.play()
            sums = {name: sums[name] + said[name] for name in sums}
        if self._shape in APART:
            self._zygote.wait_until_alone()
            self._seen = None
        after = self._look()
        assert after["status"] == "completed"
        assert set(after["runs"].values()) == {"completed"}, after["runs"]
        if self._shape not in VARYING:
            assert set(after["times"].values()) == {1}, after["times"]
        assert after["executions"] == (0 if self._shape in PREPARED else len(after["last"])), after
        assert after["missing"] == set(), after
        assert "pending" not in after["hooks"], after["hooks"]
        assert set(after["last"].values()) <= {"completed", "cached"}, after["last"]
        assert set(after["waits"]) <= {"answered"}, after["waits"]
        if self._told and len(after["runs"]) == 1:
            assert after["outcomes"] == [], "what is recorded is not kept"
        elif after["outcomes"]:  # a process was killed after it had recorded the end of one of the runs
            assert set(after["outcomes"]) <= self._with_database(garbage_of), "it is left, but is no garbage"
        if not self._told:
            outputs = self._with_database(lambda database: outputs_of(database, after["id"]))
            assert outputs == [self._expected], outputs
        return {**sums, "runs": len(after["runs"]), "steps": len(after["last"])}

    def told(self):
        """Return what steps have said of themselves and of the run: values by name, and tags."""
        return self._with_database(told_in)

    def _trace(self):
        try:
            with open(os.path.join(self._folder, "trace")) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _look(self):
        """Return what is recorded of the run and those that it calls; None if none is."""
        if not os.path.exists(os.path.join(self._folder, "store", "store.db")):
            return None
        if self._seen is None:
            self._seen = self._with_database(lambda database: look(database, self._earlier))
        return self._seen

    def _with_database(self, do):
        database = Database(os.path.join(self._folder, "store"))
        try:
            return do(database)
        finally:
            database.close()


def told_in(database):
    (run,) = database.select(Run)
    steps = [step.id for step in database.select(StepRun, status="completed")]
    said = database.select(Metadata, kind="step", target_id=steps)
    tags = database.select(Tag, kind="run", target_id=run.id)
    return {one.name: one.value for one in said}, [tag.name for tag in tags]


def random_kill(draw: random.Random, counts):
    """Return a point to be killed at: one of those that an undisturbed run passes, or any time."""
    kinds = [kind for kind, counted in COUNTED.items() if counts[counted]]
    kind = draw.choice((*kinds, "time"))
    if kind == "time":
        return [kind, draw.uniform(0, counts["seconds"])]
    return [kind, draw.randint(1, counts[COUNTED[kind]])]
