"""Naming parts of a stack that are not there."""

import pytest

from zenml import pipeline, step
from zenml.compile.compiler import compile_pipeline
from zenml.compile.stack_parts import settings_without_part
from zenml.errors import ConfigurationError


def compiled(*steps):
    @pipeline
    def flow():
        for one in steps:
            one()

    return compile_pipeline(flow, (), {})


def declared(**options):
    @step(**options)
    def train() -> None: ...

    return train


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"step_operator": "vertex_ai"},
            "Step `train` names the step operator `vertex_ai`, which is not registered",
        ),
        ({"experiment_tracker": "mlflow_tracker"}, "names the experiment tracker `mlflow_tracker`"),
        ({"step_operator": True}, "asks for the step operator of the active stack, which has none"),
    ],
)
def test_a_component_that_is_not_there_is_refused_when_the_pipeline_is_compiled(options, words):
    train = declared(**options)  # decorating alone never fails

    with pytest.raises(ConfigurationError) as refused:
        compiled(train)

    assert words in str(refused.value)
    assert "Registered are: none of this type. Leave `" in str(refused.value)


@pytest.mark.parametrize("value", [None, False])
def test_no_component_is_no_error(value):
    compiled(declared(step_operator=value, experiment_tracker=value))


def test_settings_for_a_part_that_is_not_there_are_one_note():
    first = declared(settings={"experiment_tracker.mlflow": {"experiment_name": "x"}})
    second = declared(settings={"experiment_tracker.mlflow": {}, "step_operator": {}}, name="tune")

    note = settings_without_part(compiled(first, second).plan.definitions.values())

    assert note == (
        "Settings without effect, because the active stack `default` has no such part: "
        "`experiment_tracker.mlflow` of steps `train`, `tune`, `step_operator` of step `tune`."
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"docker": {"parent_image": "python"}},
        {"resources": {"cpu_count": 1}},
        {"orchestrator": {"a": 1}},
        {"orchestrator.local": {"a": 1}},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_other_settings_are_no_reason_for_a_note(settings):
    train = declared(settings=settings)

    assert settings_without_part(compiled(train).plan.definitions.values()) is None
