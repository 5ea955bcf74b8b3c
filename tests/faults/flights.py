"""Two processes that want the same results: one of them is killed, and the other one loses nothing by it.

The leader is at work first, and its step returns when the follower waits for it. Whoever is killed is resumed at the
end. Of each step there is one result, which both runs have, whoever has made it.
"""

import os
import shutil

from looking import check_whole, outputs_of

from zenml.records.run import Run, StepRun
from zenml.store.database import Database

EXPECTED = 5
STEPS = 3
ROLES = ["leader", "follower"]


class Flight:
    """A leader and a follower in a store of their own, of which one is killed."""

    def __init__(self, zygote, folder):
        self._zygote, self._folder = zygote, str(folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        os.makedirs(self._folder)
        self.kills = 0
        self.takeover = None
        """Seconds from the death of the leader to the end of the follower; None if it did not die first."""

    def play(self, victim, kill):
        """Start both, and have one of them be killed at a point; then resume it. Return what they passed, by role."""
        said = self._zygote.play(
            shape="flight", folder=self._folder, resume=None, kill=kill, roles=ROLES, victim=victim
        )
        self.kills = sum(one["signal"] == 9 for one in said.values())
        for role, one in said.items():
            if not (role == victim and one["signal"] == 9):
                assert one.get("status") == "completed", one.get("error", one)
                assert one["outputs"] == [EXPECTED], one
        leader, follower = said["leader"], said["follower"]
        if leader["signal"] == 9 and leader["ended"] < follower["ended"]:
            self.takeover = follower["ended"] - leader["ended"]
        self._finish()
        return said

    def _finish(self):
        steps, runs = self._look(is_at_end=False)
        for run in runs:
            if run.status != "completed":
                said = self._zygote.play(shape="flight", folder=self._folder, resume=run.id, kill=None)
                assert said.get("status") == "completed", said.get("error", said)
        recorded = {step.invocation_id for step in steps if step.status == "completed"}
        assert len(recorded) == STEPS, f"the one that lives has all results: {recorded}"
        self._look(is_at_end=True)
        self._zygote.wait_until_alone()

    def _look(self, *, is_at_end):
        """Return steps and runs; of each step there is one result, and at the end everybody has it."""
        database = Database(os.path.join(self._folder, "store"))
        try:
            check_whole(database)
            steps, runs = database.select(StepRun), database.select(Run)
            made = [step.invocation_id for step in steps if step.status == "completed"]
            assert len(made) == len(set(made)), f"computed again although recorded: {made}"
            if is_at_end:
                assert {run.status for run in runs} == {"completed"}, runs
                assert [outputs_of(database, run.id) for run in runs] == [[EXPECTED]] * len(runs)
                done = [step for step in steps if step.status in ("completed", "cached")]
                assert len(done) == STEPS * len(runs), done
            return steps, runs
        finally:
            database.close()
