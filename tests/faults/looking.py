"""What is recorded of a run and of those that it calls, as anybody may find it at any moment."""

import os
from collections import Counter

from zenml.client.garbage import find_garbage
from zenml.client.store_check import check_store
from zenml.records import wire
from zenml.records.hooks import HookRun
from zenml.records.plan import Plan
from zenml.records.run import Run, StepRun
from zenml.records.waits import Wait
from zenml.views.run_view import RunView
from zenml.worker import kept_outcomes

MAY_FAIL = {"broken", "picky[3]"}
"""Steps whose failure a pipeline handles."""


def look(database, earlier=()):
    """Return what is recorded since some earlier runs; None if nothing is. Everything that is recorded has to be whole."""
    check_whole(database)
    runs = [run for run in database.select(Run) if run.id not in earlier]
    if not runs:
        return None
    (top,) = [run for run in runs if run.parent_id is None]
    steps = [step for step in database.select(StepRun) if step.run_id not in earlier]
    last = {name_of(step): step for step in steps if step.invocation_id not in MAY_FAIL}
    done = [name_of(step) for step in steps if step.status in ("completed", "cached")]
    planned = {f"{run.id}/{one.id}" for run in runs for one in plan_of(database, run).invocations}
    return {
        "id": top.id,
        "status": top.status,
        "runs": {run.id: run.status for run in runs},
        "completed": set(done),
        "times": Counter(done),
        "executions": sum(
            step.status == "completed" and step.invocation_id not in MAY_FAIL for step in steps
        ),
        "missing": planned - set(done),
        "kept": {
            name
            for name, step in last.items()
            if step.status in ("running", "interrupted") and outcome_of(database, step)
        },
        "last": {name: step.status for name, step in last.items()},
        "hooks": [hook.status for hook in database.select(HookRun)],
        "waits": [wait.status for wait in database.select(Wait)],
        "outcomes": outcomes_in(database.artifact_root),
    }


def check_whole(database):
    """Check that the database is whole, and that every artifact that it knows is there as it was stored."""
    check = check_store(database)
    assert check.is_whole, check


def name_of(step):
    return f"{step.run_id}/{step.invocation_id}"


def outcome_of(database, step):
    seal = kept_outcomes.seal_of(database, step.id)
    return kept_outcomes.read(database.artifact_root, step.id, seal)


def outcomes_in(folder):
    """Return of which attempts outcomes are kept; `glob` would pass over hidden folders."""
    return [os.path.basename(above) for above, _, names in os.walk(folder) if "outcome.json" in names]


def garbage_of(database):
    """Return what attempts have left that nobody wants any more."""
    return find_garbage(database, young=0).staging.keys()


def plan_of(database, run):
    return wire.decode(database.document(run.plan), Plan)


def outputs_of(database, run_id):
    """Return what a run has returned, which is compared with its digests."""
    return [output.load() for output in RunView(database.get(Run, run_id), database).outputs]
