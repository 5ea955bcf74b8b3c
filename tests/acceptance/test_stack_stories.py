"""Stacks as users have them: registered on the command line, with flavors of other people, heeded by runs."""

import json
import os
import subprocess
import sys

import labkit
import pytest

from zenml.client.run_control import wait_for_run

KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit")
FLOW = """
    @step(enable_cache=False)
    def work() -> int:
        return 1

    @pipeline
    def flow():
        work()

    run = flow()
    fact(status=str(run.status), stack=run.stack.name)
"""


@pytest.fixture
def lab(with_kitchen):
    return with_kitchen


def zenml(lab, *words, status=0):
    told = {"NO_COLOR": "1", "PYTHONPATH": KIT, "LAB_TRACE": lab.trace, "LAB_ID": lab.id}
    environment = {**os.environ, **lab.variables, **told}
    done = subprocess.run(
        [sys.executable, "-m", "zenml", *words],
        env=environment, cwd=lab.folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


def marks(lab, name):
    return [one for one in labkit.read(lab.trace) if one["mark"] == name]


def test_an_alerter_of_another_package_from_the_command_line_to_a_hook(lab):
    listed = json.loads(zenml(lab, "alerter", "flavors", "--json").stdout)
    assert "marker" in [one["name"] for one in listed["flavors"]]
    zenml(
        lab, "alerter", "register", "gong", "--flavor", "marker", "--word", "dong", "--password", "hunter22"
    )
    zenml(lab, "stack", "register", "loud", "--alerter", "gong", "--set")

    lab.run("""
    from zenml.client import Client
    from zenml.hooks import alerter_success_hook

    def tell():
        Client().active_stack.alerter.post("told by hand")

    @step(on_success=tell, enable_cache=False)
    def first() -> int:
        return 1

    @step(on_success=alerter_success_hook, runtime="isolated", enable_cache=False)
    def second(x: int) -> None: ...

    @pipeline
    def flow():
        second(first())

    flow()
    """)

    by_hand, built_in = marks(lab, "post")
    assert (by_hand["text"], by_hand["word"], by_hand["password"]) == ("told by hand", "dong", "hunter22")
    assert built_in["is_alert"]
    assert "second" in built_in["title"]
    shown = zenml(lab, "alerter", "describe", "gong").stdout
    assert "dong" in shown
    assert "hunter22" not in shown


@pytest.mark.parametrize(
    ("flavor", "words"),
    [
        ("broken", "cannot be loaded: AttributeError"),
        ("mislabelled", "must name a `Flavor` of type `alerter` with the name `mislabelled`"),
    ],
)
def test_an_entry_point_that_names_no_flavor_says_whose_it_is(lab, flavor, words):
    done = zenml(lab, "alerter", "register", "x", "--flavor", flavor, status=1)

    assert "of kitchen-flavors" in done.stderr
    assert words in done.stderr


def test_a_tracker_is_named_by_a_step_and_opened_in_its_process(lab):
    client = lab.client()
    for name in ("paper", "slate"):
        client.create_stack_component(name, "notebook", "experiment_tracker")
    result = lab.run("""
    @step(experiment_tracker="paper")
    def one() -> int:
        return 1

    @step(experiment_tracker="slate", runtime="inline")
    def two(x: int) -> None:
        raise ValueError("lost")

    @pipeline
    def flow():
        two(one())

    outcome(flow)
    fact(pid=os.getpid())
    """)

    first, second = marks(lab, "tracked")
    assert [(one["step"], one["by"]) for one in (first, second)] == [("one", "paper"), ("two", "slate")]
    assert first["pid"] != result.facts["pid"] == second["pid"]
    assert [one["failure"] for one in marks(lab, "finished")] == [None, "lost"]
    (run,) = lab.client().list_pipeline_runs()
    assert run.steps["one"].run_metadata["experiment_tracker_url"] == "http://notebook/one"


@pytest.mark.parametrize("code", ["@pipeline(dynamic=True)\n    def flow():\n        work()\n"])
def test_an_orchestrator_that_cannot_refuses_before_anything_runs(lab, code):
    client = lab.client()
    client.create_stack_component("stove", "pot", "orchestrator")
    client.create_stack("slow", {"orchestrator": "stove"})
    client.activate_stack("slow", everywhere=True)

    result = lab.run(
        f"""
    @step
    def work() -> None:
        mark("ran")

    {code}
    flow()
    """,
        expect=1,
    )

    assert "needs an orchestrator with the capability `dynamic`, and `stove` (flavor `pot`)" in result.err
    assert result.count("ran") == 0
    assert lab.client().list_pipeline_runs().total == 0
    assert lab.run(FLOW).facts == {"status": "completed", "stack": "slow"}


def test_an_orchestrator_that_does_not_wait_sends_runs_to_the_background(lab):
    zenml(lab, "orchestrator", "register", "later", "--flavor", "local", "--synchronous", "false")
    zenml(lab, "stack", "register", "background", "-o", "later", "--set")

    result = lab.run(FLOW.replace("return 1", "wait_until(lambda: os.path.exists('go'))\n        return 1"))

    assert result.facts == {"status": "running", "stack": "background"}
    (lab.folder / "go").write_text("")
    (run,) = lab.client().list_pipeline_runs()
    assert str(wait_for_run(lab.client().store, run.name, 30).status) == "completed"


def test_a_run_keeps_the_stack_that_it_had(lab):
    lab.run(FLOW)
    client = lab.client()
    client.update_stack_component("bell", "alerter", configuration={"word": "new"})
    client.activate_stack("default", everywhere=True)
    lab.run(FLOW)

    second, first = lab.client().list_pipeline_runs()

    assert (first.stack.name, second.stack.name) == ("tested", "default")
    assert first.stack.alerter.configuration == {}
    shown = json.loads(zenml(lab, "run", "show", first.id, "--json").stdout)
    assert shown["stack"] == {
        "name": "tested",
        "components": {"orchestrator": "default", "artifact_store": "default", "alerter": "bell"},
    }
    found = json.loads(zenml(lab, "run", "diff", first.id, second.id, "--json").stdout)
    assert {"name": "stack.alerter", "before": "bell (marker)", "after": None} in found["settings"]


def test_a_repository_has_a_stack_of_its_own(lab):
    zenml(lab, "init", "--stack", "default")

    assert lab.run(FLOW).facts["stack"] == "default"
    zenml(lab, "stack", "set", "tested")
    assert lab.run(FLOW).facts["stack"] == "tested"
    assert json.loads((lab.folder / ".zen" / "config.json").read_text()) == {"active_stack": "tested"}


def test_a_named_component_that_is_not_there_is_told_before_anything_runs(lab):
    result = lab.run(
        """
    @step(experiment_tracker="papr")
    def work() -> None:
        mark("ran")

    @pipeline
    def flow():
        work()

    flow()
    """,
        expect=1,
    )

    assert "Step `work` names the experiment tracker `papr`, which is not registered" in result.err
    assert result.count("ran") == 0
    assert lab.client().list_pipeline_runs().total == 0


def test_doctor_looks_at_the_components_of_the_active_stack(lab):
    assert "alerter `bell`" in zenml(lab, "doctor").stdout
    (lab.folder / "kitchen_flavors.py").unlink()

    done = zenml(lab, "doctor", status=1)

    assert "alerter `bell`" in done.stdout
    assert "cannot be loaded" in done.stdout


TRAIN = """
    from typing import Annotated
    from zenml import ArtifactConfig, Model
    from zenml.enums import ArtifactType

    @step(enable_cache=False)
    def train() -> Annotated[dict, ArtifactConfig(name="forest", artifact_type=ArtifactType.MODEL)]:
        return {"trees": 10}

    @step(enable_cache=False)
    def fail() -> None:
        raise ValueError("lost")

    @pipeline(model=Model("churn", SAVE))
    def flow(is_failing: bool = False):
        train()
        if is_failing:
            fail()

    outcome(lambda: flow(ARGUMENT))
"""


@pytest.fixture
def shelf(lab):
    client = lab.client()
    client.create_stack_component("shelf", "shelf", "model_registry")
    client.create_stack("serving", {"model_registry": "shelf"})
    client.activate_stack("serving", everywhere=True)
    return client


def trained(lab, save="", argument="False"):
    return lab.run(TRAIN.replace("SAVE", save).replace("ARGUMENT", argument))


def test_a_completed_run_puts_its_model_into_the_registry(lab, shelf):
    result = trained(lab)

    (told,) = marks(lab, "registered")
    assert (told["model"], told["version"], told["source"]) == ("churn", "1", "forest:1")
    assert len(told["files"]) == 1
    assert "is in the model registry `shelf`: shelf:/churn/1" in result.err
    version = lab.client().get_model_version("churn")
    assert version.run_metadata["model_registry"] == {
        "registry": "shelf",
        "version": "r1",
        "uri": "shelf:/churn/1",
    }


@pytest.mark.parametrize(
    ("save", "argument"), [("save_models_to_registry=False", "False"), ("", "is_failing=True")]
)
def test_what_is_not_meant_for_it_or_failed_stays_out_of_the_registry(lab, shelf, save, argument):
    trained(lab, save, argument)

    assert marks(lab, "registered") == []


def test_a_registry_that_fails_is_told_and_the_run_has_completed(lab, shelf):
    (lab.folder / "down").write_text("")

    result = trained(lab)

    assert (
        "Version `1` of model `churn` is not in the model registry `shelf`: The shelf is full." in result.err
    )
    assert "zenml model register churn 1" in result.err
    (run,) = lab.client().list_pipeline_runs()
    assert str(run.status) == "completed"
    (lab.folder / "down").unlink()
    assert "shelf:/churn/1" in zenml(lab, "model", "register", "churn", "1").stdout


def test_a_stage_is_given_in_the_registry_too(lab, shelf):
    trained(lab)

    zenml(lab, "model", "promote", "churn", "1", "production")

    (told,) = marks(lab, "staged")
    assert (told["model"], told["version"], told["stage"]) == ("churn", "r1", "production")
