"""Fakes of steps: which calls they answer, with what, what they note, and that caches stay apart."""

from typing import Annotated

import pytest

from zenml import ExternalArtifact, get_step_context, pipeline, step
from zenml.config.retry_config import StepRetryConfig
from zenml.errors import ArgumentError, NotFoundError, TypeMismatchError
from zenml.testing import assert_cached, assert_executed, in_memory


@step
def fetch(url: str, limit: int = 10) -> list[int]:
    raise AssertionError("the real step ran")


@step
def total(numbers: list[int], scale: int = 1) -> int:
    return scale * sum(numbers)


@step
def split(numbers: list[int]) -> tuple[Annotated[list[int], "train"], Annotated[list[int], "test"]]:
    return numbers[:1], numbers[1:]


@step
def notify(text: str) -> None:
    raise AssertionError("the real step ran")


@pipeline
def flow(url: str = "here"):
    total(fetch(url))


def test_what_it_returns_flows_on_and_its_calls_are_noted(zenml_lab):
    fake = zenml_lab.fake(fetch, returns=[1, 2])

    run = flow("there")

    assert run.steps["total"].output.load() == 3
    assert run.steps["fetch"].output.load() == [1, 2]
    (call,) = fake.calls
    assert call.step == "fetch"
    assert call.arguments == {"url": "there", "limit": 10}


def test_arguments_that_are_outputs_of_steps_are_noted_as_values(zenml_lab):
    zenml_lab.fake(fetch, returns=[1, 2])
    fake = zenml_lab.fake(total, returns=7)

    flow()

    assert fake.calls[0].arguments == {"numbers": [1, 2], "scale": 1}


def test_a_step_without_outputs_needs_nothing_to_return(zenml_lab):
    fake = zenml_lab.fake(notify)

    notify("done")

    assert [call.arguments["text"] for call in fake.calls] == ["done"]


def test_it_raises(zenml_lab):
    zenml_lab.fake(fetch, raises=ConnectionError("down"))

    with pytest.raises(ConnectionError, match="down"):
        flow()

    assert str(zenml_lab.runs[-1].steps["total"].status) == "skipped"


def test_it_calls_a_function_with_the_arguments_of_the_step(zenml_lab):
    zenml_lab.fake(fetch, calls=lambda url, limit: [len(url), limit])

    assert flow("abc").steps["total"].output.load() == 13


def test_side_effects_come_one_after_the_other(zenml_lab):
    fake = zenml_lab.fake(fetch, side_effects=[[1], OSError, ValueError("odd"), [2]])

    assert fetch("a") == [1]
    with pytest.raises(OSError):
        fetch("b")
    with pytest.raises(ValueError, match="odd"):
        fetch("c")
    assert fetch("d") == [2]
    with pytest.raises(AssertionError, match="`fetch` was called more often than the 4 times"):
        fetch("e")
    assert [call.arguments["url"] for call in fake.calls] == list("abcde")


def test_one_call_of_several_is_faked_by_its_invocation_id(zenml_lab):
    @pipeline
    def twice():
        total([1])
        total([1, 1], id="second")

    fake = zenml_lab.fake("second", returns=50)

    run = twice()

    assert [one.output.load() for one in run.steps.values()] == [1, 50]
    assert [call.step for call in fake.calls] == ["second"]


def test_all_calls_are_faked_by_the_name_of_the_step(zenml_lab):
    @pipeline
    def twice():
        total([1])
        total([2], id="second")

    fake = zenml_lab.fake("total", returns=9)

    assert {one.output.load() for one in twice().steps.values()} == {9}
    assert [(call.step, call.arguments["numbers"]) for call in fake.calls] == [
        ("total", [1]),
        ("second", [2]),
    ]


def test_variants_of_a_step_are_faked_with_it(zenml_lab):
    zenml_lab.fake(total, returns=9)

    assert total.with_options(name="sum_up", parameters={"scale": 2})([1]) == 9


def test_several_outputs(zenml_lab):
    zenml_lab.fake(split, returns=([1], [2]))

    run_outputs = split([5, 6])

    assert run_outputs == ([1], [2])


@pytest.mark.parametrize("value", ["text", None, [1.5]])
def test_what_does_not_fit_the_outputs_is_refused_at_once(zenml_lab, value):
    with pytest.raises(TypeMismatchError, match="step `fetch`"):
        zenml_lab.fake(fetch, returns=value)


