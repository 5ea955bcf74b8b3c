"""Compiling: what a plan holds, how it is configured, and what is refused before anything runs."""

from typing import Annotated

import pytest

from zenml.compile.compiler import compile_pipeline
from zenml.declare.pipeline import pipeline
from zenml.declare.step import step
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError, TypeMismatchError
from zenml.records import values, wire
from zenml.records.plan import Plan


@step
def load(rows: int) -> int:
    """Load some rows."""
    return rows


@step
def train(data: int, rate: float = 0.1) -> Annotated[float, "model"]:
    return data * rate


def training(rows: int = 3):
    """Train a model."""
    return train(load(rows))


def plan_of(function, *args, steps=None, **kwargs):
    declared = function if hasattr(function, "layers") else pipeline(function)
    return compile_pipeline(declared.with_options(steps=steps), args, kwargs).plan


def inputs(plan, identifier):
    """The parameters of an invocation, as Python values."""
    found = next(one for one in plan.invocations if one.id == identifier).inputs
    return {
        name: values.decode(bytes(value.data), allow_types=True)
        for name, value in found.items()
        if hasattr(value, "data")
    }


def options(plan, identifier):
    return next(plan.definitions[one.definition] for one in plan.invocations if one.id == identifier).options


def test_a_plan_says_what_it_was_made_from():
    plan = plan_of(training)

    assert (plan.pipeline, plan.doc) == ("training", "Train a model.")
    assert plan.source.name == "training"
    assert plan.source.file == __file__
    assert {one.doc for one in plan.definitions.values()} == {"Load some rows.", None}


def test_a_plan_can_be_stored_and_read_back():
    plan = plan_of(training)

    assert wire.decode(wire.encode(plan), Plan) == plan


def test_compiling_twice_gives_the_same_plan():
    assert plan_of(training) == plan_of(training)


def test_calls_of_one_step_share_a_definition():
    def pipe():
        for i in range(5):
            load(i)

    assert len(plan_of(pipe).definitions) == 1


def test_arguments_of_the_pipeline_are_recorded():
    assert bytes(plan_of(training, 5).parameters["rows"]) == b"5"
    assert bytes(plan_of(training).parameters["rows"]) == b"3"


def test_arguments_from_text_get_the_declared_type():
    def pipe(path: "list[int]"):
        for item in path:
            load(item)

    assert inputs(plan_of(pipe, (1, 2)), "load_2") == {"rows": 2}


def test_outputs_of_the_pipeline_are_those_it_returns():
    def pipe():
        return load(1), load(2), 5

    assert [(one.ref.step, one.name) for one in plan_of(pipe).outputs] == [("load", None), ("load_2", None)]


def test_an_annotation_names_the_output_of_the_pipeline():
    def pipe() -> Annotated[int, "rows"]:
        return load(1)

    assert [one.name for one in plan_of(pipe).outputs] == ["rows"]


def test_annotations_name_several_outputs_of_the_pipeline():
    def pipe() -> tuple[Annotated[int, "a"], int, Annotated[int, "c"]]:
        return load(1), load(2), load(3)

    assert [one.name for one in plan_of(pipe).outputs] == ["a", None, "c"]


def test_sources_are_kept_by_the_digest_of_their_code():
    compiled = compile_pipeline(pipeline(training), (), {})

    texts = {text.decode() for text in compiled.sources(compiled.plan.definitions.values()).values()}
    assert any("return data * rate" in text for text in texts)


# Arguments of steps: which source wins


def test_an_argument_of_the_call_beats_the_default():
    def pipe():
        train(1, rate=0.5)

    assert inputs(plan_of(pipe), "train")["rate"] == 0.5


def test_an_argument_fixed_by_with_options_beats_the_default():
    slow = train.with_options(parameters={"rate": 0.01})

    def pipe():
        slow(1)

    assert inputs(plan_of(pipe), "train")["rate"] == 0.01


