"""The calls of a dynamic pipeline, compiled one at a time."""

import pytest

from zenml import pipeline, step
from zenml.compile.compiler import compile_pipeline
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError


@step
def work(x: int = 0) -> int:
    return x


def calls_of(function=lambda: None, **options):
    compiled = compile_pipeline(pipeline(dynamic=True, name="flow", **options)(function), (), {})
    return compiled, compiled.dynamic


def add(calls, *args, admit=lambda call: call, after=None, invocation_id=None, **kwargs):
    return calls.add(work, args, kwargs, invocation_id, after, admit=admit)


def test_a_plan_has_no_steps_before_they_are_called():
    compiled, _ = calls_of()

    assert compiled.plan.is_dynamic
    assert compiled.plan.invocations == ()


def test_calls_are_counted_and_share_a_definition():
    compiled, calls = calls_of()

    first, second = add(calls, 1), add(calls, 2)

    assert [first.invocation.id, second.invocation.id] == ["work", "work_2"]
    assert first.invocation.definition == second.invocation.definition
    assert set(compiled.plan.definitions) == {first.invocation.definition}


def test_a_call_that_cannot_be_compiled_is_forgotten():
    _, calls = calls_of()

    with pytest.raises(ArgumentError):
        add(calls, nobody=1)

    assert add(calls).invocation.id == "work"


def test_a_call_that_is_not_admitted_is_forgotten():
    _, calls = calls_of()

    def refuse(call):
        raise KeyError(call.invocation.id)

    with pytest.raises(KeyError):
        add(calls, admit=refuse)
    with pytest.raises(DeclarationError, match="after `work`"):
        add(calls, after="work", invocation_id="other")

    assert add(calls).invocation.id == "work"


def test_a_call_may_not_wait_for_itself_or_for_later_ones():
    _, calls = calls_of()

    for upstream in ("me", "later"):
        with pytest.raises(DeclarationError, match="Call it first"):
            add(calls, invocation_id="me", after=upstream)


def test_what_is_to_be_refreshed_and_was_never_called():
    _, calls = calls_of(lambda: None)
    assert calls.not_refreshed() == []

    flow = pipeline(dynamic=True)(lambda: None).with_options(refresh=["work_2", "never"])
    calls = compile_pipeline(flow, (), {}).dynamic

    assert [add(calls).is_refreshed, add(calls).is_refreshed] == [False, True]
    assert calls.not_refreshed() == ["never"]


def test_adapt_decides_what_is_run():
    _, calls = calls_of()
    import msgspec

    calls.adapt = lambda invocation: msgspec.structs.replace(invocation, definition="another")

    assert add(calls).invocation.definition == "another"


@pytest.mark.parametrize("wrong", [5, [5], ["work"], [lambda: None]])
def test_depends_on_lists_steps(wrong):
    with pytest.raises(ConfigurationError, match="depends_on"):
        calls_of(depends_on=wrong)
