"""A declared pipeline: its name and options, and how they are changed."""

import pytest

from zenml.declare.pipeline import Pipeline, pipeline
from zenml.declare.starting import _with_configured
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError


@pipeline
def training(rows: int = 1, rate: float = 0.1):
    """Train."""


def test_a_pipeline_looks_like_its_function():
    assert (training.__name__, training.__doc__) == ("training", "Train.")
    assert training.entrypoint is training.__wrapped__
    assert repr(training) == "<pipeline `training`>"


def test_a_pipeline_is_named_by_its_function_unless_told_otherwise():
    assert training.name == "training"
    assert pipeline(name="other")(training.function).name == "other"
    assert training.with_options(name="third").name == "third"


@pytest.mark.parametrize("thing", [5, "text"])
def test_only_a_function_becomes_a_pipeline(thing):
    with pytest.raises(DeclarationError, match=r"`@pipeline` was given .*. Put it above a function"):
        Pipeline(thing, {})


def test_an_unknown_option_is_refused_with_the_close_one():
    with pytest.raises(ConfigurationError, match=r"`@pipeline` has no option `tgas`. Did you mean `tags`\?"):
        pipeline(tgas=["a"])


@pytest.mark.parametrize("verb", ["configure", "with_options"])
def test_an_unknown_option_of_a_declared_pipeline_is_refused(verb):
    with pytest.raises(
        ConfigurationError, match=r"Pipeline `training` has no option `run_nam`. Did you mean `run_name`\?"
    ):
        getattr(training, verb)(run_nam="a")


def test_options_of_a_run_are_not_options_of_the_decorator():
    with pytest.raises(ConfigurationError, match="`@pipeline` has no option `run_name`"):
        pipeline(run_name="a")


def test_with_options_leaves_the_original_as_it_is():
    copy = training.with_options(enable_cache=False, run_name="a", steps={"f": {}})

    assert copy.layers.merged()["enable_cache"] is False
    assert copy.run_options == {"run_name": "a", "steps": {"f": {}}}
    assert training.layers.merged() == {}
    assert training.run_options == {}


def test_configure_changes_the_pipeline_itself():
    mine = pipeline(training.function)

    assert mine.configure(enable_cache=False, run_name="a") is mine
    assert mine.layers.merged()["enable_cache"] is False
    assert mine.run_options == {"run_name": "a"}


def test_with_options_beats_configure_beats_the_decorator():
    mine = pipeline(tags=["decorator"])(training.function)
    mine.configure(tags=["configure"])
    copy = mine.with_options(tags=["with_options"])

    assert mine.layers.merged() == {"tags": ["configure"]}
    assert copy.layers.merged() == {"tags": ["with_options"]}


@pytest.mark.parametrize("verb", ["configure", "with_options"])
def test_none_says_nothing(verb):
    mine = pipeline(enable_cache=False)(training.function)

    assert getattr(mine, verb)(enable_cache=None).layers.merged() == {"enable_cache": False}


def test_arguments_of_the_call_beat_configured_ones():
    assert _with_configured(training, (5,), {"rate": 1.0}, {"rows": 7, "rate": 2.0}) == {"rate": 1.0}


def test_configured_arguments_are_added_to_the_call():
    assert _with_configured(training, (), {"rate": 1.0}, {"rows": 7}) == {"rows": 7, "rate": 1.0}


def test_a_configured_argument_that_does_not_exist_is_refused():
    with pytest.raises(
        ArgumentError,
        match=r"`parameters` of pipeline `training` sets `row`, .*Did you mean `rows`\? It takes: rows, rate",
    ):
        _with_configured(training, (), {}, {"row": 7})
