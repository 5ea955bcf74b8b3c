"""What a dynamic run finds out about a step that is called for the first time."""

import pytest

from zenml import Model, pipeline, step
from zenml.client import Client
from zenml.errors import NotFoundError


def definition_count(run):
    return len(run.plan.definitions)


def test_a_step_is_recorded_once_however_often_it_is_called(zenml_lab):
    @step(enable_cache=False)
    def work(x: int) -> int:
        return x

    @pipeline(dynamic=True)
    def flow():
        for x in range(5):
            work(x)

    run = flow()

    assert definition_count(run) == 1
    assert len(run.plan.invocations) == 5


def test_a_wrong_secret_and_a_wrong_model_concern_their_own_steps_only(zenml_lab):
    Client().create_secret("there", {"TOKEN": "a-token-of-ours"})

    @step(secrets=["nowhere"])
    def bad_secret() -> int:
        return 1

    @step(model=Model(name="nobody", version=7))
    def bad_model() -> int:
        return 1

    @step(secrets=["there"], model=Model(name="fresh"))
    def good() -> str:
        import os

        return os.environ["TOKEN"][:2]

    seen = []

    @pipeline(dynamic=True)
    def flow():
        for wrong in (bad_secret, bad_model):
            with pytest.raises(NotFoundError):
                wrong()
        seen.append(good().load())

    run = flow()

    assert seen == ["a-"]
    assert list(run.steps) == ["good"]


def test_a_placeholder_of_a_later_step_is_filled_in(zenml_lab, monkeypatch):
    monkeypatch.setenv("COLOUR", "red")

    @step(environment={"SHADE": "${COLOUR}"})
    def later() -> str:
        import os

        return os.environ["SHADE"]

    seen = []

    @pipeline(dynamic=True)
    def flow():
        seen.append(later().load())

    flow()
    assert seen == ["red"]
    assert {str(one.status) for one in flow().steps.values()} == {"cached"}
    monkeypatch.setenv("COLOUR", "blue")
    flow()

    assert seen[-1] == "blue"


def test_hooks_of_a_step_that_comes_later_are_called(zenml_store):
    called = []

    @step(enable_cache=False, on_start=lambda: called.append("start"), on_end=lambda: called.append("end"))
    def later() -> int:
        return 1

    @step(enable_cache=False)
    def first() -> bool:
        return True

    @pipeline(dynamic=True)
    def flow():
        if first().load():
            later.submit()

    flow()

    assert called == ["start", "end"]
