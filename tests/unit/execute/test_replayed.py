"""What a replay takes from its original, on the real engine: threads, files, runs inside runs."""

import os
import shutil
import threading

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.errors import ReplayError
from zenml.records import wire
from zenml.records.plan import Plan, Replay

pytestmark = pytest.mark.usefixtures("zenml_store")
MEETING = threading.Barrier(2)


@step
def meet() -> int:
    if "MEET" in os.environ:
        MEETING.wait(10)
    return 1


@step
def big() -> bytes:
    return bytes(200_000)


@step
def size(data: bytes) -> int:
    return len(data)


@step
def fail_if_asked(x: int) -> int:
    if "FAIL" in os.environ:
        raise ValueError("asked to")
    return x


def test_calls_of_the_same_content_do_not_wait_for_each_other(monkeypatch):
    @pipeline
    def twice():
        meet(id="one")
        meet(id="other")

    original = twice()
    assert original.counts == {"completed": 1, "cached": 1}
    monkeypatch.setenv("MEET", "1")

    again = twice.replay(original)

    assert again.counts == {"completed": 2}


@pytest.mark.parametrize("is_dynamic", [False, True])
def test_an_output_whose_file_is_gone(zenml_store, is_dynamic):
    @pipeline(dynamic=is_dynamic)
    def flow():
        size(big())

    original = flow()
    shutil.rmtree(zenml_store / "artifacts")

    with pytest.raises(
        ReplayError, match=r"`big` is to be skipped, and its stored output .* damaged or gone"
    ):
        flow.replay(original, skip=["big"])
    again = flow.replay(original, skip_successful_steps=True)

    assert again.steps["big"].status == "completed"
    assert (
        again.steps["big"].record.reason == f"its stored output in run `{original.name}` is damaged or gone"
    )
    assert again.steps["size"].status == "cached"


def test_a_child_with_several_outputs_is_skipped_and_its_parent_resumed(monkeypatch):
    @pipeline
    def pair(x):
        return fail_if_asked(x, id="first"), fail_if_asked(x, id="second")

    @pipeline(dynamic=True)
    def outer():
        _, second = pair(3)
        return fail_if_asked(second, id="last")

    original = outer()
    monkeypatch.setenv("FAIL", "1")

    with pytest.raises(ValueError, match="asked to"):
        outer.replay(original, skip=["pair"])
    (killed,) = original.replays
    monkeypatch.delenv("FAIL")
    done = outer.resume(killed)

    assert done.steps["pair"].record.child_run_id == original.children[0].id
    assert {name: one.status for name, one in done.steps.items()} == {"pair": "cached", "last": "completed"}
    assert done.outputs[0].load() == 3


def test_replays_are_found_by_their_original():
    @pipeline
    def flow():
        meet()

    original = flow()
    again = flow.replay(original)

    (found,) = Client().list_pipeline_runs(original_id=original.id).items
    assert found.id == again.id


def test_a_plan_holds_what_was_asked():
    @pipeline
    def flow():
        meet()

    original = flow()
    plan = flow.replay(original, skip=["meet"]).stored_plan

    assert plan.replay == Replay(original.id, ("meet",))
    assert wire.decode(wire.encode(plan), Plan) == plan
