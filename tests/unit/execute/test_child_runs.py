"""A pipeline that is called in a dynamic one is a run of its own, and one invocation of the run that calls it."""

import os
import shutil
import threading
from typing import Annotated

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.client.run_control import delete_runs
from zenml.errors import ContextError, DeclarationError, StepCancelledError
from zenml.execute import child_runs

pytestmark = pytest.mark.usefixtures("zenml_store")


@step
def increment(x: int) -> int:
    return x + 1


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@step
def fail(x: int) -> int:
    raise ValueError(f"no {x}")


@pipeline
def static(x):
    return increment(x)


@pipeline(dynamic=True)
def dynamic(x):
    return increment(x)


@pipeline(dynamic=True)
def pair(x) -> tuple[Annotated[int, "first"], Annotated[str, "second"]]:
    return increment(x), "text"


@pytest.mark.parametrize("child", [static, dynamic], ids=["static", "dynamic"])
def test_a_call_returns_an_artifact_whose_lineage_goes_on(child):
    @pipeline(dynamic=True)
    def outer():
        first = increment(1)
        second = child(first)
        assert second.load() == 3
        return increment(second)

    run = outer()
    assert run.outputs[0].load() == 4
    inner = run.children[0]
    assert inner.parent.id == run.id
    assert run.steps["increment"].output.id == inner.steps["increment"].inputs["x"].id
    assert inner.outputs[0].id == run.steps["increment_2"].inputs["x"].id
    record = run.steps[child.name].record
    assert (record.status, record.child_run_id) == ("completed", inner.id)
    assert record.cache_key
    assert record.key_parts["input:x"]


def test_several_outputs_come_as_a_tuple_and_by_name():
    @pipeline(dynamic=True)
    def outer():
        first, second = pair(1)
        assert (first.load(), second.load()) == (2, "text")
        future = pair.submit(2)
        one = increment.submit(future["first"])
        assert one.load() == 4
        assert future.load() == (3, "text")
        assert future.get_artifact("second").name == "second"
        assert [each.load() for each in future] == [3, "text"]
        with pytest.raises(DeclarationError, match="has no output `third`"):
            future["third"]

    outer()


def test_a_future_is_an_argument_and_an_after_of_steps_and_of_children():
    @pipeline(dynamic=True)
    def outer():
        futures = [static.submit(n) for n in range(3)]
        summed = total.submit(futures)
        last = dynamic.submit(summed, id="last", after=futures)
        return increment(last, after=last)

    run = outer()
    assert run.outputs[0].load() == 8
    assert run.steps["last"].record.invocation.upstream() == ("static", "static_2", "static_3", "total")
    assert len(run.children) == 4


def test_lists_of_artifacts_are_arguments():
    @pipeline(dynamic=True)
    def of_list(numbers: list[int]):
        return total(numbers)

    @pipeline(dynamic=True)
    def outer():
        return of_list([increment(1), increment.submit(2), 5])

    assert outer().outputs[0].load() == 10


def test_a_value_without_a_form_in_json_reaches_the_function_and_is_recorded():
    seen = []

    @pipeline(dynamic=True)
    def takes(what):
        seen.append(what)

    class Box:
        content = 3

    box = Box()

    @pipeline(dynamic=True)
    def outer():
        takes(box)

    run = outer()
    assert seen == [box]
    assert run.steps["takes"].record.invocation.inputs["what"]


def test_a_failure_is_raised_as_it_was_and_is_the_functions():
    @pipeline(dynamic=True)
    def inner():
        fail(7)

    @pipeline(dynamic=True)
    def outer():
        with pytest.raises(ValueError, match="no 7") as caught:
            inner()
        assert "Step `fail` of run `inner-" in caught.value.__notes__[0]
        future = inner.submit()
        assert isinstance(future.exception(), ValueError)

    run = outer()
    assert run.status == "completed"
    assert run.steps["inner"].status == "failed"


def test_a_failure_that_nobody_takes_fails_the_run():
    @pipeline(dynamic=True)
    def inner():
        fail(7)

    @pipeline(dynamic=True)
    def outer():
        increment.submit(inner.submit())

    with pytest.raises(ValueError, match="no 7"):
        outer()
    run = Client().list_pipeline_runs(children=False).items[0]
    assert run.status == "failed"
    assert run.steps["increment"].status == "skipped"


