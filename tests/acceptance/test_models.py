"""Models: which version a run works on, what belongs to it, and what a step can ask and say of it."""

import pytest

HEAD = """
from zenml import Model, Tag, get_step_context, log_metadata, log_model_metadata, save_artifact
from zenml.client import Client
"""


@pytest.fixture(params=["inline", "isolated"])
def runtime(request):
    return request.param


def test_each_run_has_a_version_of_its_own_with_its_artifacts(lab):
    result = lab.run(
        HEAD
        + """
@step(enable_cache=False)
def train(x: int) -> int:
    return x

@step
def check(x: int) -> bool:
    return x > 0

@pipeline(model=Model("churn", description="Who leaves", tags=["trees", Tag("blue", color="#00f")]))
def flow(x: int):
    check(train(x))

first, second = flow(1), flow(2)
for run in (first, second):
    version = run.model_version
    fact(**{f"v{version.number}": [version.name, version.stage, version.model.name, sorted(version.artifacts),
         version.get_artifact("flow::train::output").load(), [one.name for one in version.runs] == [run.name],
         version.run.name == run.name]})
model = Client().get_model("churn")
fact(tags=[[tag.name, tag.color] for tag in model.tags], equal=version.tags == ["blue", "trees"],
     words=[model.description, model.license], newest=model.latest_version.number,
     step=second.steps["check"].model_version.id == second.model_version.id)
"""
    )

    names = ["flow::check::output", "flow::train::output"]
    assert result.facts["v1"] == ["1", "none", "churn", names, 1, True, True]
    assert result.facts["v2"] == ["2", "none", "churn", names, 2, True, True]
    assert result.facts["tags"] == [["blue", "#00f"], ["trees", None]]
    assert result.facts["equal"] is True
    assert result.facts["words"] == ["Who leaves", None]
    assert (result.facts["newest"], result.facts["step"]) == (2, True)


def test_cached_steps_belong_to_the_new_version_too(lab):
    result = lab.run(
        HEAD
        + """
@step
def train() -> int:
    return 1

@pipeline(model=Model("churn"))
def flow():
    train()

runs = flow(), flow()
fact(statuses=statuses(runs[1]), same=len({one.model_version.get_artifact("output").id for one in runs}),
     numbers=[one.model_version.number for one in runs])
"""
    )

    assert result.facts == {"statuses": {"train": "cached"}, "same": 1, "numbers": [1, 2]}


def test_a_step_knows_its_model_says_metrics_and_loads_artifacts(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step
def train() -> list:
    return [1, 2]

@step(runtime="{runtime}")
def check(x: list) -> float:
    context = get_step_context()
    log_metadata({{"accuracy": 0.9}}, infer_model=True)
    log_model_metadata({{"loss": 0.3}})
    context.model.log_metadata({{"depth": 4}})
    save_artifact("a report", "report")
    fact(names=[context.model.name, context.model.version, context.model_version.name, context.model.number],
         loaded=context.model.get_artifact("flow::train::output").load(), said=context.model.run_metadata)
    return 1.5

@pipeline(model=Model("churn"))
def flow():
    check(train())

version = flow().model_version
fact(found=version.run_metadata, artifacts=sorted(version.artifacts), report=version.load_artifact("report"))
"""
    )

    metrics = {"accuracy": 0.9, "loss": 0.3, "depth": 4}
    assert result.facts["names"] == ["churn", "1", "1", 1]
    assert result.facts["loaded"] == [1, 2]
    assert (result.facts["said"], result.facts["found"]) == (metrics, metrics)
    assert result.facts["artifacts"] == ["flow::check::output", "flow::train::output", "report"]
    assert result.facts["report"] == "a report"


def test_a_step_works_on_a_model_of_its_own(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step
def train() -> int:
    return 1

@step(model=Model("fraud"), runtime="{runtime}")
def other(x: int) -> str:
    log_metadata({{"n": 1}}, infer_model=True)
    return get_step_context().model.name

@pipeline(model=Model("churn"))
def flow():
    other(train())

run = flow()
fact(run=run.model_version.model.name, metrics=[run.model_version.run_metadata, Client().get_model_version("fraud").run_metadata],
     **{{name: [step.model_version.model.name, list(step.model_version.artifacts)] for name, step in run.steps.items()}})
"""
    )

    assert result.facts["run"] == "churn"
    assert result.facts["train"] == ["churn", ["flow::train::output"]]
    assert result.facts["other"] == ["fraud", ["flow::other::output"]]
    assert result.facts["metrics"] == [{}, {"n": 1}]


