"""Which versions of models a plan asks for."""

from zenml.execute.model_linking import asked_models
from zenml.records.plan import ModelSpec, PipelineOptions, Plan, Source, StepDefinition, StepOptions, TagSpec


def plan_of(of_pipeline, *of_steps):
    definitions = {
        str(number): StepDefinition(f"step{number}", Source("m", "f"), StepOptions(model=model), (), "code")
        for number, model in enumerate(of_steps)
    }
    return Plan("flow", None, PipelineOptions(model=of_pipeline), definitions, ())


def test_a_plan_without_models_asks_for_none():
    assert asked_models(plan_of(None, None, None)) == []


def test_a_version_is_asked_for_once_however_many_steps_name_it():
    new, production = ModelSpec("churn"), ModelSpec("churn", "production")

    assert asked_models(plan_of(new, new, production, None, new, production)) == [new, production]


def test_versions_of_several_models_are_asked_for():
    churn, fraud = ModelSpec("churn"), ModelSpec("fraud")

    assert asked_models(plan_of(None, fraud, churn)) == [fraud, churn]


def test_tags_of_all_who_name_a_version_count():
    blue, red = TagSpec("blue"), TagSpec("red")

    (asked,) = asked_models(plan_of(ModelSpec("churn", None, (blue,)), ModelSpec("churn", None, (red, blue))))

    assert asked == ModelSpec("churn", None, (blue, red))