def test_a_pool_of_one_does_not_wait_for_itself():
    @pipeline(dynamic=True, max_parallelism=1)
    def leaf(x):
        return increment(x)

    @pipeline(dynamic=True, max_parallelism=1)
    def middle(x):
        return leaf(leaf.submit(x))

    @pipeline(dynamic=True, max_parallelism=1)
    def outer():
        futures = [middle.submit(n) for n in range(3)]
        return total(futures)

    assert outer().outputs[0].load() == 9


def test_children_run_at_the_same_time():
    together = threading.Barrier(2, timeout=20)

    @step(enable_cache=False)
    def meet(x: int) -> int:
        together.wait()
        return x

    @pipeline
    def inner(x):
        return meet(x)

    @pipeline(dynamic=True)
    def outer():
        return total([inner.submit(1), inner.submit(2)])

    assert outer().outputs[0].load() == 3


def test_embedded_steps_are_steps_of_the_run():
    @pipeline(dynamic=True)
    def outer():
        return increment(static.embed(dynamic.embed(1)))

    run = outer()
    assert list(run.steps) == ["increment", "increment_2", "increment_3"]
    assert run.children == []


def test_a_pipeline_in_a_static_one_is_embedded_as_ever():
    @pipeline
    def outer():
        static.embed(static(1))

    assert list(outer().steps) == ["increment", "increment_2"]


def test_submit_and_embed_need_a_pipeline_around_them():
    with pytest.raises(ContextError, match=r"`static.submit\(…\)` was called"):
        static.submit(1)
    with pytest.raises(ContextError, match=r"`static.embed\(…\)` was called where no pipeline is running"):
        static.embed(1)


def test_recursion_works_and_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(child_runs, "DEEPEST", 5)

    @pipeline(dynamic=True)
    def down(n):
        return increment(0) if n == 0 else down(n - 1)

    @pipeline(dynamic=True)
    def endless():
        endless()

    assert down(5).outputs[0].load() == 1
    with pytest.raises(DeclarationError, match="inside 5 others"):
        endless()


def test_a_cancelled_child_is_stopped():
    release = threading.Event()

    @step(enable_cache=False)
    def wait() -> int:
        release.wait(20)
        return 1

    @pipeline
    def inner():
        return wait()

    @pipeline(dynamic=True)
    def outer():
        future = inner.submit()
        while future.run is None or "wait" not in future.run.steps:
            assert not future.done()
        assert future.cancel()
        assert future.run.record.status == "stopped"
        release.set()
        with pytest.raises(StepCancelledError):
            future.result()

    try:
        run = outer()
    finally:
        release.set()
    assert run.steps["inner"].status == "stopped"
    assert run.children[0].steps["wait"].status == "stopped"


def test_what_is_passed_on_too_early_and_does_not_come_is_explained():
    go_on = threading.Event()

    @pipeline(dynamic=True)
    def two():
        go_on.wait(20)
        return 1, 2

    @pipeline(dynamic=True)
    def outer():
        future = two.submit()
        increment.submit(future)
        go_on.set()
        future.wait()

    with pytest.raises(DeclarationError, match="Annotate what the pipeline returns"):
        outer()


def test_plain_values_are_kept_as_outputs():
    @pipeline(dynamic=True)
    def best() -> Annotated[float, "best_rate"]:
        return 0.5

    @pipeline(dynamic=True)
    def several():
        return increment(1), {"a": [1, 2]}, None

    @pipeline(dynamic=True)
    def nothing():
        increment(1)

    @pipeline(dynamic=True)
    def outer():
        return best(), several()[1]

    assert [(one.name, one.load()) for one in best().outputs] == [("best_rate", 0.5)]
    assert [one.load() for one in several().outputs] == [2, {"a": [1, 2]}, None]
    assert nothing().outputs == []
    assert [one.load() for one in outer().outputs] == [0.5, {"a": [1, 2]}]
    assert best().outputs[0].version > 1