def test_side_effects_are_checked_too(zenml_lab):
    with pytest.raises(TypeMismatchError, match="step `fetch`"):
        zenml_lab.fake(fetch, side_effects=[[1], ValueError, "text"])


def test_by_name_it_is_checked_before_anything_runs(zenml_lab):
    first = zenml_lab.fake(fetch, returns=[1])
    zenml_lab.fake("total", returns="text")

    with pytest.raises(TypeMismatchError, match="step `total`"):
        flow()

    assert first.calls == []


def test_what_a_function_returns_is_checked_in_the_run(zenml_lab):
    zenml_lab.fake(fetch, calls=lambda url, limit: "text")

    with pytest.raises(TypeMismatchError, match="step `fetch`"):
        flow()


def test_two_things_to_do_are_refused(zenml_lab):
    with pytest.raises(ArgumentError, match="`returns` and `raises`"):
        zenml_lab.fake(fetch, returns=None, raises=OSError)


def test_the_cache_of_the_real_step_is_neither_read_nor_written(zenml_lab):
    @pipeline
    def adding():
        total(ExternalArtifact(value=[1, 2]))

    adding()
    with zenml_lab.fake(total, returns=50) as fake:
        for _ in range(2):
            run = adding()
            assert run.steps["total"].output.load() == 50
            assert_executed(run, "total")
    real = adding()

    assert len(fake.calls) == 2
    assert real.steps["total"].output.load() == 3
    assert_cached(real, "total")


def test_a_faked_result_never_answers_for_the_real_step(zenml_lab):
    with zenml_lab.fake(total, returns=50):
        total([1, 2])

    assert total([1, 2]) == 3


def test_steps_behind_a_fake_are_cached_by_the_content_of_what_it_returned(zenml_lab):
    zenml_lab.fake(fetch, returns=[1, 2])

    flow()

    assert_cached(flow(), "total")


def test_the_newest_fake_counts_and_the_older_one_is_back_after_it(zenml_lab):
    zenml_lab.fake(total, returns=1)
    newer = zenml_lab.fake("total", returns=2)

    assert total([7]) == 2
    newer.remove()
    newer.remove()
    assert total([7]) == 1


def test_retries_call_it_again(zenml_lab):
    patient = fetch.with_options(retry=StepRetryConfig(max_retries=2, delay=3600, backoff=2))
    fake = zenml_lab.fake(fetch, side_effects=[OSError, OSError, [4]])

    assert patient("x") == [4]

    assert len(fake.calls) == 3
    assert zenml_lab.clock.waits == [3600, 7200]


def test_a_fake_needs_no_secret_of_the_step(zenml_lab):
    zenml_lab.fake(fetch, returns=[1])

    assert fetch.with_options(secrets=["not there"])("x") == [1]


def test_hooks_of_a_faked_step_are_called(zenml_lab):
    told = []
    zenml_lab.fake(fetch, raises=OSError)

    with pytest.raises(OSError):
        fetch.with_options(on_failure=lambda error: told.append(type(error)))("x")

    assert told == [OSError]


def test_a_step_with_placeholders_can_be_faked(zenml_lab, monkeypatch):
    monkeypatch.setenv("BUCKET", "b1")
    seen = []

    def note(url, limit):
        seen.extend([url, get_step_context().step_run.config.extra])
        return [limit]

    zenml_lab.fake(fetch, calls=note)

    fetch.with_options(extra={"bucket": "${BUCKET}"}, parameters={"url": "${BUCKET}"})()

    assert seen == ["b1", {"bucket": "b1"}]


def test_a_name_that_no_step_has_is_told_at_the_end():
    def misspell():
        with in_memory() as lab:
            lab.fake("totall", returns=1)
            total([1])

    with pytest.raises(NotFoundError, match=r"fake of step `totall`.*Did you mean `total`"):
        misspell()


def test_nothing_is_told_where_nothing_ran():
    with in_memory() as lab:
        lab.fake("totall", returns=1)


def test_a_fake_ends_with_its_lab():
    with in_memory() as lab:
        lab.fake(total, returns=1)
    with in_memory():
        assert total([5]) == 5
