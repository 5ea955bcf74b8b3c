"""Where and when the engine runs steps: threads, parallelism, order, transactions."""

import asyncio
import threading

import pytest
from engine_helpers import SECONDS, Recorder, WatchedStore, compiled, run, run_in_thread, wait

from zenml.declare.step import step
from zenml.execute.clock import RealClock
from zenml.execute.engine import Engine
from zenml.execute.run_stack import RunStack
from zenml.execute.running import run_plan, start_run
from zenml.execute.workers import Workers
from zenml.records.run import Run, RunOutput, StepRun


def test_a_chain_stays_in_the_callers_thread(store):
    threads = []

    @step(enable_cache=False)
    def link(x: int) -> int:
        threads.append(threading.get_ident())
        return x + 1

    def chain():
        link(link(link(0)))

    run(chain, store=store)

    assert threads == [threading.get_ident()] * 3


def test_independent_steps_overlap(store):
    barrier = threading.Barrier(4)

    @step(enable_cache=False)
    def meet(i: int) -> None:
        barrier.wait(SECONDS)

    def crowd():
        for i in range(4):
            meet(i)

    assert run(crowd, store=store).status == "completed"


def test_the_callers_thread_runs_what_is_left_alone(store):
    threads = {}

    @step(enable_cache=False)
    def part(i: int) -> int:
        return i

    @step(enable_cache=False)
    def join(parts: list[int]) -> None:
        threads["join"] = threading.get_ident()

    def fan_in():
        join([part(i) for i in range(3)])

    run(fan_in, store=store)

    assert threads["join"] == threading.get_ident()


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_steps_run_at_once_than_allowed(store, limit):
    running, most = [], []

    @step(enable_cache=False)
    def work(i: int) -> None:
        running.append(i)
        most.append(len(running))
        running.remove(i)

    def crowd():
        for i in range(12):
            work(i)

    run(crowd, store=store, max_parallelism=limit)

    assert max(most) <= limit


def test_as_many_steps_run_at_once_as_allowed(store):
    barrier = threading.Barrier(3)

    @step(enable_cache=False)
    def meet(i: int) -> None:
        barrier.wait(SECONDS)

    def crowd():
        for i in range(9):
            meet(i)

    assert run(crowd, store=store, max_parallelism=3).status == "completed"


@pytest.mark.parametrize("limit", [1, 3])
def test_a_fan_out_of_chains_is_walked_depth_first(store, limit):
    """At most as many chains are begun and unfinished as there are workers."""
    lock, open_chains, most = threading.Lock(), set(), []

    @step(enable_cache=False)
    def begin(i: int) -> int:
        with lock:
            open_chains.add(i)
            most.append(len(open_chains))
        return i

    @step(enable_cache=False)
    def middle(i: int) -> int:
        return i

    @step(enable_cache=False)
    def end(i: int) -> None:
        with lock:
            open_chains.remove(i)

    def chains():
        for i in range(20):
            end(middle(begin(i)))

    run(chains, store=store, max_parallelism=limit)

    assert max(most) <= limit


def test_steps_of_one_worker_run_in_the_order_of_the_plan(store):
    order = []

    @step(enable_cache=False)
    def note(i: int) -> None:
        order.append(i)

    def several():
        for i in range(6):
            note(i)

    run(several, store=store, max_parallelism=1)

    assert order == list(range(6))


def test_after_is_kept(store):
    order = []

    @step(enable_cache=False)
    def note(name: str) -> None:
        order.append(name)

    def pipe():
        last = note("first")
        note("second", after=last)

    run(pipe, store=store)

    assert order == ["first", "second"]


def test_a_pipeline_without_steps_is_completed(store):
    assert run(lambda: None, store=store).status == "completed"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_chain_of_n_steps_takes_n_and_two_transactions(store, length):
    @step(enable_cache=False)
    def link(x: int) -> int:
        return x + 1

    def chain():
        value = 0
        for _ in range(length):
            value = link(value)

    before = store.file.transactions
    run(chain, store=store)

    assert store.file.transactions - before == length + 2


