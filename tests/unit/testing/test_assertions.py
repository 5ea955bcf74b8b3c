"""Assertions on what became of steps; a failing one says why it did."""

import pytest

from zenml import pipeline, step
from zenml.errors import NotFoundError
from zenml.testing import assert_cached, assert_executed


@step
def load(seed: int) -> int:
    return seed


@step
def double(number: int) -> int:
    return 2 * number


@pipeline
def flow(seed: int):
    double(load(seed))


@pytest.fixture
def first(zenml_lab):
    return flow(1)


def test_they_hold(first):
    assert_executed(first)
    assert_executed(first, "load", "double")
    assert_cached(flow(1))
    assert_cached(flow(1), "double")


def test_a_step_that_ran_again_says_why(first):
    run = flow(2)

    with pytest.raises(AssertionError) as told:
        assert_cached(run)

    load_line, double_line = str(told.value).splitlines()
    assert load_line.startswith("Step `load` was not answered from the cache: it was executed, because")
    assert "seed" in load_line
    assert "`double`" in double_line


def test_a_step_that_was_cached_says_from_where(first):
    with pytest.raises(AssertionError, match=f"`load` was not executed: it was cached, from .*{first.name}"):
        assert_executed(flow(1), "load")


def test_a_step_that_is_not_there_is_no_success(first):
    with pytest.raises((NotFoundError, KeyError), match="lood"):
        assert_cached(first, "lood")
