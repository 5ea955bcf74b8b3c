"""From layers of options to what holds for a step and for a pipeline."""

import enum

import pytest

from zenml.compile.compiler import compile_pipeline
from zenml.config import CachePolicy
from zenml.declare.pipeline import pipeline
from zenml.declare.step import step
from zenml.errors import ConfigurationError
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.records.plan import CacheRules


def function(x: int = 0) -> int:
    return x


class Plain(BaseMaterializer):
    pass


def plan_of(step_options=None, pipeline_options=None, steps=None, configure=None, with_options=None):
    """Compile a pipeline of one step, with options at the given places."""
    declared = step(**(step_options or {}))(function)
    if configure:
        declared.configure(**configure)
    if with_options:
        declared = declared.with_options(**with_options)

    def pipe():
        declared()

    whole = pipeline(**(pipeline_options or {}))(pipe)
    return compile_pipeline(whole.with_options(steps=steps), (), {}).plan


def options_of(**places):
    plan = plan_of(**places)
    return plan.definitions[plan.invocations[0].definition].options


# Precedence

PLACES = (
    ("pipeline_options", lambda value: {"pipeline_options": {"enable_cache": value}}),
    ("decorator", lambda value: {"step_options": {"enable_cache": value}}),
    ("configure", lambda value: {"configure": {"enable_cache": value}}),
    ("with_options", lambda value: {"with_options": {"enable_cache": value}}),
    ("run", lambda value: {"steps": {"function": {"enable_cache": value}}}),
)


@pytest.mark.parametrize("name", [name for name, _ in PLACES])
@pytest.mark.parametrize("value", [True, False])
def test_an_option_holds_wherever_it_is_said(name, value):
    assert options_of(**dict(PLACES)[name](value)).enable_cache is value


@pytest.mark.parametrize(
    ("weaker", "stronger"), [(a, b) for i, (a, _) in enumerate(PLACES) for b, _ in PLACES[i + 1 :]]
)
@pytest.mark.parametrize("value", [True, False])
def test_a_stronger_place_beats_a_weaker_one(weaker, stronger, value):
    places = dict(PLACES)

    assert options_of(**places[weaker](not value), **places[stronger](value)).enable_cache is value


@pytest.mark.parametrize("name", ["decorator", "configure", "with_options", "run"])
def test_none_says_nothing(name):
    places = dict(PLACES)

    assert not options_of(**places["pipeline_options"](False), **places[name](None)).enable_cache


@pytest.mark.parametrize(
    "flag", ["enable_cache", "enable_step_logs", "enable_artifact_metadata", "enable_artifact_visualization"]
)
def test_a_flag_is_on_unless_said_otherwise(flag):
    assert getattr(options_of(), flag) is True
    assert getattr(options_of(step_options={flag: False}), flag) is False


def test_the_cache_policy_of_the_pipeline_holds_for_its_steps():
    found = options_of(pipeline_options={"cache_policy": CachePolicy(max_age_days=1, ignore_fields=["x"])})

    assert (found.cache.max_age, found.cache.ignored) == (86_400, ("x",))


def test_settings_of_several_places_are_merged():
    found = options_of(
        step_options={"settings": {"alerter": 1, "deployment": {"x": 1}}},
        with_options={"settings": {"deployment": {"y": 2}}},
    )

    assert found.settings == {"alerter": 1, "deployment": {"x": 1, "y": 2}}


# Values


@pytest.mark.parametrize("flag", ["enable_cache", "enable_step_logs"])
def test_a_flag_is_true_or_false(flag):
    with pytest.raises(
        ConfigurationError, match=f"`{flag}` of step `function` is 'yes'; it must be True or False"
    ):
        options_of(step_options={flag: "yes"})


def test_an_unknown_runtime_is_refused():
    with pytest.raises(
        ConfigurationError, match="`runtime` of step `function` is 'docker'; it can be `inline` or `isolated`"
    ):
        options_of(step_options={"runtime": "docker"})


@pytest.mark.parametrize("policy", [None, "default"])
def test_the_default_cache_policy_ignores_nothing(policy):
    found = options_of(step_options={"cache_policy": policy})

    assert found.cache == CacheRules()


def test_a_cache_policy_can_be_a_mapping():
    assert options_of(step_options={"cache_policy": {"expires_after": 60}}).cache.max_age == 60


