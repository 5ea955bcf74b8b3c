"""Steps that name a step operator run through it; everything else of a run is as ever."""

import msgspec
import pytest
from operator_steps import dies, outside, with_any, with_first, with_second, without_environment

from zenml import pipeline, step
from zenml.client import Client
from zenml.client.explaining import explain
from zenml.components.flavor import Place
from zenml.components.registry import load_flavor
from zenml.errors import ConfigurationError, StepProcessError
from zenml.execute import conditions
from zenml.flavors.venv_step_operator import (
    VenvStepOperator,
    VenvStepOperatorSettings,
)
from zenml.reporting.reporter import SilentReporter
from zenml.store.opening import open_store


class Notes(SilentReporter):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def opened():
    """The operators that runs of a test have opened."""
    return []


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture(autouse=True)
def operator(zenml_store, venv_packages, venv_place, opened, notes, monkeypatch):
    """The operator `tools`, which is that of the active stack; `place` is where its environments are."""

    class Counted(VenvStepOperator):
        is_closed = False
        where = venv_place

        def __init__(self, config, place):
            super().__init__(config, self.where)
            opened.append(self)

        def close(self):
            super().close()
            self.is_closed = True

    flavor = msgspec.structs.replace(load_flavor("step_operator", "venv"), component=Counted)
    monkeypatch.setattr("zenml.flavors.venv_step_operator.FLAVOR", flavor)
    client = Client()
    given = {"find_links": [str(venv_packages)], "installer_args": ["--no-index", "--offline"]}
    client.create_stack_component("tools", "venv", "step_operator", given)
    client.create_stack("with-tools", {"step_operator": "tools"})
    client.activate_stack("with-tools")
    conditions.hold(open_store(), conditions.Conditions(open_reporter=lambda _: notes))
    yield Counted
    conditions.release()


def value(run, name):
    return run.steps[name].output.load()


def test_steps_with_different_versions_are_one_pipeline(opened):
    @pipeline
    def flow():
        outside(with_second(with_first()))

    run = flow()

    assert value(run, "outside") == "1.0 and 2.0, here with"
    assert len(opened) == 1
    assert opened[0].is_closed


def test_the_operator_is_no_part_of_the_key_and_packages_are():
    @step
    def plain(x: int = 1) -> int:
        return x

    def key(**options):
        return flow_of(plain.with_options(**options)).steps["plain"].record.cache_key

    def flow_of(one):
        @pipeline(enable_cache=False)
        def flow():
            one()

        return flow()

    def packages(*names, **more):
        return {"settings": {"step_operator": VenvStepOperatorSettings(requirements=list(names), **more)}}

    plain_key = key()
    assert key(step_operator="tools", settings={"step_operator": {"installer_args": ["-q"]}}) == plain_key
    with_tiny = key(step_operator="tools", **packages("tiny==1.0", "click"))
    assert with_tiny != plain_key
    assert key(step_operator=True, **packages("click", "tiny==1.0")) == with_tiny
    assert key(step_operator=True, **packages("click", "tiny==2.0")) != with_tiny
    assert key(step_operator=True, **packages("click", "tiny==1.0", inherit=True)) != with_tiny


def test_a_changed_requirements_file_is_why_a_step_runs_again(tmp_path):
    path = tmp_path / "requirements.txt"
    step_with_file = with_first.with_options(settings={"step_operator": {"requirements": str(path)}})

    @pipeline
    def flow():
        step_with_file()

    path.write_text("tiny==1.0  # the old one\n")
    flow()
    path.write_text("tiny==1.0\n")
    again = flow()
    path.write_text("tiny==2.0\n")
    changed = flow()

    assert again.steps["with_first"].status == "cached"
    assert value(changed, "with_first") == "2.0"
    told = explain(open_store(), changed.name, "with_first")
    assert 'step operator: `requirements` = ["tiny==1.0"] → ["tiny==2.0"]' in [
        one.text for one in told.changes
    ], told


def test_what_the_operator_itself_installs_is_part_of_the_key():
    @pipeline
    def flow():
        with_any()

    def configured(**configuration):
        Client().update_stack_component("tools", "step_operator", configuration=configuration)
        return flow()

    assert value(configured(requirements=["tiny==1.0"]), "with_any") == "1.0"
    assert configured(unused_days=3).steps["with_any"].status == "cached"
    changed = configured(requirements=["tiny==2.0"])
    assert value(changed, "with_any") == "2.0"
    told = explain(open_store(), changed.name, "with_any")
    assert [one.text for one in told.changes] == [
        'step operator: `requirements` = ["tiny==1.0"] → ["tiny==2.0"]'
    ]
    assert flow().steps["with_any"].status == "cached"


def test_packages_that_a_step_adds_count_as_those_of_the_operator():
    @pipeline
    def flow(packages: list):
        with_any.with_options(settings={"step_operator": {"requirements": packages}})()

    flow(["tiny==1.0", "click"])
    Client().update_stack_component("tools", "step_operator", configuration={"requirements": ["click"]})

    assert flow(["tiny==1.0"]).steps["with_any"].status == "cached"


def test_packages_may_name_variables(monkeypatch):
    monkeypatch.setenv("TINY", "2.0")
    wanted = {"step_operator": {"requirements": ["tiny==${TINY}"]}}

    @pipeline
    def flow():
        with_first.with_options(settings=wanted)()

    assert value(flow(), "with_first") == "2.0"


def test_an_environment_that_cannot_be_built_fails_its_step():
    @pipeline
    def flow():
        without_environment()

    with pytest.raises(StepProcessError, match="no-such-package was not found"):
        flow()


def test_a_build_is_told_and_shown_in_the_log_of_the_step(notes, tmp_path, operator):
    operator.where = Place(name="tools", folder=str(tmp_path / "fresh"))

    @pipeline
    def flow():
        with_first()

    run = flow()

    assert sum("Building the environment" in text for text in notes.texts) == 1
    assert "tiny==1.0" in str(run.steps["with_first"].logs)


def test_a_process_that_dies_in_its_environment_is_tried_again():
    @pipeline
    def flow():
        dies()

    with pytest.raises(StepProcessError, match="exit code 3"):
        flow()


def test_a_function_by_value_runs_in_the_same_version_of_python():
    @step(step_operator="tools", settings={"step_operator": {"requirements": ["tiny==1.0"]}})
    def local() -> str:
        import tiny

        return tiny.VERSION

    @pipeline
    def flow():
        local()

    assert value(flow(), "local") == "1.0"


def test_an_operator_that_is_not_there_keeps_the_run_from_beginning():
    @pipeline
    def flow():
        with_first.with_options(step_operator="kitchen")()

    with pytest.raises(
        ConfigurationError,
        match=r"names the step operator `kitchen`, which is not registered\. Registered are: `tools`",
    ):
        flow()


def test_an_operator_and_inline_contradict_each_other():
    @pipeline
    def flow():
        with_first.with_options(runtime="inline")()

    with pytest.raises(ConfigurationError, match='has a `step_operator` and `runtime="inline"`'):
        flow()


def test_a_lab_runs_the_step_in_the_caller(zenml_lab):
    @pipeline
    def flow():
        outside.with_options(step_operator="tools")("text")

    assert value(flow(), "outside") == "text, here with"
