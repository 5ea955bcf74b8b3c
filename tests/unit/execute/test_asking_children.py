"""A question of a child: the child pauses, its parent once nothing else goes on, and an answer goes on with both."""

import asyncio
import sys
import threading

import pytest

from zenml import pipeline, step, wait
from zenml.client import Client
from zenml.client.run_control import delete_runs, stop_run
from zenml.errors import AnswerError, ResumeError, StepCancelledError

pytestmark = pytest.mark.usefixtures("zenml_store")
calls: list[str] = []
"""What ran, in its order."""


@pytest.fixture(autouse=True)
def _forget():
    calls.clear()


def note(text):
    """Add to the list without being code that reads it, which would count as changed code."""
    sys.modules[__name__].calls.append(text)


@step(enable_cache=False)
def work(x: int) -> int:
    note(f"work {x}")
    return x


@step(enable_cache=False)
def total(numbers: list[int]) -> int:
    note("total")
    return sum(numbers)


@pipeline(dynamic=True, name="asks")
def asks(x: int):
    work(x)
    return work(x + wait(int, "How many?"))


@pipeline(dynamic=True, name="waits_for_one")
def waits_for_one():
    return work(asks(1))


@pipeline(dynamic=True, name="of_several")
def of_several():
    first, second = asks.submit(1), asks.submit(2)
    return total([first, work.submit(5), second])


@pipeline(dynamic=True, name="deep")
def deep():
    return waits_for_one()


def by_name():
    return {run.name.partition("-")[0]: run for run in Client().list_pipeline_runs().items}


@pytest.mark.parametrize("who", ["waits_for_one", "asks"])
def test_a_parent_pauses_with_its_child_and_either_is_answered(who):
    run = waits_for_one()
    assert run.record.status == "paused"
    assert {name: one.status.value for name, one in by_name().items()} == {
        "waits_for_one": "paused",
        "asks": "paused",
    }

    by_name()[who].answer(10)
    run = run.refresh().resume(pipeline=waits_for_one)

    assert run.record.status == "completed"
    assert run.outputs[0].load() == 11
    assert calls == ["work 1", "work 11", "work 11"]
    assert len(by_name()) == 2
    assert by_name()["asks"].record.epoch == 1


def test_runs_inside_each_other_pause_and_go_on():
    run = deep()
    assert {one.status.value for one in by_name().values()} == {"paused"}

    run = run.answer(10).resume(pipeline=deep)

    assert run.record.status == "completed"
    assert calls == ["work 1", "work 11", "work 11"]


def test_what_else_was_called_ends_first_and_each_child_is_answered_alone():
    run = of_several()
    assert sorted(calls) == ["work 1", "work 2", "work 5"]
    with pytest.raises(ResumeError, match=r"How many.*and 1 more"):
        run.resume(pipeline=of_several)

    run = run.answer(10).resume(pipeline=of_several)
    assert run.record.status == "paused"
    assert "total" not in calls
    run = run.answer(20).resume(pipeline=of_several)

    assert run.outputs[0].load() == 11 + 22 + 5
    assert sorted(calls) == ["total", "work 1", "work 11", "work 2", "work 22", "work 5"]


def test_the_function_goes_on_until_it_needs_the_answer():
    @pipeline(dynamic=True)
    def outer():
        asked = asks.submit(1)
        assert work(7).load() == 7
        note("later")
        return asked

    run = outer()

    assert run.record.status == "paused"
    assert "later" in calls
    assert run.answer(1).resume(pipeline=outer).outputs[0].load() == 2


def test_a_limit_of_time_is_a_limit():
    @pipeline(dynamic=True)
    def outer():
        asked = asks.submit(1)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.05)
        assert not asked.done()
        asked.cancel()
        with pytest.raises(StepCancelledError):
            asked.result()
        assert asked.cancelled()
        assert asked.run.status == "stopped"
        assert asked.run.record.reason == "it was cancelled"

    run = outer()

    assert run.record.status == "completed"


def test_a_function_that_fails_ends_the_run_and_what_its_children_ask():
    @pipeline(dynamic=True)
    def outer():
        asked = asks.submit(1)
        asked.wait(0.2)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        outer()

    assert by_name()["asks"].record.status == "stopped"
    assert "the run that called it ended" in by_name()["asks"].record.reason
    with pytest.raises(AnswerError, match="does not wait"):
        by_name()["asks"].answer(1)


def test_a_step_that_fails_fast_ends_what_children_ask():
    @step
    def fail():
        raise ValueError("at once")

    @pipeline(dynamic=True, execution_mode="fail_fast")
    def outer():
        asked = asks.submit(1)
        asked.wait(0.2)
        fail.submit()
        return asked

    with pytest.raises(ValueError, match="at once"):
        outer()

    assert {one.status.value for one in by_name().values()} == {"failed", "stopped"}


