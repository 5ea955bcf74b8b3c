"""What runs and steps have in common."""

from zenml import pipeline, step
from zenml.records.run import StepRun
from zenml.views.step_view import StepView


@step
def add(number: int) -> int:
    return number + 1


@pipeline
def flow():
    add(1)


def test_a_duration_is_the_seconds_between_start_and_end(zenml_lab):

    run = flow()

    for view in (run, run.steps["add"]):
        assert view.duration == (view.end_time - view.start_time).total_seconds()
        assert view.duration > 0


def test_what_goes_on_has_no_duration_and_no_end(zenml_lab):
    run = flow()
    record = run.steps["add"].record
    fields = {name: getattr(record, name) for name in record.__struct_fields__}

    view = StepView(StepRun(**{**fields, "status": "running", "ended_at": None}), run, run._store)

    assert (view.duration, view.end_time, view.status) == (None, None, "running")
