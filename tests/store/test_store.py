"""What every store does, whatever keeps its records."""

import os
import signal
import threading

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import (
    DOCUMENTS,
    KINDS,
    TEXT,
    a_run,
    a_step,
    an_artifact,
    an_owner,
    dead_run,
    ended,
    finished_step,
    started_run,
    wild,
    write,
)

from zenml.errors import ConfigurationError, NotFoundError, RunStoppedError, ZenMLError
from zenml.records.hooks import HookRun
from zenml.records.ids import new_id
from zenml.records.models import Model, ModelLink, ModelVersion, StageChange
from zenml.records.query import OPERATORS, Query, read_condition, read_page, read_sort
from zenml.records.run import (
    Artifact,
    Document,
    Metadata,
    Owner,
    Pipeline,
    Run,
    Secret,
    StepInput,
    StepRun,
    Tag,
)
from zenml.records.schedules import Schedule, Scheduler, Tick
from zenml.records.stacks import Component, StackMember, StackRow
from zenml.store import owners, queries
from zenml.store.store import Notes

several_examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# Generic verbs


def a_schedule():
    return Schedule(
        id="s",
        name="s",
        pipeline_name="p",
        plan="",
        folder="",
        python="",
        since=0,
        created_at=0,
        updated_at=0,
    )