def test_outputs_inside_other_values_are_refused():
    @pipeline(dynamic=True)
    def nested():
        return [[increment(1)]]

    with pytest.raises(DeclarationError, match="Return them side by side"):
        nested()


def test_artifacts_that_were_there_are_returned_as_they_are():
    @pipeline(dynamic=True)
    def same(x):
        return x

    @pipeline(dynamic=True)
    def outer():
        made = increment(1)
        given = same(made)
        assert given.id == made.id
        return given

    assert outer().outputs[0].load() == 2


def test_steps_of_a_child_are_cached_and_the_child_is_not():
    @pipeline(dynamic=True)
    def outer():
        return static(41)

    outer()
    run = outer()
    assert run.steps["static"].status == "completed"
    assert run.children[0].steps["increment"].status == "cached"


def test_a_static_child_whose_plan_is_wrong_fails_like_any_other():
    @pipeline
    def wrong(x):
        increment()

    @pipeline(dynamic=True)
    def outer():
        with pytest.raises(TypeError, match="needs a value"):
            wrong(1)
        with pytest.raises(TypeError, match="Pipeline `wrong`"):
            wrong()

    run = outer()
    assert list(run.steps) == ["wrong"]


def test_a_child_has_its_own_options_and_hooks():
    called = []

    @pipeline(on_success=lambda: called.append("success"), tags=["inner"])
    def inner(x):
        return increment(x)

    @pipeline(dynamic=True, tags=["outer"])
    def outer():
        inner(99)

    run = outer()
    assert called == ["success"]
    assert (run.tags, run.children[0].tags) == (["outer"], ["inner"])


def test_a_damaged_output_is_made_again_by_another_run_of_the_child():
    @step
    def large(x: int) -> bytes:
        return bytes(200_000)

    @step
    def length(data: bytes) -> int:
        return len(data)

    @pipeline
    def inner(x):
        return large(x)

    @pipeline(dynamic=True)
    def outer():
        made = inner(1)
        shutil.rmtree(made.uri) if os.path.isdir(made.uri) else os.remove(made.uri)
        return length(made)

    run = outer()
    assert run.outputs[0].load() == 200_000
    assert [child.status for child in run.children] == ["completed", "completed"]
    assert run.steps["inner"].record.attempt == 2


def test_children_are_deleted_with_the_run_that_called_them():
    @pipeline(dynamic=True)
    def outer():
        static(1)

    run = outer()
    other = static(2)
    children = [one.id for one in run.children]

    gone = delete_runs(Client().store, [run.id])

    assert [one.id for one in gone] == [run.id, *children]
    assert [one.id for one in Client().list_pipeline_runs()] == [other.id]


def test_in_a_lab_children_run_in_the_only_thread():
    from zenml import testing

    @pipeline(dynamic=True)
    def outer():
        future = dynamic.submit(1)
        return total([future, static(3)])

    before = threading.active_count()
    with testing.in_memory():
        run = outer()
        assert run.outputs[0].load() == 6
        assert [one.parent.id for one in run.children] == [run.id, run.id]
    assert threading.active_count() == before


@step
def unless_refused(x: int) -> int:
    if "REFUSE" in os.environ:
        raise ValueError("refused")
    return x


@pipeline
def twins(x):
    return increment(x), increment(x, id="other")


def test_a_child_that_is_done_is_not_done_again_when_its_parent_is_resumed(monkeypatch):
    names = ["twins"]

    @pipeline(dynamic=True)
    def outer():
        _, second = twins(1, id=names[0])
        return unless_refused(second)

    monkeypatch.setenv("REFUSE", "1")
    with pytest.raises(ValueError, match="refused"):
        outer()
    failed = next(run for run in Client().list_pipeline_runs().items if run.pipeline.name == "outer")
    with pytest.raises(ValueError, match="refused"):
        outer.resume(failed)
    monkeypatch.delenv("REFUSE")
    names[0] = "renamed"

    done = outer.resume(failed)

    assert done.outputs[0].load() == 2
    assert len(done.children) == 1
    assert done.steps["renamed"].record.child_run_id == done.children[0].id