def test_a_cached_chain_takes_two_transactions(store):
    @step
    def link(x: int) -> int:
        return x + 1

    def chain():
        link(link(link(0)))

    run(chain, store=store)
    before = store.file.transactions

    again = run(chain, store=store)

    assert set(again.states.values()) == {"cached"}
    assert store.file.transactions - before == 2


def test_every_start_and_end_is_reported_once_in_order(store):
    @step(enable_cache=False)
    def link(x: int) -> int:
        return x + 1

    def chain():
        link(link(0))

    result = run(chain, store=store)

    assert result.recorder.events == [
        ("link", "running"),
        ("link", "completed"),
        ("link_2", "running"),
        ("link_2", "completed"),
    ]
    assert result.recorder.ended.status == "completed"


def test_outputs_of_the_pipeline_are_recorded(store):
    @step
    def make(x: int) -> int:
        return x

    def pipe():
        return make(1), make(2)

    result = run(pipe, store=store)

    assert [one.position for one in store.select(RunOutput, run_id=result.ended.run.id)] == [0, 1]


def test_a_consumer_gets_its_own_copy_of_a_value(store):
    seen = []

    @step(enable_cache=False)
    def make() -> list[int]:
        return [1]

    @step(enable_cache=False)
    def change(values: list[int]) -> None:
        seen.append(list(values))
        values.append(2)

    def pipe():
        values = make()
        change(values)
        change(values, after="change")

    run(pipe, store=store)

    assert seen == [[1], [1]]


def test_an_async_step_is_awaited(store):
    @step(enable_cache=False)
    async def wait_a_little() -> int:
        await asyncio.sleep(0)
        return 7

    def pipe():
        return wait_a_little()

    result = run(pipe, store=store)

    assert next(iter(result.ended.artifacts.values())).inline == b"7"


def test_an_async_step_runs_where_an_event_loop_runs_already(store):
    """As in a notebook, whose cells run inside a loop."""

    @step(enable_cache=False)
    async def wait_a_little() -> int:
        await asyncio.sleep(0)
        return 7

    def pipe():
        wait_a_little()

    async def cell():
        return run(pipe, store=store)

    result = asyncio.run(cell())

    assert not result.errors
    assert result.status == "completed"


def test_two_runs_of_one_process_do_not_disturb_each_other(store):
    barrier = threading.Barrier(2)

    @step(enable_cache=False)
    def meet() -> None:
        barrier.wait(SECONDS)

    def pipe():
        meet()

    first, second = run_in_thread(pipe, store=store), run_in_thread(pipe, store=store)

    assert first().status == second().status == "completed"


def test_a_run_is_not_over_before_its_last_turn_is_recorded():
    """Somebody who looks while the last transaction is open must not take the run for ended."""
    has_left, is_waiting = threading.Event(), threading.Event()
    was_early = []

    class Watched(Engine):
        def _wait(self, seconds, look):
            is_waiting.set()
            super()._wait(seconds, look)

    @step(enable_cache=False)
    def quick(i: int) -> None:
        wait(is_waiting)

    def pipe():
        quick(1)
        quick(2)

    def before():
        if engine.machine.is_over:
            with engine._changed:
                engine._changed.notify_all()
            was_early.append(has_left.wait(0.2))

    store = WatchedStore(before)
    plan = compiled(pipe)
    record = start_run(plan, store)
    workers = Workers(store.artifact_root, "", None)
    workers.use(RunStack(store))
    engine = Watched(store, record, plan, workers, Recorder(), RealClock())

    engine.begin()
    engine.execute()
    has_left.set()
    workers.close()

    assert was_early == [False]
    assert store.get(Run, record.id).status == "completed"


# A store that fails


class FullDiskError(Exception):
    pass