def test_an_argument_of_the_call_beats_a_fixed_one():
    slow = train.with_options(parameters={"rate": 0.01})

    def pipe():
        slow(1, rate=0.5)

    assert inputs(plan_of(pipe), "train")["rate"] == 0.5


def test_the_configuration_of_the_run_beats_the_call():
    def pipe():
        train(1, rate=0.5)

    plan = plan_of(pipe, steps={"train": {"parameters": {"rate": 0.7}}})

    assert inputs(plan, "train")["rate"] == 0.7


def test_the_configuration_of_an_id_beats_that_of_a_name():
    def pipe():
        train(1)
        train(2)

    steps = {"train": {"enable_cache": False}, "train_2": {"enable_cache": True}}
    plan = plan_of(pipe, steps=steps)

    assert not options(plan, "train").enable_cache
    assert options(plan, "train_2").enable_cache


def test_a_configured_argument_gets_the_declared_type():
    plan = plan_of(training, steps={"train": {"parameters": {"rate": 1}}})

    assert inputs(plan, "train")["rate"] == 1.0


# Refusals


def test_a_missing_argument_of_the_pipeline_is_named():
    def pipe(rows: int):
        load(rows)

    with pytest.raises(
        ArgumentError,
        match=r"Pipeline `pipe` \(.*test_compiler.py:\d+\) needs a value for `rows`.*`pipe\(rows=…\)`",
    ):
        plan_of(pipe)


def test_a_missing_argument_of_a_step_is_named():
    def pipe():
        load()

    with pytest.raises(
        ArgumentError, match=r"Step `load` of pipeline `pipe` needs a value for `rows` .*Pass it in the call"
    ):
        plan_of(pipe)


def test_an_unknown_argument_is_refused_with_the_close_one():
    def pipe():
        load(rosw=1)

    with pytest.raises(
        ArgumentError, match=r"Step `load` got an unknown argument `rosw`.*Did you mean `rows`\?"
    ):
        plan_of(pipe)


def test_a_configured_step_that_does_not_exist_is_refused():
    with pytest.raises(
        ConfigurationError,
        match=r"step `trian`, which it does not have. Did you mean `train`\? Its steps are: `load`, `train`",
    ):
        plan_of(training, steps={"trian": {}})


def test_a_configured_option_that_does_not_exist_is_refused():
    with pytest.raises(
        ConfigurationError, match=r"step `train` has no option `enable_cach`. Did you mean `enable_cache`"
    ):
        plan_of(training, steps={"train": {"enable_cach": True}})


def test_a_configured_parameter_that_does_not_exist_is_refused():
    with pytest.raises(
        ArgumentError,
        match=r"step `train` sets the parameter `rat`, .*Did you mean `rate`\? It takes: data, rate",
    ):
        plan_of(training, steps={"train": {"parameters": {"rat": 1}}})


def test_an_argument_that_is_no_value_is_refused():
    def pipe():
        consume(object())

    @step
    def consume(x: object) -> None:
        pass

    with pytest.raises(
        ArgumentError,
        match=r"`x` of step `consume` is a .*object.*, which cannot be a parameter.*Make it in a step",
    ):
        plan_of(pipe)


def test_an_output_of_the_wrong_type_is_refused():
    @step
    def text() -> str:
        return "a"

    def pipe():
        train(text())

    with pytest.raises(
        TypeMismatchError,
        match="Step `train` expects `data: int` but output `output` of step `text` is `str`",
    ):
        plan_of(pipe)


def test_a_value_of_the_wrong_type_is_refused():
    def pipe():
        load("many")

    with pytest.raises((TypeMismatchError, ConfigurationError, ArgumentError), match="`rows` of step `load`"):
        plan_of(pipe)


def test_a_cycle_is_refused():
    def pipe():
        load(1, after="load_2")
        load(2, after="load")

    with pytest.raises(
        DeclarationError, match=r"wait for each other: `load` → `load_2` → `load`. Remove one of the `after="
    ):
        plan_of(pipe)


def test_a_pipeline_without_a_name_for_its_steps_is_still_listed():
    assert plan_of(training).is_listed
