"""Variables of inline steps: set, nested, given back in any order."""

import os

import msgspec
import pytest

from zenml.records.plan import Source, StepDefinition, StepOptions
from zenml.worker.inline_environment import Applied, InlineEnvironment, Originals


@pytest.fixture(autouse=True)
def _known_variables(monkeypatch):
    monkeypatch.setenv("SET", "mine")
    monkeypatch.delenv("UNSET", raising=False)


def now():
    return os.environ.get("SET"), os.environ.get("UNSET")


def a_step(**options):
    return StepDefinition("s", Source("m", "s"), StepOptions(runtime="inline", **options), (), "code")


def test_variables_hold_inside_and_are_given_back():
    with Applied({"SET": "a", "UNSET": "b"}):
        assert now() == ("a", "b")
    assert now() == ("mine", None)


def test_nested_steps_give_back_to_the_outer_one():
    with Applied({"SET": "a"}):
        with Applied({"SET": "b", "UNSET": "c"}):
            assert now() == ("b", "c")
        assert now() == ("a", None)
    assert now() == ("mine", None)


def test_the_order_in_which_steps_end_does_not_matter():
    first, second = Applied({"SET": "a"}), Applied({"SET": "b"})
    first.__enter__()
    second.__enter__()

    first.__exit__()
    assert now() == ("b", None)
    second.__exit__()
    assert now() == ("mine", None)


def test_equal_variables_of_two_steps_hold_until_the_last_one_ends():
    first, second = Applied({"UNSET": "a"}), Applied({"UNSET": "a"})
    first.__enter__()
    second.__enter__()

    second.__exit__()
    assert now() == ("mine", "a")
    first.__exit__()
    assert now() == ("mine", None)


def test_what_a_step_sets_itself_stays():
    with Applied({"SET": "a"}):
        os.environ["SET"] = "by the step"
        os.environ["OTHER"] = "by the step"
    assert now() == ("mine", None)
    assert os.environ.pop("OTHER") == "by the step"


def test_what_was_there_before_is_known_meanwhile():
    with Applied({"SET": "a", "UNSET": "b"}), Originals() as originals:
        assert originals == {"SET": "mine", "UNSET": None}
    with Originals() as originals:
        assert originals == {}


def test_only_steps_with_equal_variables_are_inside_together():
    place = InlineEnvironment()
    plain, one = a_step(), a_step(environment={"A": "1"})

    assert place.enter("plain", plain)
    assert place.enter("plain_2", plain)
    assert not place.enter("one", one)
    place.leave("plain")
    assert not place.enter("one", one)
    place.leave("plain_2")
    assert place.enter("one", one)
    assert place.enter("one_2", msgspec.structs.replace(one, name="another"))
    assert not place.enter("secret", a_step(environment={"A": "1"}, secrets=("s",)))
    assert not place.enter("plain", plain)
