"""Schedules in a lab: days pass at once, and what falls due runs in the caller's thread."""

from datetime import UTC, datetime, timedelta

import pytest

from zenml import pipeline, step
from zenml.config import NewArtifact, RunEnded, Schedule, StepRetryConfig
from zenml.errors import ArgumentError

DAY = timedelta(days=1)


def in_minutes(number):
    return datetime.now(UTC) + timedelta(minutes=number)


@step
def work(rate: float) -> float:
    return rate


@pipeline
def flow(rate: float = 0.5):
    work(rate)


@pipeline(enable_cache=False)
def report():
    work(1.0)


def outcomes(lab, name="s"):
    return [tick.outcome for tick in reversed(lab.client.get_schedule(name).history())]


def test_days_pass_at_once_and_each_run_has_the_time_of_its_instant(zenml_lab):
    flow.with_options(schedule=Schedule("s", cron_expression="0 2 * * *"))(0.7)

    runs = zenml_lab.serve_schedules(3 * DAY)

    assert [run.start_time.astimezone(UTC).hour for run in runs] == [2, 2, 2]
    assert [run.steps["work"].status for run in runs] == ["completed", "cached", "cached"]
    assert runs[0].parameters["rate"] == 0.7
    assert outcomes(zenml_lab) == ["fired"] * 3
    assert zenml_lab.clock.now == pytest.approx(3 * 86_400, abs=5)


def test_what_passes_by_the_clock_alone_was_missed(zenml_lab):
    flow.with_options(schedule=Schedule("s", interval_second=DAY, catchup="latest"))()

    zenml_lab.clock.advance(4 * DAY)
    runs = zenml_lab.serve_schedules(60)

    assert len(runs) == 1
    assert outcomes(zenml_lab) == ["missed"] * 3 + ["fired"]


@pipeline(enable_cache=False)
def patient():
    work.with_options(retry=StepRetryConfig(max_retries=1, delay=90))(1.0)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", ["fired", "skipped", "fired"]),
        ("queue", ["fired", "fired", "claimed"]),
        ("allow", ["fired", "fired", "claimed"]),
        ("cancel", ["fired", "fired", "fired"]),
    ],
)
def test_what_falls_due_while_a_run_waits_finds_it_running(zenml_lab, overlap, expected):
    zenml_lab.fake(work, side_effects=[OSError(), 1.0] * 2)
    patient.with_options(schedule=Schedule("s", interval_second=60, overlap=overlap))()

    zenml_lab.serve_schedules(200)

    assert zenml_lab.clock.waits == [90, 90]
    assert outcomes(zenml_lab)[:3] == expected


def test_what_was_left_when_time_was_up_follows(zenml_lab):
    zenml_lab.fake(work, side_effects=[OSError(), 1.0, 1.0, 1.0])
    patient.with_options(
        schedule=Schedule("s", interval_second=60, overlap="queue", end_time=in_minutes(2.5))
    )()

    first = zenml_lab.serve_schedules(70)
    then = zenml_lab.serve_schedules(60)

    assert [len(first), len(then)] == [1, 1]
    assert outcomes(zenml_lab) == ["fired", "fired"]


def test_events_and_chains_follow_at_once(zenml_lab):
    flow.with_options(schedule=Schedule("first", interval_second=3600))()
    report.with_options(schedule=Schedule("second", on=RunEnded("flow")))()
    report.with_options(schedule=Schedule("third", on=NewArtifact("nothing")))()

    runs = zenml_lab.serve_schedules(2 * 3600 + 5)

    assert [run.pipeline.name for run in runs] == ["flow", "report", "flow", "report"]


def test_what_cannot_start_is_told_and_stops_nobody(zenml_lab, monkeypatch):
    flow.with_options(schedule=Schedule("s", interval_second=60))()
    report.with_options(schedule=Schedule("other", interval_second=60))()
    monkeypatch.setattr(
        "zenml.declare.scheduled.find_pipeline",
        lambda origin, plan: (report, __name__) if plan.pipeline == "report" else 1 / 0,
    )

    runs = zenml_lab.serve_schedules(70)

    assert [run.pipeline.name for run in runs] == ["report"]
    (tick,) = zenml_lab.client.get_schedule("s").history()
    assert (tick.outcome, tick.reason) == ("failed", "ZeroDivisionError: division by zero")


def test_a_failing_run_is_a_run(zenml_lab):
    zenml_lab.fake(work, raises=ValueError("bad"))
    flow.with_options(schedule=Schedule("s", interval_second=60))()

    (run,) = zenml_lab.serve_schedules(70)

    assert run.status == "failed"
    assert outcomes(zenml_lab) == ["fired"]


def test_rules_hold(zenml_lab):
    flow.with_options(schedule=Schedule("s", interval_second=60, max_runs=2))()
    assert len(zenml_lab.serve_schedules(3600)) == 2
    zenml_lab.client.pause_schedule("s")
    assert zenml_lab.serve_schedules(3600) == []


def test_nothing_is_due_without_schedules_and_time_passes(zenml_lab):
    assert zenml_lab.serve_schedules(60) == []
    assert zenml_lab.clock.now == pytest.approx(60, abs=1)
    with pytest.raises(ArgumentError, match="does not go back"):
        zenml_lab.serve_schedules(-1)