def parents_of(store, record):
    """Record what a record refers to; return the record with these references and unique names."""
    changes = {}
    if "id" in record.__struct_fields__:
        changes["id"] = new_id()
    if isinstance(record, Run):
        owner = an_owner()
        store.insert([owner])
        changes |= {
            "owner_id": owner.id,
            "pipeline_id": None,
            "parent_id": None,
            "original_id": None,
            "name": changes["id"],
        }
    if isinstance(record, (ModelVersion, ModelLink, StageChange)):
        model = store.models.create(new_id(), {})
        version = store.models.create_version(model.name, None)
        parent = {"model_id": model.id} if isinstance(record, ModelVersion) else {"version_id": version.id}
        changes |= parent
    if isinstance(record, ModelVersion):
        changes |= {"number": 2, "name": changes["id"]}
    if isinstance(record, StackMember):
        component = store.stacks.add_component("alerter", "slack", new_id(), {})
        changes |= {"stack_id": store.stacks.add(new_id(), ()).id, "component_id": component.id}
    if isinstance(record, (Pipeline, Secret, Model, Component, StackRow)):
        changes["name"] = changes["id"]
    if isinstance(record, Schedule):
        changes |= {"pipeline_id": None, "name": changes["id"]}
    if isinstance(record, Tick):
        schedule = msgspec.structs.replace(a_schedule(), id=new_id(), name=new_id())
        store.insert([schedule])
        changes |= {"schedule_id": schedule.id}
    if isinstance(record, Scheduler):
        changes["owner_id"] = new_id()
    if isinstance(record, Artifact):
        changes["name"] = changes["id"]
    if isinstance(record, Document):
        changes["digest"] = new_id()
    if isinstance(record, (Tag, Metadata)):
        changes["target_id"] = new_id()
    if isinstance(record, HookRun):
        changes["step_run_id"] = None
    if isinstance(record, (StepRun, StepInput)):
        step_run = a_step(started_run(store))
        if isinstance(record, StepRun):
            changes["run_id"] = step_run.run_id
        else:
            store.insert([step_run])
            changes["step_run_id"] = step_run.id
    elif hasattr(record, "run_id"):
        changes["run_id"] = started_run(store).id
    return msgspec.structs.replace(record, **changes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_a_record_comes_back_as_it_was_inserted(store, kind):
    @several_examples
    @given(wild(kind))
    def check(record):
        record = parents_of(store, record)
        key = "target_id" if kind in (Tag, Metadata) else kind.__struct_fields__[0]

        store.insert([record])

        assert store.select(kind, **{key: getattr(record, key)}) == [record]

    check()


def test_get_returns_none_for_an_unknown_id(store):
    assert store.get(Run, "0" * 24) is None


def test_select_with_a_tuple_finds_any_of_its_values(store):
    first, second, _ = (started_run(store) for _ in range(3))

    assert store.select(Run, id=(first.id, second.id)) == [first, second]


def test_select_with_an_empty_tuple_finds_nothing(store):
    started_run(store)

    assert store.select(Run, id=()) == []


def test_select_joins_several_fields_by_and(store):
    run = started_run(store, pipeline_name="a")
    started_run(store, pipeline_name="b")

    assert store.select(Run, pipeline_name="a", status="running") == [run]


def test_select_gives_the_oldest_first(store):
    runs = [started_run(store) for _ in range(5)]

    assert store.select(Run) == runs


def test_insert_is_all_or_none(store):
    owner = an_owner()

    with pytest.raises(ZenMLError):
        store.insert([owner, an_artifact(id="same"), an_artifact(id="same", version=2)])

    assert store.get(Owner, owner.id) is None


def test_update_changes_the_named_fields_only(store):
    run = started_run(store)

    assert store.update(Run, run.id, status="stopping")

    assert store.get(Run, run.id) == msgspec.structs.replace(run, status="stopping")


def test_update_of_an_unknown_id_tells_so(store):
    assert not store.update(Run, "0" * 24, status="stopping")


def test_delete_removes_one_record_and_tells_whether_it_was_there(store):
    first, second = an_artifact(name="a"), an_artifact(name="b")
    store.insert([first, second])

    assert store.delete(Artifact, first.id)
    assert not store.delete(Artifact, first.id)
    assert store.select(Artifact) == [second]


def test_deleting_a_run_deletes_its_steps(store):
    run = started_run(store)
    finished_step(store, run)

    store.delete(Run, run.id)

    assert store.select(StepRun, run_id=run.id) == []


# Queries


def names_found(store, **filters):
    conditions = tuple(read_condition(field, value) for field, value in filters.items())
    page = store.find(Artifact, Query(conditions, sort="name", is_descending=False))
    return [artifact.name for artifact in page.items]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "apple", ["apple"]),
        ("name", "equals:apple", ["apple"]),
        ("name", "contains:an", ["banana", "mango"]),
        ("name", "startswith:a", ["apple"]),
        ("name", "ne:apple", ["banana", "fig_1", "figs1", "mango"]),
        ("name", "oneof:apple,mango", ["apple", "mango"]),
        ("name", ["apple", "mango"], ["apple", "mango"]),
        ("name", [], []),
        ("name", "contains:_", ["fig_1"]),
        ("name", "contains:%", []),
        ("name", "contains:AN", []),
        ("name", "contains:", ["apple", "banana", "fig_1", "figs1", "mango"]),
        ("name", "startswith:A", []),
        ("name", "startswith:fig_", ["fig_1"]),
        ("name", "startswith:%", []),
        ("name", "startswith:", ["apple", "banana", "fig_1", "figs1", "mango"]),
        ("name", "unknown:apple", []),
        ("size", 2, ["banana"]),
        ("size", "2", ["banana"]),
        ("size", "gt:2", ["fig_1", "figs1", "mango"]),
        ("size", "gte:4", ["figs1", "mango"]),
        ("size", "lt:2", ["apple"]),
        ("size", "lte:2", ["apple", "banana"]),
    ],
)
def test_each_operator_filters(store, field, value, expected):
    names = ("apple", "banana", "fig_1", "figs1", "mango")
    store.insert([an_artifact(name=name, size=size) for size, name in enumerate(names, 1)])

    assert names_found(store, **{field: value}) == expected


@pytest.mark.parametrize("name", ["100%", "a_b", "back\\slash", "Größe", "naïve\u0301", "emoji 🎈 x"])
def test_contains_and_startswith_take_every_character_as_itself(store, name):
    store.insert([an_artifact(name=name), an_artifact(name="aXb"), an_artifact(name="100 times")])

    assert names_found(store, name=f"contains:{name[1:]}") == [name]
    assert names_found(store, name=f"startswith:{name[:-1]}{name[-1]}") == [name]
    assert names_found(store, name=f"contains:{name.swapcase()}") == [name] * (name.swapcase() == name)


def test_a_filter_for_none_finds_records_without_a_value(store):
    store.insert([an_artifact(name="a"), an_artifact("producer", name="b")])

    assert names_found(store, producer=None) == ["a"]


def test_filters_are_joined_by_and(store):
    store.insert(
        [an_artifact(name="a", size=1), an_artifact(name="b", size=1), an_artifact(name="c", size=2)]
    )

    assert names_found(store, size=1, name="ne:a") == ["b"]


