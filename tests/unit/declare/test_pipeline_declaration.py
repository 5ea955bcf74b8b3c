"""A declared pipeline: its name and options, and how they are changed."""

import pytest

from zenml.compile.compiler import compile_pipeline
from zenml.declare.pipeline import Pipeline, pipeline
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError
from zenml.records import wire


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


def arguments_of(*args, configured, **kwargs):
    declared = training.with_options(parameters=configured)
    parameters = compile_pipeline(declared, args, kwargs).plan.parameters
    return {name: wire.decode(bytes(raw), float) for name, raw in parameters.items()}


def test_arguments_of_the_call_beat_configured_ones():
    assert arguments_of(5, rate=1.0, configured={"rows": 7, "rate": 2.0}) == {"rows": 5, "rate": 1.0}


def test_configured_arguments_are_added_to_the_call():
    assert arguments_of(rate=1.0, configured={"rows": 7}) == {"rows": 7, "rate": 1.0}


def test_a_configured_argument_that_does_not_exist_is_refused():
    with pytest.raises(
        ArgumentError,
        match=r"`parameters` of pipeline `training` sets `row`, .*Did you mean `rows`\? It takes: rows, rate",
    ):
        arguments_of(configured={"row": 7})


# Classes


class Base:
    def __init__(self, rows=1):
        self.rows = rows


def class_pipeline(method):
    seen = []
    body = {method: lambda self, rate=0.5: seen.append((self.rows, rate))}
    return pipeline(enable_cache=True)(type("MyPipeline", (Base,), body)), seen


@pytest.mark.parametrize("method", ["connect", "__call__", "run"])
def test_an_instance_of_a_class_is_a_pipeline_that_does_not_run_yet(method):
    kind, seen = class_pipeline(method)

    made = kind(rows=3)
    made.configure(enable_cache=False)

    assert seen == []
    assert isinstance(made, Pipeline)
    assert made.name == "MyPipeline"
    plan = compile_pipeline(made, (), {"rate": 0.1}).plan
    assert seen == [(3, 0.1)]
    assert plan.options.enable_cache is False
    assert kind(rows=4).layers.merged()["enable_cache"] is True


def test_a_class_without_a_method_is_refused():
    with pytest.raises(DeclarationError, match="class `Base`, which has none of the methods `connect`"):
        pipeline(Base)


# Options of a run


def test_options_given_to_run_act_as_options():
    @pipeline
    def refusing(rows: int, tags: int = 0):
        raise ValueError(f"{rows} {tags}")

    with pytest.raises(ValueError, match="3 5"):
        refusing.run(3, tags=5, run_name="x")
    with pytest.raises(ConfigurationError, match="`execution_mode` of pipeline `training` is 'odd'"):
        training.run(execution_mode="odd")


def test_without_merging_what_was_said_before_is_replaced():
    declared = pipeline(extra={"a": 1}, secrets=["s"])(training.function)

    merged = declared.with_options(extra={"b": 2}, secrets=["t"]).layers.merged()
    replaced = declared.with_options(merge=False, extra={"b": 2}, secrets=["t"]).layers.merged()

    assert (merged["extra"], merged["secrets"]) == ({"a": 1, "b": 2}, ["s", "t"])
    assert (replaced["extra"], replaced["secrets"]) == ({"b": 2}, ["t"])
    assert declared.configure(merge=False, extra={}).layers.merged()["extra"] == {}


def test_other_spellings_mean_the_same():
    options = training.with_options(
        failure_hook_source="a.b", step_configurations={"s": {"end_hook_source": "c.d"}}
    )

    assert options.layers.merged()["on_failure"] == "a.b"
    assert options.run_options["steps"] == {"s": {"on_end": "c.d"}}
    with pytest.raises(ConfigurationError, match="gets `on_failure` under two spellings"):
        training.with_options(failure_hook_source="a.b", on_failure="c.d")
    with pytest.raises(ConfigurationError, match="`steps` of Pipeline `training` is"):
        training.with_options(steps=["train"])


def test_two_files_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="gets two configuration files"):
        training.with_options(config_path="a.yaml", config_file="b.yaml")


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match=r"`no\.yaml` does not exist"):
        training.with_options(config_file="no.yaml")
