"""The policy of retries: what is tried again, and after how long; and what is due when."""

import sys
import threading
import types

import pytest

from zenml.errors import StepTimeoutError
from zenml.execute.retries import LONGEST, draw, is_worth_it, seconds_before
from zenml.execute.timers import Timers
from zenml.records.plan import Retry
from zenml.testing import VirtualClock
from zenml.worker.failures import describe


class FlakyError(ConnectionError):
    pass


def waits(count=3, chance=0.0, **fields):
    retry = Retry(max_retries=count, **fields)
    return [seconds_before(retry, number + 1, lambda: chance) for number in range(count)]


# How long


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [0, 0, 0]),
        ({"delay": 10}, [10, 10, 10]),
        ({"delay": 10, "backoff": 2}, [10, 20, 40]),
        ({"delay": 10, "backoff": 2, "max_delay": 25}, [10, 20, 25]),
        ({"delay": 10, "max_delay": 5}, [5, 5, 5]),
        ({"backoff": 2}, [0, 0, 0]),
    ],
)
def test_waits_grow_by_the_factor_up_to_the_longest(fields, expected):
    assert waits(**fields) == expected


@pytest.mark.parametrize(("chance", "expected"), [(0.0, [10, 20]), (0.5, [7.5, 15]), (1.0, [5, 10])])
def test_a_part_of_the_wait_is_left_to_chance(chance, expected):
    assert waits(2, chance, delay=10, backoff=2, jitter=0.5) == expected


def test_chance_is_not_asked_without_jitter():
    assert seconds_before(Retry(1, delay=1), 1, lambda: pytest.fail("asked")) == 1


def test_chance_lies_between_0_and_1_and_differs():
    drawn = [draw() for _ in range(100)]

    assert all(0 <= one < 1 for one in drawn)
    assert len(set(drawn)) > 90


@pytest.mark.parametrize("delay", [0, 1])
def test_a_wait_that_no_number_can_hold_has_an_end(delay):
    retry = Retry(10_000, delay=delay, backoff=1e300)

    assert seconds_before(retry, 10_000, draw) == (LONGEST if delay else 0)


# What


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), True),
        ((f"{__name__}.FlakyError",), True),
        (("builtins.ConnectionError",), True),
        (("builtins.OSError",), True),
        (("builtins.Exception",), True),
        (("builtins.ValueError",), False),
        (("builtins.ValueError", "builtins.OSError"), True),
        (("nowhere.FlakyError",), False),
    ],
)
def test_a_class_and_those_derived_from_it_are_tried_again(names, expected):
    assert is_worth_it(Retry(1, retry_on=names), describe(FlakyError("gone"))) == expected


def test_a_class_is_found_by_another_name_that_it_has(monkeypatch):
    module = types.ModuleType("exporting")
    module.Gone = FlakyError
    monkeypatch.setitem(sys.modules, "exporting", module)

    assert is_worth_it(Retry(1, retry_on=("exporting.Gone",)), describe(FlakyError()))


def test_a_timeout_is_a_timeout_error():
    assert is_worth_it(Retry(1, retry_on=("builtins.TimeoutError",)), describe(StepTimeoutError("late")))


# When


class Waiting:
    def __init__(self, name):
        self.id = name


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def timers(clock):
    return Timers(clock, threading.Condition())


def test_what_is_due_comes_in_the_order_of_its_time(timers, clock):
    for name, seconds in (("c", 3), ("a", 1), ("b", 2)):
        timers.set(Waiting(name), seconds)
    assert timers.next_at() == 1

    clock.advance(2)

    assert [one.id for one in timers.take_due()] == ["a", "b"]
    assert timers.next_at() == 3


def test_what_was_dropped_is_never_due(timers, clock):
    first, second = Waiting("first"), Waiting("second")
    timers.set(first, 1)
    timers.set(second, 2)

    timers.drop(first)

    assert timers.next_at() == 2
    clock.advance(5)
    assert timers.take_due() == [second]


def test_nothing_is_due_where_nothing_is_known(timers):
    timers.drop(Waiting("unknown"))

    assert not timers
    assert timers.next_at() == float("inf")
    assert timers.take_due() == []


def test_who_waits_hears_of_an_earlier_instant(clock):
    changed = threading.Condition()
    timers = Timers(clock, changed)
    heard = threading.Event()

    def listen():
        with changed:
            ready.set()
            if changed.wait(20):
                heard.set()

    ready = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    ready.wait(20)
    timers.set(Waiting("a"), 1)
    thread.join(20)

    assert heard.is_set()
