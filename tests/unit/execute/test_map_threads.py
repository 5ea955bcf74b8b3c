"""Maps with real threads and processes: how much runs at once, who goes first, what is cancelled."""

import asyncio
import itertools
import os
import threading

import pytest

from zenml import pipeline, step, unmapped
from zenml.client import Client
from zenml.records.run import StepRun

SECONDS = 20


def dynamic(function, **options):
    found = []

    @pipeline(dynamic=True, enable_cache=False, **options)
    def flow():
        found.append(function())

    return found if flow() is None else found[0]


class Gauge:
    """Counts how many are inside at once."""

    def __init__(self):
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_):
        with self._lock:
            self.now -= 1


@step
def double(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize("lazy", [False, True])
def test_max_concurrency(zenml_store, lazy):
    gauge = Gauge()
    both = threading.Barrier(3)

    @step
    def watched(x: int) -> int:
        with gauge:
            both.wait(SECONDS)  # three have to be there, or it breaks
        return x

    items = iter(range(30)) if lazy else range(30)
    assert dynamic(lambda: watched.map(items, max_concurrency=3).load()) == list(range(30))
    assert gauge.most == 3


def test_chained_maps_have_no_barrier(zenml_store):
    is_used = threading.Event()

    @step
    def make(x: int) -> int:
        if x == 1:
            assert is_used.wait(SECONDS), "the second map waited for all of the first one"
        return x

    @step
    def use(x: int) -> int:
        if x == 0:
            is_used.set()
        return x

    assert dynamic(lambda: use.map(make.map([0, 1])).load()) == [0, 1]


def test_a_pool_of_one_goes_depth_first(zenml_store):
    order = []
    are_both_there = threading.Event()

    @step
    def make(x: int) -> int:
        assert are_both_there.wait(SECONDS)
        order.append(("make", x))
        return x

    @step
    def use(x: int) -> int:
        order.append(("use", x))
        return x

    def function():
        used = use.map(make.map(range(300)))
        are_both_there.set()
        return used.load()

    assert dynamic(function, max_parallelism=1) == list(range(300))
    behind = [order.index(("use", x)) - order.index(("make", x)) for x in range(128)]
    assert set(behind) == {1}
    assert max(order.index(("use", x)) - order.index(("make", x)) for x in range(300)) < 300


def test_the_function_goes_on_while_a_slow_iterator_is_asked(zenml_store):
    may_go_on = threading.Event()

    def items():
        yield 1
        assert may_go_on.wait(SECONDS)
        yield 2

    def function():
        found = double.map(items())
        first = found[0].load()
        may_go_on.set()
        return first, found.load()

    assert dynamic(function) == (2, [2, 4])


def test_an_endless_generator_is_left_behind_when_cancelled(zenml_store):
    pulled = []

    def function():
        found = double.map(pulled.append(i) or i for i in itertools.count())
        for future in found.as_completed():
            future.load()
            if len(found.completed) > 20:
                break
        found.cancel()
        count = len(pulled)
        found.wait()
        return count, len(pulled)

    before, after = dynamic(function)
    assert after - before <= 1
    assert before < 21 + 32 * 8


def test_isolated_elements(zenml_store):
    @step(runtime="isolated")
    def process(x: int) -> int:
        return os.getpid()

    found = dynamic(lambda: process.map([1, 2]).load())
    assert os.getpid() not in found


def test_fail_fast_ends_isolated_elements(zenml_store):
    @step(runtime="isolated")
    def wait(x: int) -> int:
        import time

        if x == 0:
            raise ValueError("at once")
        time.sleep(600)
        return x

    def function():
        with pytest.raises(ExceptionGroup):
            wait.map([0, 1], on_error="fail_fast").load()

    dynamic(function, max_parallelism=2)
    states = {one.invocation_id: one.status for one in Client().store.select(StepRun)}
    assert states["wait[0]"] == "failed"
    assert states["wait[1]"] in ("stopped", "skipped")


def test_awaited(zenml_store):
    async def both():
        one, two = double.map([1]), double.map([2])
        return [(await one)[0].load(), (await two)[0].load()]

    assert dynamic(lambda: asyncio.run(both())) == [2, 4]


def test_several_maps_at_once_and_a_whole_one(zenml_store):
    @step
    def weigh(x: int, all_of: list[int]) -> int:
        return x * sum(all_of)

    def function():
        first = double.map(range(300))
        second = weigh.map(first, unmapped(first))
        return sum(second.load())

    assert dynamic(function) == sum(2 * i for i in range(300)) ** 2


def test_no_thread_stays(zenml_store):
    dynamic(lambda: double.map(i for i in range(300)).load())

    assert not [one for one in threading.enumerate() if one.name.startswith("zenml-map")]
