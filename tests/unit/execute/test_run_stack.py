"""What a run uses of its stack: named components, settings by their keys, what an orchestrator can do."""

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.compile.compiler import compile_pipeline
from zenml.errors import ConfigurationError
from zenml.execute.run_stack import RunStack
from zenml.store.opening import open_store


def definitions(*steps, **options):
    @pipeline(**options)
    def flow():
        for one in steps:
            one()

    return compile_pipeline(flow, (), {}).plan.definitions.values()


def declared(**options):
    @step(**options)
    def train() -> None: ...

    return train


def check(zenml_store, *steps, **options):
    return RunStack(open_store()).check(definitions(*steps, **options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"step_operator": "vertex_ai"},
            "Step `train` names the step operator `vertex_ai`, which is not registered",
        ),
        ({"experiment_tracker": "mlflow_tracker"}, "names the experiment tracker `mlflow_tracker`"),
        (
            {"step_operator": True},
            "asks for the step operator of the active stack `default`, which has none",
        ),
    ],
)
def test_a_component_that_is_not_there_is_refused(zenml_store, options, words):
    train = declared(**options)  # decorating alone never fails

    with pytest.raises(ConfigurationError) as refused:
        check(zenml_store, train)

    assert words in str(refused.value)
    assert "Registered are: none of this type." in str(refused.value)


@pytest.mark.parametrize("value", [None, False])
def test_no_component_is_no_error(zenml_store, value):
    assert check(zenml_store, declared(step_operator=value, experiment_tracker=value)) == []


def test_settings_for_a_part_that_is_not_there_are_one_note(zenml_store):
    first = declared(settings={"experiment_tracker.mlflow": {"experiment_name": "x"}})
    second = declared(settings={"experiment_tracker.mlflow": {}, "step_operator": {}}, name="tune")

    assert check(zenml_store, first, second) == [
        (
            "Settings without effect, because the active stack `default` has no such part: "
            "`experiment_tracker.mlflow` of steps `train`, `tune`, `step_operator` of step `tune`."
        )
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"docker": {"parent_image": "python"}},
        {"resources": {"cpu_count": 1}},
        {"orchestrator": {"max_parallelism": 1}},
        {"orchestrator.local": {"synchronous": True}},
        {"orchestrator.default": {"synchronous": True}},
        {"orchestrator.kubernetes": {"a": 1}},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_other_settings_are_no_reason_for_a_note(zenml_store, settings):
    assert check(zenml_store, declared(settings=settings)) == []


def test_fields_that_another_flavor_may_know_are_a_note(zenml_store):
    (note,) = check(zenml_store, declared(settings={"orchestrator": {"pod_labels": 1}}))

    assert "`pod_labels` in `settings.orchestrator` of step `train`" in note


def test_a_misspelled_field_is_refused(zenml_store):
    with pytest.raises(ConfigurationError, match="Did you mean `synchronous`"):
        check(zenml_store, declared(settings={"orchestrator": {"synchronos": False}}))


def test_a_field_that_the_named_flavor_does_not_know_is_refused(zenml_store):
    with pytest.raises(ConfigurationError, match="`pod_labels` is unknown"):
        check(zenml_store, declared(settings={"orchestrator.local": {"pod_labels": 1}}))


def test_a_misspelled_flavor_is_a_note(zenml_store):
    (note,) = check(zenml_store, declared(settings={"orchestrator.locl": {"synchronous": False}}))

    assert "Did you mean `orchestrator.local`?" in note


def test_settings_of_the_stack_win_over_those_of_the_flavor_and_those_over_the_type(zenml_store):
    settings = {
        "orchestrator.default": {"max_parallelism": 3},
        "orchestrator": {"max_parallelism": 1, "synchronous": False},
        "orchestrator.local": {"max_parallelism": 2, "synchronous": True},
    }

    stack = RunStack(open_store())

    assert stack.parallelism(settings) == 3
    assert stack.is_synchronous(settings) is True


def test_the_configuration_of_the_orchestrator_holds_where_settings_say_nothing(zenml_store):
    client = Client()
    client.create_stack_component(
        "later", "local", "orchestrator", {"synchronous": False, "max_parallelism": 2}
    )
    client.create_stack("background", {"orchestrator": "later"})
    client.activate_stack("background")

    stack = RunStack(open_store())

    assert (stack.is_synchronous({}), stack.parallelism({})) == (False, 2)
    assert stack.is_synchronous({"orchestrator": {"synchronous": True}}) is True


def test_a_step_operator_and_an_inline_runtime_exclude_each_other(zenml_store):
    with pytest.raises(ConfigurationError, match="leave one of both out"):
        definitions(declared(step_operator="x", runtime="inline"))