def failing_at(number):
    calls = []

    def before():
        calls.append(1)
        if len(calls) == number:
            raise FullDiskError

    return WatchedStore(before)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_store_that_fails_ends_the_run_with_its_error(number):
    store = failing_at(number)

    @step(enable_cache=False)
    def link(x: int) -> int:
        return x + 1

    def chain():
        return link(link(link(0)))

    with pytest.raises(FullDiskError):
        run(chain, store=store)

    (record,) = store.select(Run)
    assert record.status == "failed"
    assert "FullDiskError" in record.reason


def test_no_step_stays_running_after_the_store_failed():
    """A later run would wait for it."""
    store = failing_at(2)

    @step
    def link(x: int) -> int:
        return x + 1

    def chain():
        link(link(0))

    with pytest.raises(FullDiskError):
        run(chain, store=store)

    assert not store.select(StepRun, status="running")
    assert run(chain, store=store).status == "completed"


def test_outputs_that_were_not_recorded_are_not_listed():
    store = failing_at(2)

    @step(enable_cache=False)
    def make() -> int:
        return 1

    def pipe():
        return make()

    with pytest.raises(FullDiskError):
        run(pipe, store=store)

    assert store.select(RunOutput) == []


def test_a_store_that_stays_broken_does_not_hide_the_first_error():
    @step(enable_cache=False)
    def make() -> int:
        return 1

    def pipe():
        make()

    calls = []

    def before():
        calls.append(1)
        if len(calls) > 1:
            raise FullDiskError(len(calls))

    recorder = Recorder()
    with pytest.raises(FullDiskError) as caught:
        run_plan(compiled(pipe), WatchedStore(before), reporter=recorder)

    assert caught.value.args == (2,)
    assert "could not be recorded" in recorder.notes[-1]


# Waiting for another run


def test_a_step_that_another_run_computes_is_waited_for(store):
    has_begun, may_go_on, executions = threading.Event(), threading.Event(), []

    @step
    def slow() -> int:
        executions.append(1)
        has_begun.set()
        wait(may_go_on)
        return 1

    def pipe():
        slow()

    looks = []

    def before():
        looks.append(1)
        if len(looks) == 3:
            may_go_on.set()

    plan = compiled(pipe)
    first = run_in_thread(plan, store=store)
    wait(has_begun)
    second = run_in_thread(plan, store=WatchedStore(before, store))

    assert first().states == {"slow": "completed"}
    assert second().states == {"slow": "cached"}
    assert executions == [1]


def test_what_another_run_finished_is_used_while_this_one_is_busy(store):
    """The caller's thread must stay free to look, so a long step next to it goes elsewhere."""
    has_begun, may_go_on, has_followed = threading.Event(), threading.Event(), threading.Event()

    @step
    def shared() -> int:
        has_begun.set()
        wait(may_go_on)
        return 1

    @step(enable_cache=False)
    def long() -> bool:
        may_go_on.set()
        return has_followed.wait(SECONDS / 4)

    @step(enable_cache=False)
    def follow(x: int) -> None:
        has_followed.set()

    def first():
        shared()

    def second():
        long()
        follow(shared())

    plan_of_first, plan_of_second = compiled(first), compiled(second)
    one = run_in_thread(plan_of_first, store=store)
    wait(has_begun)
    result = run(plan_of_second, store=store)
    one()

    assert result.ended.artifacts["long", "output"].inline == b"true"


def test_results_that_another_run_made_meanwhile_are_used_however_many_they_are(store):
    has_begun, may_go_on, executions = threading.Event(), threading.Event(), []

    @step(enable_cache=False)
    def gate() -> None:
        has_begun.set()
        wait(may_go_on)

    @step
    def item(i: int) -> int:
        executions.append(i)
        return i

    def behind_the_gate():
        gate()
        for i in range(1200):
            item(i)

    def all_at_once():
        for i in range(1200):
            item(i)

    behind, other = compiled(behind_the_gate, max_parallelism=1), compiled(all_at_once)
    first = run_in_thread(behind, store=store)
    wait(has_begun)
    run(other, store=store)
    may_go_on.set()

    assert first().status == "completed"
    assert len(executions) == 1200
