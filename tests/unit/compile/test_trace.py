"""Tracing: how calls become invocations with ids, inputs and order."""

import pytest

from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import OutputHandle
from zenml.declare.pipeline import pipeline
from zenml.declare.step import step
from zenml.errors import ArgumentError, DeclarationError
from zenml.records.plan import Collection, OutputRef, Value


@step
def f(x: int = 0) -> int:
    return x


@step
def g(x: int) -> int:
    return x


@step
def two() -> tuple[int, str]:
    return 1, "a"


@step
def nothing() -> None:
    pass


@step
def join(xs: list[int]) -> int:
    return sum(xs)


def plan_of(function, *args, **kwargs):
    return compile_pipeline(pipeline(function), args, kwargs).plan


def ids(function):
    return [one.id for one in plan_of(function).invocations]


def call(plan, identifier):
    return next(one for one in plan.invocations if one.id == identifier)


def test_calls_of_one_step_are_numbered_from_the_second_on():
    def pipe():
        for _ in range(3):
            f()

    assert ids(pipe) == ["f", "f_2", "f_3"]


def test_an_id_can_be_given():
    def pipe():
        f(id="first")
        f(step_name="second")
        f()

    assert ids(pipe) == ["first", "second", "f"]


def test_a_number_that_is_taken_is_left_out():
    def pipe():
        f(id="f_2")
        f()
        f()

    assert ids(pipe) == ["f_2", "f", "f_3"]


def test_an_id_is_given_once():
    def pipe():
        f(id="same")
        g(1, id="same")

    with pytest.raises(DeclarationError, match=r"Two calls in pipeline `pipe` have the id `same`.*`g_2`"):
        plan_of(pipe)


@pytest.mark.parametrize("identifier", [5, ["a"]])
def test_an_id_is_a_text(identifier):
    def pipe():
        f(id=identifier)

    with pytest.raises(
        DeclarationError, match=r"The `id` of a call of step `f` is .*; it must be printable text"
    ):
        plan_of(pipe)


def test_an_output_as_argument_is_an_edge():
    def pipe():
        g(f())

    assert call(plan_of(pipe), "g").inputs == {"x": OutputRef("f", "output")}


def test_several_outputs_come_as_a_tuple():
    def pipe():
        a, _ = two()
        g(a)

    assert call(plan_of(pipe), "g").inputs == {"x": OutputRef("two", "output_0")}


def test_a_list_of_outputs_is_a_collection():
    def pipe():
        join([f(), g(1), 7])

    assert call(plan_of(pipe), "join").inputs["xs"] == Collection(
        (OutputRef("f", "output"), OutputRef("g", "output"), Value(_raw("7")))
    )


def _raw(text):
    import msgspec

    return msgspec.Raw(text.encode())


def test_defaults_are_inputs_too():
    def pipe():
        f()

    assert bytes(call(plan_of(pipe), "f").inputs["x"].data) == b"0"


@pytest.mark.parametrize("how", ["output", "call", "id", "list", "tuple"])
def test_after_names_what_must_have_succeeded(how):
    def pipe():
        first, done = f(), nothing()
        after = {"output": first, "call": done, "id": "f", "list": [first, done], "tuple": two()}[how]
        g(1, after=after)

    expected = {
        "output": ("f",),
        "call": ("nothing",),
        "id": ("f",),
        "list": ("f", "nothing"),
        "tuple": ("two",),
    }
    assert call(plan_of(pipe), "g").after == expected[how]


@pytest.mark.parametrize("after", [5, object(), [3]])
def test_after_takes_nothing_else(after):
    def pipe():
        f(after=after)

    with pytest.raises(DeclarationError, match=r"`after` of step `f` got .*the id of a call as text"):
        plan_of(pipe)


def test_a_call_without_outputs_is_no_argument():
    def pipe():
        g(nothing())

    with pytest.raises(
        DeclarationError, match=r"`x` of step `g` is a call of step `nothing`, which has no outputs.*`after=`"
    ):
        plan_of(pipe)


@pytest.mark.parametrize(
    "misuse", [bool, len, iter, lambda h: h[0], lambda h: h.shape, lambda h: [*h], lambda h: h == 1]
)
def test_a_value_that_does_not_exist_yet_cannot_be_used(misuse):
    handle = OutputHandle("load", "output", int)

    with pytest.raises(DeclarationError, match=r"output `output` of step `load`.*does not exist yet"):
        misuse(handle)


def test_an_output_of_another_pipeline_is_refused():
    kept = []

    def first():
        kept.append(f())

    def second():
        g(kept[0])

    plan_of(first)
    with pytest.raises(
        DeclarationError, match="`x` of step `g` is an output of step `f` of another pipeline run"
    ):
        plan_of(second)


# Pipelines in pipelines


def test_an_inner_pipeline_contributes_its_steps():
    @pipeline
    def inner(x: int):
        return g(x)

    def outer():
        g(inner(f()))

    plan = plan_of(outer)
    assert [one.id for one in plan.invocations] == ["f", "g", "g_2"]
    assert call(plan, "g_2").inputs == {"x": OutputRef("g", "output")}


def test_an_inner_pipeline_needs_its_arguments():
    @pipeline
    def inner(x: int):
        g(x)

    def outer():
        inner()

    with pytest.raises(
        ArgumentError, match=r"Pipeline `inner` .* needs a value for `x`. Call it with `inner\(x=…\)`"
    ):
        plan_of(outer)


def test_options_of_an_inner_pipeline_hold_for_its_steps():
    @pipeline(enable_cache=False)
    def inner():
        f()

    def outer():
        inner()
        f()

    plan = plan_of(outer)
    assert [plan.definitions[one.definition].options.enable_cache for one in plan.invocations] == [
        False,
        True,
    ]


def test_options_of_the_outer_pipeline_beat_those_of_the_inner_one():
    @pipeline(enable_cache=False)
    def inner():
        f()

    @pipeline(enable_cache=True)
    def outer():
        inner()

    plan = compile_pipeline(outer, (), {}).plan
    assert plan.definitions[plan.invocations[0].definition].options.enable_cache


def test_a_pipeline_takes_arguments_by_position_only_too():
    def pipe(x: int, /, y: int = 2):
        g(x)
        g(y)

    plan = plan_of(pipe, 1)

    assert [bytes(one.inputs["x"].data) for one in plan.invocations] == [b"1", b"2"]


def test_an_inner_pipeline_takes_arguments_by_position_only_too():
    @pipeline
    def inner(x: int, /):
        g(x)

    def outer():
        inner(1)

    assert ids(outer) == ["g"]


def test_the_session_ends_when_the_pipeline_function_raises():
    from zenml.context import session

    def pipe():
        raise KeyError

    with pytest.raises(KeyError):
        plan_of(pipe)

    assert session.active.get() is None
