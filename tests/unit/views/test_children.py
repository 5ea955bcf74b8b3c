"""The children of a run, as those see them who look at it."""

import pytest

from zenml import pipeline, step
from zenml.client import Client

pytestmark = pytest.mark.usefixtures("zenml_store")


@step
def increment(x: int) -> int:
    return x + 1


@pipeline(dynamic=True)
def dynamic(x):
    return increment(x)


def test_the_latest_run_is_one_that_no_other_run_called():
    @pipeline(dynamic=True)
    def outer():
        dynamic(1)

    run = outer()

    assert Client().get_pipeline_run("latest").id == run.id


def test_the_states_of_the_steps_of_children_are_counted_by_their_last_attempts():
    @step(enable_cache=False, retry={"max_retries": 1})
    def second_time(x: int) -> int:
        calls.append(x)
        if len(calls) == 1:
            raise ValueError("first")
        return x

    @pipeline
    def retried():
        second_time(1)

    @pipeline(dynamic=True)
    def outer():
        dynamic(1)
        retried()
        increment(7)

    calls: list[int] = []
    run = outer()

    assert [run.counts_of_children[one.id] for one in run.children] == [{"completed": 1}, {"completed": 1}]
    assert Client().get_pipeline_run(run.children[0].id).counts_of_children == {}