def test_a_run_compares_its_new_version_with_the_one_in_production_and_promotes_it(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step(enable_cache=False)
def train(score: float) -> float:
    log_metadata({{"score": score}}, infer_model=True)
    return score

@step(model=Model("churn", version="production"), enable_cache=False)
def champion() -> float:
    return get_step_context().model.run_metadata.get("score", 0.0)

@step(runtime="{runtime}")
def promote(new: float, old: float):
    if new > old:
        get_step_context().model.set_stage("production", force=True)

@pipeline(model=Model("churn"))
def flow(score: float):
    promote(train(score), champion())

for score in (0.5, 0.9, 0.7):
    flow(score)
model = Client().get_model("churn")
fact(stages={{one.name: one.stage for one in model.versions}},
     production=Client().get_model_version("churn", "production").run_metadata["score"],
     history=[change.stage for change in model.get_version(2).stage_history])
"""
    )

    # The first run finds nothing in production, and makes a version of that name.
    assert result.facts["stages"] == {"production": "none", "2": "archived", "3": "production", "4": "none"}
    assert result.facts["history"] == ["production", "archived"]
    assert result.facts["production"] == 0.9


def test_a_hook_of_a_step_knows_its_model_and_says_metrics_of_it(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
def after():
    log_metadata({{"by_hook": 1}}, infer_model=True)
    model = get_step_context().model
    fact(hook=[model.name, model.version, model.run_metadata, get_step_context().model_version.name])

@step(on_success=after, runtime="{runtime}")
def train() -> int:
    return 1

@pipeline(model=Model("churn"))
def flow():
    train()

fact(found=flow().model_version.run_metadata)
"""
    )

    assert result.facts == {"hook": ["churn", "1", {"by_hook": 1}, "1"], "found": {"by_hook": 1}}


def test_a_number_that_is_not_there_is_said_before_anything_runs(lab):
    result = lab.run(
        HEAD
        + """
@step
def train() -> int:
    mark("ran")
    return 1

@pipeline(model=Model("churn", version=4))
def flow():
    train()

Client().create_model("churn")
Client().create_model_version("churn", "first")
error = outcome(flow)
fact(kind=type(error).__name__, text=str(error), runs=Client().list_pipeline_runs().total)
"""
    )

    assert result.facts["kind"] == "NotFoundError"
    assert "Model `churn` has no version `4`. It has: `first`." in result.facts["text"]
    assert (result.facts["runs"], result.count("ran")) == (0, 0)


def test_a_failed_run_leaves_its_version(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step
def train() -> int:
    return 1

@step(runtime="{runtime}")
def fail(x: int):
    log_metadata({{"seen": 1}}, infer_model=True)
    raise ValueError("no")

@pipeline(model=Model("churn"))
def flow():
    fail(train())

outcome(flow)
version = Client().get_model_version("churn")
fact(status=str(version.run.status), artifacts=list(version.artifacts), seen=version.run_metadata)
"""
    )

    assert result.facts == {"status": "failed", "artifacts": ["flow::train::output"], "seen": {"seen": 1}}


def test_all_attempts_of_a_step_work_on_one_version(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step(retry=1, runtime="{runtime}")
def train() -> int:
    attempt = get_step_context().attempt
    log_metadata({{"attempt": attempt}}, infer_model=True)
    save_artifact(attempt, "seen")
    if attempt == 1:
        raise ConnectionError("down")
    return attempt

@pipeline(model=Model("churn"))
def flow():
    train()

version = flow().model_version
fact(history=version.metadata_history["attempt"], artifacts=sorted(version.artifacts), seen=version.load_artifact("seen"),
     versions=len(version.model.versions))
"""
    )

    assert result.facts == {
        "history": [1, 2],
        "artifacts": ["flow::train::output", "seen"],
        "seen": 2,
        "versions": 1,
    }


def test_a_version_that_is_deleted_meanwhile_does_not_stop_the_run(lab):
    result = lab.run(
        HEAD
        + """
@step
def train() -> int:
    Client().delete_model_version("churn", "latest")
    log_metadata({"late": 1}, infer_model=True)
    return 1

@pipeline(model=Model("churn"))
def flow():
    train()

run = flow()
fact(status=str(run.status), versions=[run.model_version, run.steps["train"].model_version])
"""
    )

    assert result.facts == {"status": "completed", "versions": [None, None]}


