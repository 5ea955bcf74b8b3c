"""What a drawn run costs the engine: an event is noted, and drawing is left to others."""

from __future__ import annotations

import time
from typing import Any, cast

from zenml.execute.live_reporter import LiveReporter
from zenml.execute.run_progress import RunProgress
from zenml.records.events import Progress
from zenml.records.plan import Invocation, PipelineOptions
from zenml.records.run import Run, StepRun
from zenml.store.database import Database

MOST_MICROSECONDS = 5.0
EVENTS = 20_000


def test_an_event_costs_at_most_5_microseconds(store: Database) -> None:
    reporter = LiveReporter(store)
    run: Any = Run(
        id=cast("Any", "r"), name="r", status="running", pipeline_name="p", owner_id=cast("Any", "o"),
        created_at=0, plan="", environment="", options=PipelineOptions(),
    )  # fmt: skip
    step = StepRun(
        id=cast("Any", "s"), run_id=run.id, invocation_id="f", status="cached", definition="d",
        invocation=Invocation("f", "d"), started_at=0,
    )  # fmt: skip
    reporter.run_started(run, [step.invocation])

    progress = Progress(1, EVENTS, "rows")

    begin = time.perf_counter()
    for _ in range(EVENTS):
        reporter.step(step)
        reporter.progress(step.id, progress)
    took = (time.perf_counter() - begin) / (2 * EVENTS) * 1e6

    reporter.close()
    assert took <= MOST_MICROSECONDS


def test_a_submitted_call_costs_at_most_5_microseconds(store: Database) -> None:
    reporter = LiveReporter(store)
    run: Any = Run(
        id=cast("Any", "r"), name="r", status="running", pipeline_name="p", owner_id=cast("Any", "o"),
        created_at=0, plan="", environment="", options=PipelineOptions(),
    )  # fmt: skip
    reporter.run_started(run, cast("Any", None))
    progress = RunProgress(reporter, store.root, "r")
    calls = [Invocation(f"fit[{number}]", "d", map="fit") for number in range(EVENTS)]

    begin = time.perf_counter()
    for call in calls:
        progress.added(call)
        progress.turn_ended()
    for call in calls:
        progress.begun(call.id)
    took = (time.perf_counter() - begin) / EVENTS * 1e6

    progress.close()
    reporter.close()
    assert took <= MOST_MICROSECONDS
