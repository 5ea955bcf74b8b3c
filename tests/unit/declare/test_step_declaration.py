"""A declared step: its name and options, what calling it means, and how it travels."""

import functools
import pickle
import subprocess
import sys

import cloudpickle
import pytest

from zenml.compile.compiler import compile_pipeline
from zenml.declare.pipeline import pipeline
from zenml.declare.step import Step, step
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError


@step
def double(x: int) -> int:
    """Twice the number."""
    return 2 * x


@step(name="other", enable_cache=False)
def named(x: int = 1) -> int:
    return x


quick = double.with_options(enable_cache=False, parameters={"x": 3})


def invocations(function):
    return compile_pipeline(pipeline(function), (), {}).plan.invocations


def test_a_step_looks_like_its_function():
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice the number."
    assert double.__module__ == __name__
    assert double.entrypoint(4) == double.__wrapped__(4) == 8
    assert repr(double) == "<step `double`>"


def test_decorating_does_not_read_the_function():
    @step
    def wrong(*args: "no_such_type") -> None:  # noqa: F821  it is never looked at
        pass

    assert wrong.name == "wrong"


def test_a_step_is_named_by_its_function_unless_told_otherwise():
    assert double.name == "double"
    assert named.name == "other"


def test_the_strongest_name_holds():
    assert named.with_options(name="third").name == "third"


@pytest.mark.parametrize("thing", [5, "text", None])
def test_only_a_function_becomes_a_step(thing):
    with pytest.raises(DeclarationError, match=r"`@step` was given .*. Put it above a function"):
        Step(thing, {})


def test_an_unknown_option_is_refused_with_the_close_one():
    with pytest.raises(
        ConfigurationError, match=r"`@step` has no option `enable_cach`. Did you mean `enable_cache`\?"
    ):
        step(enable_cach=True)


@pytest.mark.parametrize("verb", ["configure", "with_options"])
def test_an_unknown_option_of_a_declared_step_is_refused(verb):
    with pytest.raises(
        ConfigurationError, match=r"Step `double` has no option `runtim`. Did you mean `runtime`\?"
    ):
        getattr(double, verb)(runtim="inline")


# Options


def test_with_options_leaves_the_original_as_it_is():
    copy = double.with_options(enable_cache=False)

    assert copy is not double
    assert copy.layers.merged() == {"enable_cache": False}
    assert double.layers.merged() == {}


def test_configure_changes_the_step_itself():
    @step
    def mine() -> None:
        pass

    assert mine.configure(enable_cache=False) is mine
    assert mine.layers.merged() == {"enable_cache": False}


def test_a_copy_is_not_changed_by_its_original():
    @step
    def mine() -> None:
        pass

    copy = mine.with_options(extra={"a": 1})
    mine.configure(enable_cache=False)

    assert copy.layers.merged() == {"extra": {"a": 1}}


def test_fixed_arguments_add_up():
    copy = double.with_options(parameters={"x": 1}).with_options(parameters={"y": 2})

    assert copy.parameters == {"x": 1, "y": 2}
    assert double.parameters == {}


# Calls


def test_keywords_of_our_own_are_not_arguments():
    def pipe():
        double(1, id="first")
        double(2, step_name="second", after="first")

    first, second = invocations(pipe)
    assert (first.id, second.id, second.after) == ("first", "second", ("first",))
    assert set(second.inputs) == {"x"}


def test_parameters_of_the_function_beat_keywords_of_our_own():
    @step
    def look_up(id: str, after: str, step_name: str) -> str:  # noqa: A002  a user's function
        return id + after + step_name

    def pipe():
        look_up(id="7", after="x", step_name="y")

    (call,) = invocations(pipe)
    assert (call.id, call.after) == ("look_up", ())
    assert set(call.inputs) == {"id", "after", "step_name"}


def test_parameters_of_a_wrapped_function_beat_keywords_of_our_own():
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @step
    @logged
    def look_up(id: str) -> str:  # noqa: A002  a user's function
        return id

    def pipe():
        look_up(id="7")

    (call,) = invocations(pipe)
    assert set(call.inputs) == {"id"}


def test_a_local_variable_of_that_name_is_no_parameter():
    @step
    def local(x: int) -> int:
        id = x  # noqa: A001  a user's function
        return id + 1

    def pipe():
        local(1, id="mine")

    assert [call.id for call in invocations(pipe)] == ["mine"]


def test_a_wrong_call_says_what_the_step_takes():
    def pipe():
        double(1, 2)

    with pytest.raises(
        ArgumentError, match=r"Step `double` takes 1 positional argument but 2 were given. It accepts `x`"
    ):
        invocations(pipe)


@pytest.mark.parametrize("text", ["1", "true", "YES", "on"])
def test_a_step_outside_a_pipeline_can_be_a_plain_call(monkeypatch, text):
    monkeypatch.setenv("ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK", text)

    assert double(4) == 8


def test_annotations_can_be_enforced(monkeypatch):
    monkeypatch.setenv("ZENML_ENFORCE_TYPE_ANNOTATIONS", "1")

    with pytest.raises(DeclarationError, match="no type annotation for parameter `x` and the return value"):

        @step
        def bare(x):
            return x


# Classes


def test_a_step_in_a_class_is_refused_where_it_is_used():
    class Trainer:
        @step
        def train(self) -> None:
            pass

    with pytest.raises(
        DeclarationError,
        match=r"Step `train` is defined in class `Trainer` and used as a method. Move the function",
    ):
        Trainer().train


def test_a_step_in_a_class_that_takes_no_self_can_be_used_from_the_class():
    class Steps:
        @step
        def make() -> int:
            return 1

    def pipe():
        Steps.make()

    assert [call.id for call in invocations(pipe)] == ["make"]


# Travelling


def test_an_importable_step_travels_by_name():
    assert pickle.loads(pickle.dumps(double)) is double


def test_a_step_with_other_options_travels_with_them():
    copy = pickle.loads(pickle.dumps(quick))

    assert copy.function is double.function
    assert copy.layers.merged() == {"enable_cache": False, "parameters": {"x": 3}}
    assert copy.parameters == {"x": 3}


def test_a_local_step_travels_by_value():
    @step(enable_cache=False)
    def local(x: int) -> int:
        return x + 1

    copy = pickle.loads(cloudpickle.dumps(local))

    assert copy.function(1) == 2
    assert copy.name == "local"
    assert copy.layers.merged() == {"enable_cache": False}


def test_a_step_of_a_script_travels_by_value():
    script = """
import cloudpickle, sys
from zenml.declare.step import step

@step(extra={"a": 1})
def mine(x: int) -> int:
    return x + 1

sys.stdout.buffer.write(cloudpickle.dumps(mine.with_options(parameters={"x": 1})))
"""
    data = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout

    copy = pickle.loads(data)

    assert copy.function(1) == 2
    assert copy.layers.merged() == {"extra": {"a": 1}, "parameters": {"x": 1}}
    assert copy.parameters == {"x": 1}