def test_an_output_of_a_pipeline_belongs_to_the_version_under_its_own_name(lab):
    result = lab.run(
        HEAD
        + """
from typing import Annotated

@step
def train() -> int:
    return 3

@pipeline(model=Model("churn"))
def flow() -> Annotated[int, "best"]:
    return train()

fact(value=flow().model_version.get_artifact("best").load())
"""
    )

    assert result.facts["value"] == 3


def test_models_are_told_from_data_by_their_materializer(lab):
    result = lab.run(
        HEAD
        + """
from sklearn.tree import DecisionTreeClassifier
from sklearn.base import ClassifierMixin
from typing import Annotated

@step
def load() -> Annotated[list, "rows"]:
    return [[0], [1]]

@step
def train(rows: list) -> Annotated[ClassifierMixin, "tree"]:
    return DecisionTreeClassifier().fit(rows, [0, 1])

@pipeline(model=Model("churn"))
def flow():
    train(load())

version = flow().model_version
fact(model=list(version.model_artifacts), data=list(version.data_artifacts), services=list(version.deployment_artifacts),
     right=[version.get_model_artifact("tree").name, version.get_data_artifact("rows").load()],
     wrong=type(outcome(lambda: version.get_model_artifact("rows"))).__name__)
"""
    )

    assert result.facts == {
        "model": ["tree"],
        "data": ["rows"],
        "services": [],
        "right": ["tree", [[0], [1]]],
        "wrong": "NotFoundError",
    }


def test_a_step_may_say_that_an_artifact_is_a_model(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
from typing import Annotated
from zenml import ArtifactConfig
from zenml.enums import ArtifactType

@step(runtime="{runtime}")
def train() -> Annotated[dict, ArtifactConfig(name="weights", artifact_type=ArtifactType.MODEL)]:
    save_artifact([1], "address", artifact_type="ServiceArtifact")
    return {{"a": 0.5}}

@pipeline(model=Model("churn"))
def flow():
    train()

run = flow()
version = run.model_version
fact(model=version.get_model_artifact("weights").load(), service=list(version.deployment_artifacts),
     type=run.steps["train"].output.type == ArtifactType.MODEL,
     wrong=str(outcome(lambda: ArtifactConfig(artifact_type="Modell"))))
"""
    )

    assert result.facts["model"] == {"a": 0.5}
    assert (result.facts["service"], result.facts["type"]) == (["address"], True)
    assert "There is no type of artifact 'Modell'. There is: `DataArtifact`" in result.facts["wrong"]


def test_an_end_of_a_name_is_enough_while_it_is_clear(lab):
    result = lab.run(
        HEAD
        + """
@step
def one() -> int:
    return 1

@step
def two(x: int) -> int:
    return 2

@pipeline(model=Model("churn"))
def flow():
    two(one())

version = flow().model_version
error = outcome(lambda: version.get_artifact("output"))
missing = outcome(lambda: version.get_artifact("flow::one::outpt"))
number = outcome(lambda: version.get_artifact("flow::one::output", 7))
fact(kind=type(error).__name__, text=str(error), missing=str(missing), number=str(number),
     versioned=version.get_artifact("flow::two::output", version="1").load())
"""
    )

    assert result.facts["kind"] == "AmbiguousNameError"
    assert "`flow::one::output`, `flow::two::output`" in result.facts["text"]
    assert "`flow::one::output`" in result.facts["missing"]
    assert "has no version 7. It has: 1." in result.facts["number"]
    assert result.facts["versioned"] == 2


def test_metadata_of_a_model_is_logged_by_name_from_anywhere(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
client = Client()
client.create_model("churn")
client.create_model_version("churn", "good")
client.create_model_version("churn")
log_metadata({{"newest": 1}}, model_name="churn")
log_metadata({{"named": 2}}, model_name="churn", model_version="good")

@step(runtime="{runtime}")
def work():
    log_model_metadata({{"inside": 3}}, "churn", 1)
    fact(error=str(outcome(lambda: log_metadata({{"x": 1}}, infer_model=True))), model=get_step_context().model)

@pipeline
def flow():
    work()

fact(run=flow().model_version, outside=str(outcome(lambda: log_metadata({{"x": 1}}, infer_model=True))))
fact(both=str(outcome(lambda: log_metadata({{"x": 1}}, model_name="churn", step_id="x"))))
fact(good=client.get_model_version("churn", "good").run_metadata, newest=client.get_model_version("churn").run_metadata)
"""
    )

    assert result.facts["good"] == {"named": 2, "inside": 3}
    assert result.facts["newest"] == {"newest": 1}
    assert "in a step that works on no model" in result.facts["error"]
    assert "where no step is running" in result.facts["outside"]
    assert "a model beside a run" in result.facts["both"]
    assert (result.facts["model"], result.facts["run"]) == (None, None)