def test_another_cache_policy_is_refused():
    with pytest.raises(
        ConfigurationError, match=r"`cache_policy` of step `function` is 'never'. Give it a `CachePolicy"
    ):
        options_of(step_options={"cache_policy": "never"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Plain, {"output": (f"{__name__}.Plain",)}),
        (f"{__name__}.Plain", {"output": (f"{__name__}.Plain",)}),
        ({"output": Plain}, {"output": (f"{__name__}.Plain",)}),
        ({"output": [Plain, f"{__name__}.Plain"]}, {"output": (f"{__name__}.Plain",) * 2}),
    ],
)
def test_materializers_are_kept_by_their_paths(given, expected):
    assert options_of(step_options={"output_materializers": given}).output_materializers == expected


def test_materializers_may_stand_in_the_settings_and_the_option_wins():
    named = f"{__name__}.Plain"
    for given, expected in (
        ({"settings": {"output_materializers": Plain}}, named),
        ({"settings": {"output_materializers": {"output": named}}}, named),
        ({"output_materializers": "json", "settings": {"output_materializers": Plain}}, "json"),
    ):
        options = options_of(step_options=given)
        assert options.output_materializers == {"output": (expected,)}
        assert options.settings == {}


def test_a_materializer_for_an_unknown_output_is_refused():
    with pytest.raises(
        ConfigurationError,
        match=r"names the output `model`, which it does not have. Its outputs are: `output`",
    ):
        options_of(step_options={"output_materializers": {"model": Plain}})


class Setting:
    def model_dump(self):
        return {"a": 1}


def test_settings_that_can_tell_their_fields_are_written_out():
    assert options_of(step_options={"settings": {"alerter": Setting()}}).settings == {"alerter": {"a": 1}}


@pytest.mark.parametrize("value", [object(), float("nan"), {"deep": [float("inf")]}])
def test_settings_that_cannot_be_stored_are_refused(value):
    with pytest.raises(
        ConfigurationError, match=r"`settings` of step `function` cannot be stored.*Use text, numbers"
    ):
        options_of(step_options={"settings": {"s": value}})


# Pipelines


class Mode(enum.Enum):
    FAST = "fail_fast"


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, "continue_on_failure"), ("fail_fast", "fail_fast"), (Mode.FAST, "fail_fast")],
)
def test_the_execution_mode_is_recorded(given, expected):
    assert plan_of(pipeline_options={"execution_mode": given}).options.execution_mode == expected


def test_an_unknown_execution_mode_is_refused():
    with pytest.raises(
        ConfigurationError,
        match="`execution_mode` of pipeline `pipe` is 'slow'; it can be `continue_on_failure`",
    ):
        plan_of(pipeline_options={"execution_mode": "slow"})


@pytest.mark.parametrize("value", [0, -1, "2", 1.5, True])
def test_parallelism_is_a_number_from_one_up(value):
    with pytest.raises(
        ConfigurationError, match=r"`max_parallelism` of pipeline `pipe` is .*; it must be a number from 1 up"
    ):
        plan_of(pipeline_options={"max_parallelism": value})


def test_tags_are_kept_once_in_order():
    assert plan_of(pipeline_options={"tags": ["b", "a", "b"]}).options.tags == ("b", "a")


def test_a_text_is_no_list_of_tags():
    with pytest.raises(
        ConfigurationError, match=r'`tags` of pipeline `pipe` is a list; write `tags=\["night"\]`'
    ):
        plan_of(pipeline_options={"tags": "night"})


def test_a_cache_policy_of_a_pipeline_is_checked_even_without_steps():
    with pytest.raises(ConfigurationError, match="`cache_policy` of pipeline `empty`"):
        compile_pipeline(pipeline(cache_policy=5)(empty), (), {})


def empty():
    pass


# Mappings in place of objects, as configuration files give them


def test_a_tag_and_a_group_can_be_mappings():
    plan = plan_of(
        pipeline_options={"tags": [{"name": "a", "exclusive": True}, "b"]},
        step_options={"group": {"name": "g"}},
    )

    assert plan.options.tags == ("a", "b")
    assert plan.options.special_tags[0].is_exclusive
    assert plan.definitions[plan.invocations[0].definition].options.group == "g"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tags": [{"nam": "a"}]}, "`tags` of pipeline `pipe`: .*nam"),
        ({"cache_policy": {"max_age": 1}}, "`cache_policy` of .*max_age"),
    ],
)
def test_an_unknown_field_of_a_mapping_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        plan_of(pipeline_options=options)