def test_a_stopped_parent_stops_what_its_children_ask_and_can_be_resumed():
    run = deep()

    outcome, _ = stop_run(Client().store, run.id, reason="not today")

    assert outcome == "ended"
    assert {one.status.value for one in by_name().values()} == {"stopped"}
    run = run.refresh().resume(pipeline=deep)
    assert run.record.status == "paused"
    assert calls == ["work 1"]
    assert run.answer(1).resume(pipeline=deep).record.status == "completed"


def test_a_question_of_the_parent_beside_one_of_its_child():
    @pipeline(dynamic=True)
    def outer():
        asked = asks.submit(1)
        more = wait(int, "And here?")
        return total([asked, more])

    run = outer()
    assert {one.question: one.status for each in by_name().values() for one in each.waits} == {
        "And here?": "open",
        "How many?": "open",
    }
    run = run.answer(5, "and_here").resume(pipeline=outer)
    assert run.record.status == "paused"
    run = run.answer(10).resume(pipeline=outer)

    assert run.outputs[0].load() == 16
    assert sorted(calls) == ["total", "work 1", "work 11"]


def test_a_map_of_what_a_child_returns_waits_for_it():
    @pipeline(dynamic=True)
    def lists():
        return wait(list[int], "Which?")

    @pipeline(dynamic=True)
    def outer():
        return total(work.map(lists.submit()))

    run = outer()
    assert run.record.status == "paused"

    assert run.answer([1, 2, 3]).resume(pipeline=outer).outputs[0].load() == 6


def test_tasks_await_children_that_ask():
    @pipeline(dynamic=True)
    async def outer():
        async def one(x):
            return (await asks(x)).load()

        return sum(await asyncio.gather(one(1), one(2)))

    run = outer()
    assert run.record.status == "paused"
    run = run.answer(10).resume(pipeline=outer)
    run = run.answer(20).resume(pipeline=outer)

    assert run.record.status == "completed"
    assert sorted(calls) == ["work 1", "work 11", "work 2", "work 22"]


def test_a_thread_of_the_function_waits_for_a_child_that_asks():
    @pipeline(dynamic=True)
    def outer():
        asked, found = asks.submit(1), []
        thread = threading.Thread(target=lambda: found.append(asked.load()))
        thread.start()
        thread.join()
        return found[0]

    threading.excepthook, before = (lambda _: None), threading.excepthook
    try:
        run = outer()
    finally:
        threading.excepthook = before
    assert run.record.status == "paused"

    assert run.answer(10).resume(pipeline=outer).outputs[0].load() == 11


def test_a_child_is_resumed_with_its_parent_and_alone_when_that_has_completed():
    is_broken = [True]

    @step(enable_cache=False)
    def shaky() -> int:
        if is_broken[0]:
            raise ValueError("no")
        return 1

    @pipeline(dynamic=True)
    def inner():
        return shaky()

    @pipeline(dynamic=True)
    def strict():
        return inner()

    @pipeline(dynamic=True)
    def lenient():
        try:
            inner()
        except ValueError:
            return work(0)

    with pytest.raises(ValueError, match="no"):
        strict()
    with pytest.raises(ResumeError, match=r"was called by run `strict-.*zenml run resume"):
        by_name()["inner"].resume(pipeline=inner)

    run = lenient()
    assert run.record.status == "completed"
    is_broken[0] = False
    assert run.children[0].resume(pipeline=inner).record.status == "completed"


def test_a_parent_whose_paused_child_was_deleted_asks_anew():
    run = waits_for_one()
    delete_runs(Client().store, [by_name()["asks"].id])

    run = run.refresh().resume(pipeline=waits_for_one)

    assert run.record.status == "paused"
    assert run.answer(1).resume(pipeline=waits_for_one).record.status == "completed"


def test_in_a_lab(zenml_lab):
    run = of_several()
    run = run.answer(10).resume(pipeline=of_several)
    run = run.answer(20).resume(pipeline=of_several)

    assert run.outputs[0].load() == 38


def test_prepared_answers_reach_children(zenml_lab):
    zenml_lab.answer("How many?", 3)

    assert waits_for_one().outputs[0].load() == 4


def test_a_group_of_tasks_and_a_generator_wait_for_children_that_ask():
    @pipeline(dynamic=True)
    async def grouped():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loaded(x)) for x in range(2)]
        return sum(task.result() for task in tasks)

    async def loaded(x):
        return (await asks(x)).load()

    def items():
        yield 1
        yield asks(5).load()

    @pipeline(dynamic=True)
    def generating():
        return total(work.map(items()))

    run = grouped()
    assert run.record.status == "paused"
    run = run.answer(10).resume(pipeline=grouped).answer(20).resume(pipeline=grouped)
    assert run.outputs[0].load() == 31
    run = generating()
    assert run.record.status == "paused"
    assert run.answer(10).resume(pipeline=generating).outputs[0].load() == 16
