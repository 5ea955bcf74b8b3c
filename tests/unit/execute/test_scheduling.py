"""What is checked and said when a pipeline is scheduled."""

from typing import Annotated

import pytest

from zenml import Model, pipeline, step
from zenml.client import Client
from zenml.config import NewArtifact, NewModelVersion, RunEnded, Schedule
from zenml.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _fresh_store(zenml_store, monkeypatch):
    monkeypatch.delenv("ZENML_QUIET")


@step
def make() -> Annotated[int, "dataset"]:
    return 1


@pipeline
def first():
    make()


@pipeline
def second():
    make()


@pipeline
def third():
    make()


@pipeline(model=Model("churn"))
def trains():
    make()


def schedule(one, **options):
    one.with_options(schedule=Schedule(**options))()


def test_a_pipeline_that_waits_for_itself_is_refused():
    with pytest.raises(ConfigurationError, match="start each other for ever: `first` → `first`"):
        schedule(first, name="a", on=RunEnded("first", status="failed"))


def test_a_circle_of_pipelines_is_refused_by_the_schedule_that_closes_it():
    schedule(second, name="a", on=RunEnded("first"))
    schedule(third, name="b", on=RunEnded("second"))

    with pytest.raises(ConfigurationError, match="`first` → `second` → `third` → `first`"):
        schedule(first, name="c", on=RunEnded("third"))

    assert {one.name for one in Client().list_schedules()} == {"a", "b"}


def test_a_schedule_that_is_changed_is_no_part_of_its_own_circle():
    schedule(second, name="a", on=RunEnded("first"))
    schedule(second, name="a", on=RunEnded("third"))
    schedule(first, name="b", on=RunEnded("second"))


@pytest.mark.parametrize(
    ("one", "event", "what"),
    [
        (first, NewArtifact("dataset"), "the artifact `dataset` that it waits for"),
        (trains, NewModelVersion("churn"), "the model `churn` that it waits for"),
    ],
)
def test_a_pipeline_that_makes_what_it_waits_for_is_refused(one, event, what):
    with pytest.raises(ConfigurationError, match=what):
        schedule(one, on=event)


def test_a_pipeline_that_others_cannot_import_is_told_of(capfd):
    @pipeline
    def inner():
        make()

    schedule(inner, cron_expression="0 2 * * *")

    assert "no scheduler can import it: its runs will not start" in " ".join(capfd.readouterr().err.split())


def test_options_that_cannot_be_written_down_are_told_of(capfd):
    def hook():
        pass

    first.with_options(schedule=Schedule(cron_expression="0 2 * * *"), on_failure=hook)()

    assert "go without `on_failure`" in " ".join(capfd.readouterr().err.split())


def test_what_is_stored_is_told_with_the_next_run(capfd):
    schedule(first, name="nightly", cron_expression="@daily", timezone="Europe/Berlin")

    said = " ".join(capfd.readouterr().err.split())
    assert "Schedule `nightly` of pipeline `first` is stored: next run at" in said
    assert "00:00 Europe/Berlin" in said