@pytest.mark.parametrize(("direction", "expected"), [(False, [1, 2, 3]), (True, [3, 2, 1])])
def test_a_sort_goes_by_the_field_in_its_direction(store, direction, expected):
    store.insert(
        [an_artifact(name="b", size=2), an_artifact(name="c", size=3), an_artifact(name="a", size=1)]
    )

    page = store.find(Artifact, Query(sort="size", is_descending=direction))

    assert [artifact.size for artifact in page.items] == expected


def test_equal_values_are_sorted_by_time_of_creation(store):
    artifacts = [an_artifact(name=name, size=1) for name in "cab"]
    store.insert(artifacts)

    assert store.find(Artifact, Query(sort="size", is_descending=False)).items == artifacts


def test_created_stands_for_the_order_of_creation(store):
    runs = [started_run(store) for _ in range(3)]

    assert store.find(Run, Query(sort="created")).items == runs[::-1]


@given(count=st.integers(0, 7), size=st.integers(1, 4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_hold_every_record_once_and_know_the_total(store, count, size):
    name = new_id()
    artifacts = [an_artifact(name=name, version=number) for number in range(count)]
    store.insert(artifacts)
    conditions = (read_condition("name", name),)

    first = store.find(Artifact, Query(conditions, is_descending=False, size=size))
    pages = [
        store.find(Artifact, Query(conditions, is_descending=False, page=number, size=size))
        for number in range(1, first.total_pages + 1)
    ]

    assert [one for page in pages for one in page.items] == artifacts
    assert {page.total for page in pages} == {count}


def test_a_query_for_a_tag_finds_what_has_it(store):
    run, other = started_run(store), started_run(store)
    store.insert(
        [Tag(kind="run", target_id=run.id, name="x"), Tag(kind="artifact", target_id=other.id, name="x")]
    )

    assert store.find(Run, Query(tag="x")).items == [run]


@pytest.mark.parametrize("query", [Query((read_condition("stauts", "failed"),)), Query(sort="stauts")])
def test_an_unknown_field_is_refused_with_a_close_match(store, query):
    with pytest.raises(
        ConfigurationError, match=r"Run records have no field `stauts`.*Did you mean `status`\?"
    ):
        store.find(Run, query)


def test_an_unknown_field_without_a_close_match_is_refused_with_all_fields(store):
    with pytest.raises(ConfigurationError, match=r"Fields are: .*, status"):
        store.find(Run, Query((read_condition("zzz", "1"),)))


ANY_TEXT = st.text(max_size=30) | st.tuples(st.sampled_from(OPERATORS), st.text(max_size=20)).map(":".join)


@given(
    field=st.sampled_from(Run.__struct_fields__) | TEXT,
    value=ANY_TEXT | st.integers() | st.lists(ANY_TEXT, max_size=3) | st.floats() | st.none() | st.booleans(),
    sort=st.sampled_from(("desc:created", "status", "asc:name")) | st.text(max_size=10),
    page=st.integers(),
    size=st.integers(),
    tag=st.none() | st.text(max_size=5),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_query_or_a_configuration_error(store, field, value, sort, page, size, tag):
    try:
        by, is_descending = read_sort(sort)
        number, items = read_page(page, size)
        query = Query(
            (read_condition(field, value),), by, is_descending=is_descending, page=number, size=items, tag=tag
        )
        store.find(Run, query)
    except ConfigurationError:
        pass


@pytest.mark.parametrize(
    "value",
    ["\udcff", "contains:\ud800", 2**70, ["a", "\udcff"], "oneof:" + "," * 300_000, object()],
    ids=["surrogate", "surrogate-part", "huge", "surrogate-item", "many", "object"],
)
def test_a_value_that_no_record_can_have_is_a_configuration_error(store, value):
    with pytest.raises(ConfigurationError, match="`name`"):
        store.find(Run, Query((read_condition("name", value),)))


# Starting a run


def test_a_run_is_recorded_with_its_owner_pipeline_documents_and_tags(store):
    options = msgspec.structs.replace(a_run("").options, tags=("night", "a"))
    run = started_run(store, pipeline_id="p" * 24, options=options)

    assert store.get(Run, run.id) == run
    assert store.get(Owner, run.owner_id) == store.owner()
    assert store.get(Pipeline, "p" * 24).name == run.pipeline_name
    assert store.document(run.plan) == b"plan"
    assert store.document(run.environment) == b"environment"
    assert store.document("code-1") == b"def f(): ..."
    assert {tag.name for tag in store.select(Tag, target_id=run.id)} == {"a", "night"}


def test_runs_of_one_plan_share_their_documents(store):
    for _ in range(3):
        started_run(store, pipeline_id="p" * 24)

    assert len(store.select(Document)) == 3
    assert len(store.select(Pipeline)) == 1
    assert len(store.select(Owner)) == 1


def test_a_run_name_is_given_once(store):
    first = started_run(store, name="mine")

    assert not store.start_run(a_run(store.owner().id, name="mine"), DOCUMENTS)

    assert store.select(Run) == [first]


def test_an_unknown_document_is_none(store):
    assert store.document("0" * 32) is None


# Transactions of a run


def test_what_a_run_writes_is_recorded(store):
    run = started_run(store)
    step = a_step(run)
    artifact = an_artifact(step.id)
    taken = StepInput(step_run_id=step.id, name="x", position=0, artifact_id="a")

    write(store, run, started=[step], inputs=[taken])
    write(store, run, ended=[ended(step, artifact)])

    assert store.get(StepRun, step.id).status == "completed"
    assert store.get(Artifact, artifact.id).version == 1
    assert store.select(StepInput, step_run_id=step.id) == [taken]


def test_a_transaction_that_raises_leaves_nothing(store):
    run = started_run(store)

    with pytest.raises(KeyError), store.run_transaction(run) as transaction:  # noqa: PT012  the body raises late
        transaction.write(queries_batch(started=[a_step(run)]))
        raise KeyError

    assert store.select(StepRun) == []


def queries_batch(**fields):
    from zenml.store.store import Batch

    return Batch(**fields)


@pytest.mark.parametrize("status", ["completed", "failed", "retried", "stopped", "interrupted"])
def test_an_ended_step_cannot_end_again(store, status):
    run = started_run(store)
    step = a_step(run)
    write(store, run, started=[step])
    write(store, run, ended=[ended(step, status=status)])

    with pytest.raises(RunStoppedError):
        write(store, run, ended=[ended(step, an_artifact(step.id), status="completed")])

    assert store.get(StepRun, step.id).status == status
    assert store.select(Artifact) == []


@pytest.mark.parametrize("status", ["running", "cached", "skipped"])
def test_an_announced_attempt_begins_in_the_row_it_has(store, status):
    run = started_run(store)
    announced = a_step(run, status="retrying", attempt=2, started_at=5_000_000)
    write(store, run, started=[announced])

    begun = msgspec.structs.replace(
        announced, status=status, started_at=6_000_000, cache_key="k", reason="why"
    )
    write(store, run, started=[begun])

    assert store.select(StepRun) == [begun]


def test_an_announced_attempt_begins_only_once(store):
    run = started_run(store)
    step = a_step(run)
    write(store, run, started=[step])

    with pytest.raises(RunStoppedError):
        write(store, run, started=[msgspec.structs.replace(step, status="skipped")])

    assert store.get(StepRun, step.id).status == "running"


def test_an_announced_attempt_does_not_begin_for_an_old_owner(store):
    run = started_run(store)
    announced = a_step(run, status="retrying")
    write(store, run, started=[announced])
    store.update(Run, run.id, epoch=1)

    with pytest.raises(RunStoppedError):
        write(store, run, started=[msgspec.structs.replace(announced, status="running")])

    assert store.get(StepRun, announced.id).status == "retrying"


def test_no_attempt_of_an_ended_run_waits_for_its_time(store):
    run = started_run(store)
    announced = a_step(run, status="retrying", cache_key="k")
    write(store, run, started=[announced])
    assert store.look_up(["k"]) == {}

    write(store, run, run=msgspec.structs.replace(run, status="failed"))

    assert store.get(StepRun, announced.id).status == "interrupted"


def test_an_attempt_of_a_dead_owner_no_longer_waits_for_its_time(store):
    run = dead_run(store)
    announced = a_step(run, status="retrying")
    store.insert([announced])

    store.interrupt_dead_runs()

    assert store.get(StepRun, announced.id).status == "interrupted"


def test_a_step_that_was_never_started_cannot_end(store):
    run = started_run(store)

    with pytest.raises(RunStoppedError):
        write(store, run, ended=[ended(a_step(run))])


@pytest.mark.parametrize("status", ["completed", "failed", "stopped", "interrupted"])
def test_an_ended_run_starts_no_step(store, status):
    run = started_run(store)
    write(store, run, run=msgspec.structs.replace(run, status=status))

    with pytest.raises(RunStoppedError, match=f"Run `{run.name}` is recorded as {status}"):
        write(store, run, started=[a_step(run)])


def test_an_ended_run_cannot_end_again(store):
    run = started_run(store)
    write(store, run, run=msgspec.structs.replace(run, status="failed"))

    with pytest.raises(RunStoppedError):
        write(store, run, run=msgspec.structs.replace(run, status="completed"))

    assert store.get(Run, run.id).status == "failed"


@pytest.mark.parametrize("count", [1, 3])
def test_a_run_that_was_taken_over_starts_no_step_for_its_old_owner(store, count):
    run = started_run(store)
    store.update(Run, run.id, epoch=1)

    with pytest.raises(RunStoppedError, match="no longer owns it"):
        write(store, run, started=[a_step(run, invocation_id=f"s{i}") for i in range(count)])

    assert store.select(StepRun) == []


def test_a_run_that_was_taken_over_does_not_end_for_its_old_owner(store):
    run = started_run(store)
    store.update(Run, run.id, epoch=1)

    with pytest.raises(RunStoppedError):
        write(store, run, run=msgspec.structs.replace(run, status="completed"))

    assert store.get(Run, run.id).status == "running"


def test_no_step_of_an_ended_run_stays_running(store):
    """Otherwise other runs would wait for its result for as long as this process lives."""
    run = started_run(store)
    step = a_step(run, cache_key="k")
    write(store, run, started=[step])

    write(store, run, run=msgspec.structs.replace(run, status="failed"))

    assert store.get(StepRun, step.id).status == "interrupted"
    assert store.look_up(["k"]) == {}


def test_versions_of_a_name_increase_by_one(store):
    run = started_run(store)
    for number in range(4):
        finished_step(store, run, an_artifact(), an_artifact(name="other"), invocation_id=f"s{number}")

    assert [one.version for one in store.select(Artifact, name="model")] == [1, 2, 3, 4]
    assert [one.version for one in store.select(Artifact, name="other")] == [1, 2, 3, 4]


def test_versions_have_no_gaps_under_threads(store):
    start = threading.Barrier(8)

    def add():
        start.wait(30)
        for _ in range(10):
            store.insert_artifact(an_artifact())

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(one.version for one in store.select(Artifact)) == list(range(1, 81))


def test_versions_have_no_gaps_under_processes(shared_store, start_process, root):
    processes = [start_process("add_versions", root, 10) for _ in range(4)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()
    for process in processes:
        assert process.hear() == ["done"]

    assert sorted(one.version for one in shared_store.select(Artifact)) == list(range(1, 41))


def test_an_artifact_outside_a_run_comes_back_with_version_and_signature(store):
    artifact = store.insert_artifact(an_artifact())

    assert artifact.version == 1
    assert store.is_trusted(artifact)


# Looking up the cache


def test_the_newest_finished_result_wins(store):
    run = started_run(store)
    finished_step(store, run, cache_key="k", invocation_id="first")
    newest = finished_step(store, run, cache_key="k", invocation_id="second")

    assert store.look_up(["k"])["k"].step_run_id == newest.id


def test_a_finished_result_beats_later_work_in_flight(store):
    run = started_run(store)
    done = finished_step(store, run, cache_key="k", invocation_id="first")
    write(store, run, started=[a_step(run, cache_key="k", invocation_id="second")])

    assert store.look_up(["k"])["k"].step_run_id == done.id


def test_work_in_flight_is_reported(store):
    run = started_run(store)
    step = a_step(run, cache_key="k")
    write(store, run, started=[step])

    entry = store.look_up(["k"])["k"]

    assert (entry.step_run_id, entry.run_id, entry.is_finished) == (step.id, run.id, False)


@pytest.mark.parametrize("status", ["failed", "stopped", "interrupted"])
def test_what_did_not_succeed_is_no_result(store, status):
    run = started_run(store)
    step = a_step(run, cache_key="k")
    write(store, run, started=[step])
    write(store, run, ended=[ended(step, status=status)])

    assert store.look_up(["k"]) == {}


def test_a_cached_step_is_no_result_of_its_own(store):
    run = started_run(store)
    done = finished_step(store, run, cache_key="k", invocation_id="first")
    write(store, run, started=[a_step(run, cache_key="k", invocation_id="second", status="cached")])

    assert store.look_up(["k"])["k"].step_run_id == done.id


def test_outputs_come_with_the_result_without_their_bytes(store):
    run = started_run(store)
    finished_step(store, run, an_artifact(output="a"), an_artifact(output="b", name="n"), cache_key="k")

    artifacts = store.look_up(["k"])["k"].artifacts

    assert {(one.output, one.inline) for one in artifacts} == {("a", None), ("b", None)}


def test_bytes_of_a_small_artifact_are_read_by_id(store):
    artifact = store.insert_artifact(an_artifact(inline=b"\0bytes"))

    assert store.inline_bytes(artifact.id) == b"\0bytes"


@pytest.mark.parametrize("is_known", [True, False])
def test_bytes_that_are_not_in_the_store_are_not_found(store, is_known):
    artifact = an_artifact(inline=None, key="folder")
    if is_known:
        store.insert([artifact])

    with pytest.raises(NotFoundError, match=artifact.id):
        store.inline_bytes(artifact.id)


def test_more_keys_than_one_statement_takes_are_all_looked_up(store):
    run = started_run(store)
    count = 2 * queries.CHUNK + 1
    for number in (0, queries.CHUNK, count - 1):
        finished_step(store, run, cache_key=f"k{number}", invocation_id=f"s{number}")

    found = store.look_up([f"k{number}" for number in range(count)])

    assert set(found) == {"k0", f"k{queries.CHUNK}", f"k{count - 1}"}


def test_outputs_are_found_by_producer(store):
    run = started_run(store)
    one = finished_step(store, run, an_artifact(), an_artifact(name="b"), invocation_id="one")
    two = finished_step(store, run, an_artifact(name="c"), invocation_id="two")

    found = store.outputs_of([one.id, two.id])

    assert {producer: [a.name for a in artifacts] for producer, artifacts in found.items()} == {
        one.id: ["model", "b"],
        two.id: ["c"],
    }


def test_a_dead_owners_work_is_interrupted_when_a_run_looks_it_up(store):
    dead = dead_run(store)
    step = a_step(dead, cache_key="k")
    store.insert([step])
    run = started_run(store)

    with store.run_transaction(run) as transaction:
        assert transaction.look_up(["k"]) == {}

    assert store.get(StepRun, step.id).status == "interrupted"
    assert store.get(Run, dead.id).status == "interrupted"


def test_a_living_owners_work_is_reported_to_other_runs(store):
    first, second = started_run(store), started_run(store)
    step = a_step(first, cache_key="k")
    write(store, first, started=[step])

    with store.run_transaction(second) as transaction:
        assert transaction.look_up(["k"])["k"].step_run_id == step.id


# Trust


@pytest.mark.parametrize(
    "change",
    [
        {"type": "str"},
        {"materializer": "pickle"},
        {"digest": "sha256:2"},
        {"size": 2},
        {"key": "other"},
        {"store_id": "other"},
        {"needs_trust": True},
        {"signature": b""},
        {"signature": b"x" * 32},
    ],
    ids=str,
)
def test_a_changed_identity_is_not_trusted(store, change):
    artifact = store.insert_artifact(an_artifact())

    assert not store.is_trusted(msgspec.structs.replace(artifact, **change))


@pytest.mark.parametrize(
    "change", [{"name": "b"}, {"version": 9}, {"producer": "p"}, {"created_at": 1}], ids=str
)
def test_what_an_artifact_is_called_does_not_matter_for_trust(store, change):
    artifact = store.insert_artifact(an_artifact())

    assert store.is_trusted(msgspec.structs.replace(artifact, **change))


def test_artifacts_of_another_store_are_not_trusted(store, tmp_path):
    from zenml.store.database import Database

    other = Database(str(tmp_path / "other"))

    assert not store.is_trusted(other.insert_artifact(an_artifact()))
    other.close()


# Dead and living owners


def test_runs_of_a_dead_owner_are_interrupted_with_their_steps(store):
    run = dead_run(store)
    running, done = a_step(run), a_step(run, invocation_id="b", status="completed")
    store.insert([running, done])

    assert store.interrupt_dead_runs() == [run.id]

    assert store.get(Run, run.id).status == "interrupted"
    assert store.get(StepRun, running.id).status == "interrupted"
    assert store.get(StepRun, done.id).status == "completed"


def test_an_interruption_says_who_is_gone_and_when(store):
    run = dead_run(store)

    store.interrupt_dead_runs()

    found = store.get(Run, run.id)
    assert f"process {2**22 + 1} on {store.owner().host} is gone" in found.reason
    assert found.ended_at >= run.created_at


def test_an_interruption_raises_the_epoch(store):
    run = dead_run(store)

    store.interrupt_dead_runs()

    assert store.get(Run, run.id).epoch == run.epoch + 1
    with pytest.raises(RunStoppedError, match="is gone"):
        write(store, run, started=[a_step(run)])


def test_a_dead_owner_is_found_once(store):
    dead_run(store)
    store.interrupt_dead_runs()

    assert store.interrupt_dead_runs() == []


@pytest.mark.parametrize("status", ["completed", "failed", "stopped", "interrupted"])
def test_ended_runs_of_a_dead_owner_stay_as_they_are(store, status):
    run = dead_run(store, status=status)

    assert store.interrupt_dead_runs() == []

    assert store.get(Run, run.id) == run


def test_runs_of_this_process_are_never_interrupted(store):
    started_run(store)

    assert store.interrupt_dead_runs() == []


def test_runs_of_another_host_are_left_to_their_heartbeat(store):
    owner = an_owner()
    store.insert([owner, a_run(owner.id)])

    assert store.interrupt_dead_runs() == []


def test_a_process_that_holds_its_lease_is_alive(shared_store, start_process, root):
    child = start_process("own", root)
    child.hear()

    assert shared_store.interrupt_dead_runs() == []


def test_a_stopped_process_is_alive(shared_store, start_process, root):
    child = start_process("own", root)
    child.hear()
    child.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)

    assert shared_store.interrupt_dead_runs() == []


def test_looking_at_a_lease_does_not_take_it_away(sqlite_store, start_process, root):
    child = start_process("own", root)
    owner_id, _ = child.hear()

    for _ in range(3):
        assert owners.lease_is_held(root, owner_id)


def test_a_killed_process_is_dead_and_its_lease_goes(shared_store, start_process, root):
    child = start_process("own", root)
    owner_id, run_id = child.hear()
    child.kill()

    assert shared_store.interrupt_dead_runs() == [run_id]

    assert owner_id not in os.listdir(os.path.join(shared_store.root, "leases"))


def test_the_lease_of_a_dead_owner_goes_too_when_a_look_up_finds_it(shared_store, start_process, root):
    child = start_process("own", root)
    owner_id, run_id = child.hear()
    child.kill()
    shared_store.insert([a_step(shared_store.get(Run, run_id), cache_key="k")])

    with shared_store.run_transaction(started_run(shared_store)) as transaction:
        transaction.look_up(["k"])

    assert owner_id not in os.listdir(os.path.join(shared_store.root, "leases"))


def test_a_killed_owner_is_dead_even_while_its_forked_child_lives(shared_store, start_process, root):
    parent = start_process("own_and_fork", root)
    _, run_id, _, child_run, _ = parent.hear()
    parent.kill()

    assert shared_store.interrupt_dead_runs() == [run_id]
    assert shared_store.get(Run, child_run).status == "running"


def test_a_forked_child_is_an_owner_of_its_own(shared_store, start_process, root):
    parent = start_process("own_and_fork", root)
    owner_id, _, child_owner, _, _ = parent.hear()

    assert child_owner != owner_id
    assert shared_store.get(Owner, child_owner).pid != shared_store.get(Owner, owner_id).pid


def test_the_parents_lease_stays_when_its_child_becomes_an_owner(sqlite_store, start_process, root):
    parent = start_process("own_and_fork", root)
    owner_id, _, child_owner, _, _ = parent.hear()

    assert owners.lease_is_held(root, owner_id)
    assert owners.lease_is_held(root, child_owner)


def test_a_later_process_with_the_same_pid_is_not_the_owner(store):
    mine = store.owner()
    dead = an_owner(host=mine.host, boot_id=mine.boot_id, pid=mine.pid, process_start="1")
    run = a_run(dead.id)
    store.insert([dead, run])

    assert store.interrupt_dead_runs() == [run.id]


def test_a_process_of_an_earlier_boot_is_not_alive(store):
    mine = store.owner()
    dead = an_owner(host=mine.host, boot_id="earlier", pid=mine.pid, process_start=mine.process_start)
    run = a_run(dead.id)
    store.insert([dead, run])

    assert store.interrupt_dead_runs() == [run.id]


def test_one_process_is_one_owner_of_a_store(store):
    assert store.owner() == store.owner()


def test_a_store_can_be_used_again_after_it_was_closed(shared_store):
    run = started_run(shared_store)
    shared_store.close()

    assert shared_store.get(Run, run.id) == run
    started_run(shared_store)
    shared_store.wait_durable()


def test_documents_hold_what_a_run_was_given(store):
    run = started_run(store)

    assert {one.digest for one in store.select(Document)} == {run.plan, run.environment, *DOCUMENTS.sources}


# Metadata and tags


def logged(value, created_at, target="a"):
    return Metadata(kind="run", target_id=target, name="loss", value=value, created_at=created_at)


def tagged(target, name="best", kind="run", **rules):
    return Tag(kind=kind, target_id=target, name=name, **rules)


def test_every_value_that_was_logged_is_kept(store):
    store.annotate(Notes(metadata=[logged(2, 10), logged(1, 11)]))

    assert [row.value for row in store.select(Metadata, name="loss")] == [2, 1]


def test_the_later_of_two_values_of_one_microsecond_holds(store):
    store.annotate(Notes(metadata=[logged(2, 10), logged(1, 10)]))

    assert [row.value for row in store.select(Metadata, name="loss")] == [1]


def test_a_tag_is_put_on_once_with_what_was_said_last(store):
    store.annotate(Notes(tags=[tagged("a", color="red")]))
    store.annotate(Notes(tags=[tagged("a", color="blue", is_cascading=True)]))

    assert store.select(Tag, target_id="a") == [tagged("a", color="blue", is_cascading=True)]


def test_of_an_addition_and_a_removal_the_later_one_counts():
    notes = Notes()
    notes.tag([tagged("a"), tagged("b")])
    notes.untag([tagged("a")])
    notes.tag([tagged("c")])
    notes.untag([tagged("c")])
    notes.tag([tagged("c")])

    assert [tag.target_id for tag in notes.tags] == ["b", "c"]
    assert [tag.target_id for tag in notes.untagged] == ["a"]


def test_an_exclusive_tag_leaves_the_other_runs_of_its_pipeline_only(store):
    first, second = started_run(store), started_run(store)
    other = started_run(store, pipeline_name="other")
    for run in (first, other, second):
        store.annotate(Notes(tags=[tagged(run.id, is_exclusive=True)]))

    assert {tag.target_id for tag in store.select(Tag, name="best")} == {second.id, other.id}


def test_an_exclusive_tag_leaves_the_other_versions_of_its_artifact_only(store):
    first, second, other = (
        store.insert_artifact(an_artifact(name=name)) for name in ("model", "model", "data")
    )
    for artifact in (first, other, second):
        store.annotate(Notes(tags=[tagged(artifact.id, kind="artifact", is_exclusive=True)]))

    assert {tag.target_id for tag in store.select(Tag, name="best")} == {second.id, other.id}


def test_a_cascading_tag_finds_what_the_run_made_and_saved(store):
    run = started_run(store)
    step = finished_step(store, run, an_artifact(name="output"))
    write(store, run, saved=[an_artifact(name="saved", saved_by=step.id)])
    store.insert_artifact(an_artifact(name="elsewhere"))
    store.annotate(Notes(tags=[tagged(run.id, "night", is_cascading=True), tagged(run.id, "day")]))

    assert {one.name for one in store.find(Artifact, Query(tag="night")).items} == {"output", "saved"}
    assert store.find(Artifact, Query(tag="day")).items == []


def test_what_a_step_said_is_written_only_by_the_owner_of_its_run(store):
    run = started_run(store)
    store.update(Run, run.id, epoch=1)

    with pytest.raises(RunStoppedError):
        write(store, run, notes=Notes(metadata=[logged(1, 1, run.id)]))

    assert store.select(Metadata, target_id=run.id) == []


def test_a_version_that_is_asked_for_is_given_unless_it_is_taken(store):
    versions = [store.insert_artifact(an_artifact(version=version)).version for version in (7, 0, 7, 3)]

    assert versions == [7, 8, 9, 3]
