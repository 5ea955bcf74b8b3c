"""The children of a resumed run: a completed one answers from its record, another one goes on as the same run."""

import shutil
import sys
from typing import Annotated

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.client.run_control import delete_runs
from zenml.execute.recorded_children import RecordedChildren
from zenml.records.plan import Invocation
from zenml.records.run import StepRun

pytestmark = pytest.mark.usefixtures("zenml_store")
calls: list[str] = []
"""What ran, in its order."""
broken: set[str] = set()
"""What fails."""


@pytest.fixture(autouse=True)
def _forget():
    calls.clear()
    broken.clear()


def note(text):
    """Add to the list without being code that reads it, which would count as changed code."""
    module = sys.modules[__name__]
    module.calls.append(text)
    if text in module.broken:
        raise ValueError(text)


@step(enable_cache=False)
def work(x: int) -> int:
    note(f"work {x}")
    return x + 1


@step(enable_cache=False)
def big(x: int) -> bytes:
    note("big")
    return bytes(100_000 + x)


@step(enable_cache=False)
def last(x: int) -> int:
    note("last")
    return x


@pipeline
def static(x: int):
    return work(work(x))


@pipeline(dynamic=True)
def dynamic(x: int):
    return work(work(x))


@pipeline(dynamic=True)
def pair(x: int) -> tuple[Annotated[int, "first"], Annotated[str, "second"]]:
    return work(x), "text"


@pipeline(dynamic=True)
def nothing(x: int):
    work(x)


def failed(outer, *texts):
    """Run a pipeline that fails, and return the run; nothing fails any more, and what ran is forgotten."""
    broken.update(texts)
    with pytest.raises(ValueError, match="|".join(texts)):
        outer()
    broken.clear()
    calls.clear()
    return Client().list_pipeline_runs(pipeline_name=outer.name).items[0]


@pytest.mark.parametrize("child", [static, dynamic], ids=["static", "dynamic"])
def test_a_completed_child_answers_with_what_it_recorded(child):
    @pipeline(dynamic=True)
    def outer():
        return last(child(1))

    run = failed(outer, "last").resume(pipeline=outer)

    assert calls == ["last"]
    assert run.outputs[0].load() == 3
    assert run.steps["last"].inputs["x"].id == run.children[0].outputs[0].id
    assert [one.record.epoch for one in run.children] == [0]


@pytest.mark.parametrize("child", [static, dynamic], ids=["static", "dynamic"])
def test_a_failed_child_goes_on_as_the_same_run(child):
    @pipeline(dynamic=True)
    def outer():
        return last(child(1))

    before = failed(outer, "work 2")
    run = before.resume(pipeline=outer)

    assert calls == ["work 2", "last"]
    assert [(one.id, one.record.epoch) for one in run.children] == [(before.children[0].id, 1)]
    assert run.steps[child.name].record.child_run_id == run.children[0].id


def test_outputs_go_by_their_names_also_from_the_record():
    @pipeline(dynamic=True)
    def outer():
        first, second = pair(1)
        nothing(5)
        future = pair.submit(3)
        assert (future["first"].load(), future.load()) == (4, (4, "text"))
        assert second.load() == "text"
        return last(first)

    assert failed(outer, "last").resume(pipeline=outer).outputs[0].load() == 2
    assert calls == ["last"]


def test_changed_code_goes_on_in_the_same_run():
    """The usual reason to resume: the step that failed was repaired, and its pipeline's code is another one."""
    rate = [1]

    @pipeline(dynamic=True)
    def inner(x: int):
        return last(work(x).load() * rate[0])

    @pipeline(dynamic=True)
    def outer():
        return inner(1)

    before = failed(outer, "last")
    rate[0] = 2
    run = before.resume(pipeline=outer)

    assert calls == ["last"]
    assert run.outputs[0].load() == 4
    assert [one.id for one in run.children] == [before.children[0].id]
    assert len({one.cache_key for one in run.attempts}) == 2


def test_other_arguments_go_on_in_the_same_run_which_records_them():
    given = [1]

    @pipeline(dynamic=True)
    def outer():
        return dynamic(given[0])

    before = failed(outer, "work 2")
    given[0] = 7
    run = before.resume(pipeline=outer)

    assert run.outputs[0].load() == 9
    assert calls == ["work 7", "work 8"]
    (child,) = run.children
    assert child.parameters == {"x": 7}


