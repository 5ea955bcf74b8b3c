"""Which versions of models a plan asks for."""

import pytest

from zenml.execute.model_linking import ModelLinking, asked_models
from zenml.records.plan import (
    Invocation,
    ModelSpec,
    Output,
    PipelineOptions,
    Plan,
    Source,
    StepDefinition,
    StepOptions,
    TagSpec,
)
from zenml.records.run import Artifact, Run, StepRun
from zenml.store.database import Database
from zenml.store.store import Batch, RunDocuments, StepEnd

OUTPUT = Output("output", "int")


def plan_of(of_pipeline, *of_steps):
    definitions = {
        str(number): StepDefinition(
            f"step{number}", Source("m", "f"), StepOptions(model=model), (OUTPUT,), "code"
        )
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


def a_step(definition, **fields):
    name = f"step{definition}"
    return StepRun(
        id=name, run_id="run", invocation_id=name, definition=definition, invocation=Invocation(name, definition),
        started_at=0, **fields,
    )  # fmt: skip


def an_artifact(name, **fields):
    return Artifact(
        id=name,
        name=name,
        output="output",
        type="int",
        materializer="json",
        digest="1",
        size=1,
        created_at=0,
        **fields,
    )


@pytest.fixture
def begin():
    """Return a function that records a run of a plan, and returns its linking and the names of linked targets."""
    store = Database(":memory:")

    def record(plan):
        run = Run(
            id="run", name="run", status="running", pipeline_name="flow", owner_id=store.owner().id, created_at=0,
            plan="p", environment="e", options=plan.options,
        )  # fmt: skip
        assert store.start_run(run, RunDocuments(b"", b"", {}), asked_models(plan))
        linking = ModelLinking(store, run, plan)
        names = {version.id: name for (name, _), version in store.models.of_run("run").items()}

        def linked(batch, artifacts=None):
            linking.link(batch, artifacts or {})
            return [(names[link.version_id], link.target_id) for link in batch.links]

        return linked

    yield record
    store.close()


def test_what_a_step_makes_belongs_to_its_own_model(begin):
    linked = begin(plan_of(ModelSpec("churn"), ModelSpec("churn"), ModelSpec("fraud"), None))
    steps = [a_step(str(number), status="running") for number in range(3)]
    linked(Batch(started=steps))

    ends = [StepEnd(step, (an_artifact(f"of {step.id}"),)) for step in steps]
    saved = [an_artifact("saved", saved_by="step1"), an_artifact("by nobody")]

    assert linked(Batch(ended=ends, saved=saved, aliases=[an_artifact("alias")])) == [
        ("fraud", "saved"),
        ("churn", "of step0"),
        ("fraud", "of step1"),
        ("churn", "alias"),
    ]


def test_outputs_of_cached_steps_belong_to_the_model(begin):
    linked = begin(plan_of(ModelSpec("churn"), ModelSpec("churn")))
    cached, skipped = a_step("0", status="cached"), a_step("0", status="skipped")

    found = linked(Batch(started=[cached, skipped]), {("step0", "output"): an_artifact("old")})

    assert found == [("churn", "old")]


def test_an_end_that_was_refused_is_linked_when_it_comes_again(begin):
    linked = begin(plan_of(ModelSpec("churn"), ModelSpec("churn")))
    step = a_step("0", status="running")
    linked(Batch(started=[step]))
    end = StepEnd(step, (an_artifact("made"),))

    assert [linked(Batch(ended=[end])) for _ in range(2)] == [[("churn", "made")]] * 2


def test_a_run_without_a_model_links_nothing(begin):
    linked = begin(plan_of(None, None))

    assert linked(Batch(started=[a_step("0", status="cached")], aliases=[an_artifact("alias")])) == []
