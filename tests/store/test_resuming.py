"""The transaction that takes a run over: one process wins, and nothing of the earlier owner goes on."""

import msgspec
import pytest
from store_samples import a_run, a_step, an_artifact, dead_run, finished_step, started_run, write

from zenml.errors import RunStoppedError
from zenml.records.run import Run, RunOutput, StepRun
from zenml.records.status import RESUMABLE

PLAN = {"plan-2": b"another plan"}


def resumed(store, run, **fields):
    """The record of a run as the one who resumes it wants it."""
    found = store.get(Run, run.id)
    return msgspec.structs.replace(
        found,
        **{
            "status": "running",
            "epoch": found.epoch + 1,
            "owner_id": store.owner().id,
            "ended_at": None,
            "reason": None,
            "failure": None,
            **fields,
        },
    )


@pytest.mark.parametrize("status", sorted(RESUMABLE))
def test_a_run_that_did_not_complete_is_taken_over(store, status):
    run = started_run(store)
    store.update(Run, run.id, status=status, ended_at=5, reason="x")

    assert store.resume_run(resumed(store, run, plan="plan-2"), PLAN)

    found = store.get(Run, run.id)
    assert (found.status, found.epoch, found.ended_at, found.reason) == ("running", 1, None, None)
    assert (found.plan, store.document("plan-2")) == ("plan-2", b"another plan")


@pytest.mark.parametrize("status", ["completed", "running", "stopping"])
def test_another_run_is_left_alone(store, status):
    run = started_run(store)
    store.update(Run, run.id, status=status)

    assert not store.resume_run(resumed(store, run), PLAN)
    assert (store.get(Run, run.id).status, store.document("plan-2")) == (status, None)


def test_of_two_one_wins(store):
    run = started_run(store)
    store.update(Run, run.id, status="failed")
    both = resumed(store, run), resumed(store, run)

    assert [store.resume_run(one, {}) for one in both] == [True, False]


def test_attempts_that_were_left_are_interrupted_and_the_others_stay(store):
    run = started_run(store)
    done = finished_step(store, run, invocation_id="done")
    left = [a_step(run, invocation_id=name, status=name) for name in ("running", "retrying")]
    write(store, run, started=left)
    store.update(Run, run.id, status="failed")

    store.resume_run(resumed(store, run), {})

    found = {step.id: step.status for step in store.select(StepRun, run_id=run.id)}
    assert found == {done.id: "completed", **{step.id: "interrupted" for step in left}}


def test_the_earlier_owner_writes_nothing_any_more(store):
    run = started_run(store)
    store.update(Run, run.id, status="stopped")
    again = resumed(store, run)
    store.resume_run(again, {})

    with pytest.raises(RunStoppedError):
        write(store, run, started=[a_step(run)])
    with pytest.raises(RunStoppedError):
        write(store, run, run=msgspec.structs.replace(run, status="completed"))

    write(store, again, started=[a_step(again)])
    assert store.get(Run, run.id).status == "running"


def test_the_run_of_a_dead_owner_belongs_to_who_resumes_it(store):
    run = dead_run(store)
    assert store.interrupt_dead_runs() == [run.id]

    assert store.resume_run(resumed(store, run), {})

    assert store.interrupt_dead_runs() == []
    assert store.get(Run, run.id).epoch == 2


def test_outputs_are_written_anew_at_the_end(store):
    run = started_run(store)
    artifact = an_artifact()
    finished_step(store, run, artifact)
    output = RunOutput(run_id=run.id, position=0, artifact_id=artifact.id)
    write(store, run, outputs=[output], run=msgspec.structs.replace(run, status="failed", ended_at=1))
    again = resumed(store, run)
    store.resume_run(again, {})

    write(store, again, outputs=[output], run=msgspec.structs.replace(again, status="completed", ended_at=2))

    assert store.select(RunOutput, run_id=run.id) == [output]


def test_a_run_that_is_gone_is_not_resumed(store):
    run = a_run(store.owner().id)

    assert not store.resume_run(run, {})