def test_a_completed_child_with_other_arguments_is_a_new_run():
    given = [1]

    @pipeline(dynamic=True)
    def outer():
        return last(dynamic(given[0]))

    before = failed(outer, "last")
    given[0] = 7
    run = before.resume(pipeline=outer)

    assert run.outputs[0].load() == 9
    assert len(run.children) == 2


def test_children_that_come_in_another_order_find_their_runs():
    order = [1, 11, 21]

    @pipeline(dynamic=True)
    def outer():
        return last(sum(one.load() for one in [dynamic.submit(x) for x in order]))

    before = failed(outer, "work 12", "work 22")
    ids = {one.parameters["x"]: one.id for one in before.children}
    order.reverse()
    run = before.resume(pipeline=outer)

    assert sorted(calls) == ["last", "work 12", "work 22"]
    assert {one.parameters["x"]: one.id for one in run.children} == ids
    assert run.outputs[0].load() == 3 + 13 + 23


def test_a_second_resume_finds_what_the_first_one_found():
    order = [1, 11]

    @pipeline(dynamic=True)
    def outer():
        return last(sum(one.load() for one in [dynamic.submit(x) for x in order]))

    before = failed(outer, "last")
    order.reverse()
    broken.add("last")
    with pytest.raises(ValueError, match="last"):
        before.resume(pipeline=outer)
    broken.clear()
    calls.clear()
    run = before.refresh().resume(pipeline=outer)

    assert calls == ["last"]
    assert len(run.children) == 2


def test_a_handled_child_that_failed_goes_on_too():
    @pipeline(dynamic=True)
    def outer():
        try:
            found = dynamic(1)
        except ValueError:
            found = 0
        return last(found)

    run = failed(outer, "work 2", "last").resume(pipeline=outer)

    assert calls == ["work 2", "last"]
    assert run.outputs[0].load() == 3


def test_a_child_whose_output_is_gone_is_made_again_as_a_new_run():
    @pipeline(dynamic=True)
    def making():
        return big(1)

    @step(enable_cache=False)
    def size(data: bytes) -> int:
        note("size")
        return len(data)

    @pipeline(dynamic=True)
    def outer():
        return size(making())

    before = failed(outer, "size")
    shutil.rmtree(Client().store.artifact_root)
    run = before.resume(pipeline=outer)

    assert calls == ["big", "size"]
    assert run.outputs[0].load() == 100_001


def test_a_deleted_child_is_made_again():
    @pipeline(dynamic=True)
    def outer():
        return last(dynamic(1))

    before = failed(outer, "last")
    delete_runs(Client().store, [before.children[0].id])
    run = before.refresh().resume(pipeline=outer)

    assert calls == ["work 1", "work 2", "last"]
    assert len(run.children) == 1


def test_children_inside_children_go_on():
    @pipeline(dynamic=True)
    def middle(x: int):
        return last(dynamic(x))

    @pipeline(dynamic=True)
    def outer():
        return work(middle(1))

    before = failed(outer, "last")
    run = before.resume(pipeline=outer)

    assert calls == ["last", "work 3"]
    assert len(Client().list_pipeline_runs().items) == 3
    assert run.children[0].children[0].record.epoch == 0


def row(name, attempt, key, status, child):
    """Return an attempt as far as it matters here."""
    invocation = Invocation(id=name, definition="d")
    return StepRun(
        id=f"{name}{attempt}",
        run_id="r",
        invocation_id=name,
        attempt=attempt,
        status=status,
        definition="d",
        invocation=invocation,
        cache_key=key,
        started_at=0,
        child_run_id=child,
    )


def go_on(children, name, key):
    return children.go_on_with(name, key, lambda step: True)


def test_a_run_is_given_once_and_to_its_own_call_first():
    rows = [row("a", 1, "k", "interrupted", "A"), row("b", 1, "k", "failed", "B")]
    children = RecordedChildren(rows, {})
    assert [go_on(children, name, "k") for name in ("b", "a", "c")] == ["B", "A", None]


def test_an_attempt_that_was_skipped_does_not_hide_the_run_before_it():
    rows = [row("a", 1, "k", "interrupted", "A"), row("a", 2, "k", "skipped", None)]
    assert go_on(RecordedChildren(rows, {}), "a", "k") == "A"


def test_a_run_that_has_completed_counts_for_the_same_content_only():
    rows = [row("a", 1, "k", "interrupted", "A")]
    assert go_on(RecordedChildren(rows, {"A": ()}), "a", "other") is None
    assert go_on(RecordedChildren(rows, {"A": ()}), "a", "k") == "A"
