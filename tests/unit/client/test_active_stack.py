"""The active stack as an object with its parts as attributes."""

import pytest

from zenml.client.client import Client


def test_the_default_stack_has_an_orchestrator_and_an_artifact_store():
    stack = Client().active_stack

    assert stack.name == "default"
    assert (stack.orchestrator.name, stack.orchestrator.flavor) == ("default", "local")
    assert (stack.artifact_store.name, stack.artifact_store.flavor) == ("default", "local")


@pytest.mark.parametrize("part", ["alerter", "experiment_tracker", "step_operator", "model_registry"])
def test_parts_that_it_lacks_are_none(part):
    assert getattr(Client().active_stack, part) is None
    assert part in dir(Client().active_stack)


def test_a_part_that_no_stack_has_is_an_error_that_lists_the_parts():
    with pytest.raises(AttributeError, match=r"no part `alarm`.*alerter"):
        Client().active_stack.alarm


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        Client().active_stack.name = "other"
