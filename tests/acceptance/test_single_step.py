"""Calling one step outside a pipeline."""

import pytest


def test_a_step_called_directly_returns_its_value(lab):
    result = lab.run("""
        @step
        def add(x: int, y: int = 2) -> int:
            mark("ran")
            return x + y

        fact(first=add(1), second=add(x=1, y=2), third=add(1, y=5))
    """)

    assert result.facts == {"first": 3, "second": 3, "third": 6}
    assert result.count("ran") == 2


def test_several_outputs_are_a_tuple_and_none_is_none(lab):
    result = lab.run("""
        from typing import Annotated, Tuple

        @step
        def divide(a: int, b: int) -> Tuple[Annotated[int, "quotient"], Annotated[int, "remainder"]]:
            return a // b, a % b

        @step
        def nothing() -> None:
            pass

        quotient, remainder = divide(7, 2)
        fact(values=[quotient, remainder], nothing=nothing())
    """)

    assert result.facts == {"values": [3, 1], "nothing": None}


def test_arguments_that_are_not_json_are_kept_as_artifacts(lab):
    result = lab.run("""
        import numpy as np

        @step
        def total(x: np.ndarray, factor: float) -> float:
            mark("ran")
            return float(x.sum() * factor)

        fact(first=total(np.arange(4), 2.0), again=total(np.arange(4), factor=2.0), other=total(np.arange(5), 2.0))
        step_run = last_run().steps["total"]
        fact(input=step_run.inputs["x"].load().tolist())
    """)

    assert result.facts == {"first": 12.0, "again": 12.0, "other": 20.0, "input": [0, 1, 2, 3, 4]}
    assert result.count("ran") == 2


def test_the_run_is_unlisted(lab):
    lab.run("@step\ndef work() -> int:\n    return 1\n\nwork()\n")

    client = lab.client()

    assert client.list_pipelines().total == 0
    (run,) = client.list_pipeline_runs().items
    assert run.steps["work"].output.load() == 1


def test_the_steps_own_error_is_raised(lab):
    result = lab.run("""
        @step
        def bad():
            raise ValueError("bad luck")

        fact(error=repr(outcome(bad)))
    """)

    assert result.facts == {"error": "ValueError('bad luck')"}


def test_wrong_arguments_are_an_error_before_anything_runs(lab):
    result = lab.run("""
        @step
        def add(x: int) -> int:
            mark("ran")
            return x

        errors = [outcome(call) for call in (lambda: add(), lambda: add(1, 2), lambda: add(z=1), lambda: add("a"))]
        fact(errors=[isinstance(error, TypeError) for error in errors])
    """)

    assert result.facts == {"errors": [True] * 4}
    assert result.count("ran") == 0


def test_the_entrypoint_is_the_plain_function(lab):
    result = lab.run("""
        @step
        def add(x: int) -> int:
            return x + 1

        fact(value=add.entrypoint(1), wrong=repr(outcome(lambda: add.entrypoint("a"))))
    """)

    assert result.facts["value"] == 2
    assert result.facts["wrong"].startswith("TypeError")
    assert not lab.store.exists()


@pytest.mark.parametrize("value", ["True", "true", "1"])
def test_a_variable_bypasses_the_store(lab, value):
    result = lab.run(
        "@step\ndef work(x) -> object:\n    return x\n\nthing = object()\nfact(same=work(thing) is thing)\n",
        env={"ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK": value},
    )

    assert result.facts == {"same": True}
    assert not lab.store.exists()


def test_annotations_can_be_enforced(lab):
    result = lab.run(
        """
        def bare(x):
            return x

        def without_return(x: int):
            return x

        def full(x: int) -> int:
            return x

        fact(errors=[str(outcome(lambda: step(function)) or "") for function in (bare, without_return, full)])
    """,
        env={"ZENML_ENFORCE_TYPE_ANNOTATIONS": "True"},
    )

    first, second, third = result.facts["errors"]
    assert "`bare`" in first
    assert "`x`" in first
    assert "`without_return`" in second
    assert not third


def test_a_step_called_inside_a_step_is_a_function(lab):
    result = lab.run("""
        @step
        def inner(x: int) -> int:
            return x + 1

        @step
        def outer(x: int) -> int:
            return inner(x) * 10

        @pipeline
        def flow():
            outer(1)

        run = flow()
        fact(value=value(run, "outer"), steps=list(run.steps))
    """)

    assert result.facts == {"value": 20, "steps": ["outer"]}


def test_an_isolated_step_called_directly(lab):
    result = lab.run("""
        @step(runtime="isolated")
        def pid() -> int:
            return os.getpid()

        fact(other=pid() != os.getpid())
    """)

    assert result.facts == {"other": True}