def test_client_creates_lists_changes_and_deletes(lab):
    result = lab.run(
        HEAD
        + """
client = Client()
client.create_model("churn", tags=["trees"], license="MIT", description="old")
client.create_model("fraud")
client.update_model("churn", add_tags=["new"], remove_tags="trees", description="new", license=None)
for name in (None, "good", None):
    client.create_model_version("churn", name, description="one of three", tags=["x"])
client.update_model_version("churn", "good", stage="production", add_tags="gold")
client.update_model_version("churn", 3, stage="staging", description="candidate")
model = client.get_model("churn")
fact(model=[model.tags, model.license, model.description],
     by_tag=[one.name for one in client.list_models(tag="new").items],
     listed=[one.name for one in client.list_models(sort_by="asc:name").items],
     versions=[[one.name, one.stage, one.tags] for one in client.list_model_versions("churn", "asc:number").items],
     staged=[one.name for one in client.list_model_versions(stage="production").items],
     gold=[one.name for one in client.list_model_versions(tag="gold").items],
     described=client.get_model_version("churn", "staging").description)
client.delete_model_version("churn", "good")
fact(left=[one.name for one in model.versions], gone=str(outcome(lambda: client.get_model_version("churn", "good"))))
client.delete_model("churn")
fact(models=[one.name for one in client.list_models().items], word=str(outcome(lambda: client.create_model("a", colour="x"))))
"""
    )

    assert result.facts["model"] == [["new"], None, "new"]
    assert result.facts["by_tag"] == ["churn"]
    assert result.facts["listed"] == ["churn", "fraud"]
    assert result.facts["versions"] == [
        ["1", "none", ["x"]],
        ["good", "production", ["gold", "x"]],
        ["3", "staging", ["x"]],
    ]
    assert (result.facts["staged"], result.facts["gold"]) == (["good"], ["good"])
    assert result.facts["described"] == "candidate"
    assert result.facts["left"] == ["3", "1"]
    assert "has no version `good`" in result.facts["gone"]
    assert result.facts["models"] == ["fraud"]
    assert "A model has no `colour`" in result.facts["word"]


def test_runs_at_once_get_versions_of_their_own(lab):
    script = (
        HEAD
        + """
@step(enable_cache=False)
def work() -> int:
    return 1

@pipeline(model=Model("churn"))
def flow():
    work()

mark("ready")
wait_for_mark("ready", 2)
fact(numbers=[flow().model_version.number for _ in range(10)])
"""
    )
    programs = [lab.start(script) for _ in range(2)]
    numbers = [number for program in programs for number in program.finish().facts["numbers"]]

    assert sorted(numbers) == list(range(1, 21))


def test_a_run_in_the_background_has_its_version_or_does_not_begin(lab):
    result = lab.run(
        HEAD
        + """
@step
def work() -> int:
    return 1

@pipeline(model=Model("churn"), settings={"orchestrator": {"synchronous": False}})
def flow():
    work()

run = flow()
fact(version=run.model_version.name)
wait_until(lambda: run.refresh().end_time is not None)
fact(artifacts=list(run.model_version.artifacts), missing=str(outcome(flow.with_options(model=Model("churn", version=9)))))
"""
    )

    assert result.facts["version"] == "1"
    assert result.facts["artifacts"] == ["flow::work::output"]
    assert "has no version `9`" in result.facts["missing"]


def test_a_deleted_run_leaves_its_version_and_what_belongs_to_it(lab):
    result = lab.run(
        HEAD
        + """
from zenml.store.opening import open_store
from zenml.store.removal import delete_runs, unused_artifacts

@step
def work() -> int:
    log_metadata({"n": 1}, infer_model=True)
    return 1

@pipeline(model=Model("churn"))
def flow():
    work()

run = flow()
delete_runs(open_store(), [run.id])
version = Client().get_model_version("churn")
fact(unused=len(unused_artifacts(open_store())), run=version.run, runs=version.runs,
     value=version.get_artifact("output").load(), metrics=version.run_metadata)
"""
    )

    assert result.facts == {"unused": 0, "run": None, "runs": [], "value": 1, "metrics": {"n": 1}}
