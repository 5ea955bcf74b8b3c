"""What is deleted is gone with all that was said of it, and nothing of it is given again."""

import msgspec
import pytest
from store_samples import a_step, an_artifact, finished_step, started_run, write

from zenml.client.garbage import collect, find_garbage
from zenml.errors import RunStoppedError
from zenml.records import wire
from zenml.records.hooks import HookRun
from zenml.records.ids import new_id
from zenml.records.plan import PipelineOptions, Plan, Source
from zenml.records.run import Artifact, Metadata, Run, RunOutput, Tag
from zenml.store.removal import delete_artifact, delete_runs, delete_unused
from zenml.store.store import Notes, RunDocuments


def said(kind, target):
    return Notes(
        metadata=[Metadata(kind=kind, target_id=target, name="loss", value=1, created_at=1)],
        tags=[Tag(kind=kind, target_id=target, name="best")],
    )


def ended_run(store, **fields):
    run = started_run(store, **fields)
    write(store, run, run=msgspec.structs.replace(run, status="failed", ended_at=1))
    return run


@pytest.mark.parametrize("delete", [delete_artifact, lambda store, one: delete_unused(store, [one])])
def test_the_version_of_a_deleted_artifact_is_not_given_again(store, delete):
    kept, gone = (store.insert_artifact(an_artifact()) for _ in range(2))
    other = store.insert_artifact(an_artifact(name="other"))

    delete(store, gone.id)

    assert store.select(Artifact) == [kept, other]
    assert store.insert_artifact(an_artifact()).version == 3
    assert store.insert_artifact(an_artifact(name="other")).version == 2


def test_an_older_version_that_is_deleted_later_changes_no_number(store):
    first, second = (store.insert_artifact(an_artifact()) for _ in range(2))

    delete_artifact(store, second.id)
    delete_artifact(store, first.id)

    assert store.insert_artifact(an_artifact()).version == 3


def test_a_deleted_version_that_is_asked_for_by_its_number_is_given(store):
    delete_artifact(store, store.insert_artifact(an_artifact(version=7)).id)

    assert [store.insert_artifact(an_artifact(version=one)).version for one in (7, 0)] == [7, 8]


def test_what_was_said_of_a_run_and_its_steps_goes_with_it(store):
    run, other = started_run(store), started_run(store)
    step, kept = finished_step(store, run), finished_step(store, other)
    for notes in (said("run", run.id), said("step", step.id), said("run", other.id), said("step", kept.id)):
        store.annotate(notes)
    write(store, run, run=msgspec.structs.replace(run, status="completed", ended_at=1))

    assert delete_runs(store, [run.id]) == [run.id]

    for kind in (Metadata, Tag):
        assert {row.target_id for row in store.select(kind)} == {other.id, kept.id}


def test_what_was_said_of_a_step_stays_for_those_that_were_answered_with_its_result(store):
    run, other = started_run(store), started_run(store)
    step = finished_step(store, run)
    store.annotate(said("step", step.id))
    write(store, other, started=[a_step(other, status="cached", cached_from=step.id)])
    for one in (run, other):
        write(store, one, run=msgspec.structs.replace(one, status="completed", ended_at=1))

    delete_runs(store, [run.id])
    assert [row.target_id for row in store.select(Metadata)] == [step.id]

    delete_runs(store, [other.id])
    assert store.select(Metadata) == store.select(Tag) == []


def test_a_run_that_goes_on_keeps_what_was_said_of_it(store):
    run = started_run(store)
    store.annotate(said("run", run.id))

    assert delete_runs(store, [run.id]) == []

    assert len(store.select(Metadata)) == len(store.select(Tag)) == 1


@pytest.mark.parametrize("delete", [delete_artifact, lambda store, one: delete_unused(store, [one])])
def test_what_was_said_of_an_artifact_goes_with_it(store, delete):
    artifact, kept = (store.insert_artifact(an_artifact()) for _ in range(2))
    for one in (artifact, kept):
        store.annotate(Notes(metadata=said("artifact", one.id).metadata))

    delete(store, artifact.id)

    assert [row.target_id for row in store.select(Metadata)] == [kept.id]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_who_ends_a_run_late_learns_that_it_has_ended(store, is_deleted):
    """Its outputs and hooks are there already, or have no run to belong to: that says nothing to anybody."""
    run = started_run(store)
    end = msgspec.structs.replace(run, status="completed", ended_at=1)
    outputs = [RunOutput(run_id=run.id, position=0, artifact_id="a")]
    write(store, run, run=end, outputs=outputs)
    if is_deleted:
        delete_runs(store, [run.id])
    hook = HookRun(id=new_id(), run_id=run.id, hook="on_end", source=Source("a", "b"), created_at=1)

    with pytest.raises(RunStoppedError, match="deleted" if is_deleted else "completed"):
        write(store, run, run=end, outputs=outputs, hooks=[hook])

    assert store.select(HookRun) == []


@pytest.mark.parametrize("is_dynamic", [True, False])
def test_a_dry_run_tells_of_documents_what_then_goes(sqlite_store, is_dynamic):
    """While a dynamic run goes on no document goes: a step of it may be about to name one."""
    plan = Plan("p", None, PipelineOptions(), {}, (), is_dynamic=is_dynamic)
    documents = RunDocuments(wire.encode(plan), b"environment", {"nobody names it": b"def f(): ..."})
    store = sqlite_store
    run = msgspec.structs.replace(ended_run(store), id=new_id(), name="b", plan="other")
    delete_runs(store, [one.id for one in store.select(Run)])
    store.start_run(run, documents)

    told = find_garbage(store)

    assert collect(store, find_garbage(store)).documents == told.documents
    assert bool(told.documents) is not is_dynamic
