"""What a drawn run costs the engine: an event is noted, and drawing is left to others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from zenml.records.events import Progress
from zenml.records.plan import Invocation, PipelineOptions
from zenml.records.run import Run, StepRun
from zenml.reporting.live_reporter import LiveReporter
from zenml.reporting.run_progress import RunProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from zenml.store.database import Database

EVENTS = 1000
CALLS_PER_EVENT = 3
CALLS_PER_SUBMITTED = 12
"""Of functions, ours and built-in ones, in the thread of the engine: of a call that is added, after a turn, and begun."""


def calls_of(work: Callable[[], None]) -> int:
    """Return how many functions are called while something is done, in this thread."""
    found = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


@pytest.fixture
def reporter(store: Database) -> Iterator[LiveReporter]:
    reporter = LiveReporter(store)
    yield reporter
    reporter.close()


@pytest.fixture
def run() -> Run:
    return Run(
        id=cast("Any", "r"), name="r", status="running", pipeline_name="p", owner_id=cast("Any", "o"),
        created_at=0, plan="", environment="", options=PipelineOptions(),
    )  # fmt: skip


def test_an_event_costs_few_calls(reporter: LiveReporter, run: Run) -> None:
    step = StepRun(
        id=cast("Any", "s"), run_id=run.id, invocation_id="f", status="cached", definition="d",
        invocation=Invocation("f", "d"), started_at=0,
    )  # fmt: skip
    reporter.run_started(run, cast("Any", [step.invocation]))
    progress = Progress(1, EVENTS, "rows")

    def events() -> None:
        for _ in range(EVENTS):
            reporter.step(step)
            reporter.progress(step.id, progress)

    assert calls_of(events) <= 2 * EVENTS * CALLS_PER_EVENT


def test_a_submitted_call_costs_few_calls(reporter: LiveReporter, run: Run, store: Database) -> None:
    reporter.run_started(run, cast("Any", None))
    progress = RunProgress(reporter, store.root, "r")
    calls = [Invocation(f"fit[{number}]", "d", map="fit") for number in range(EVENTS)]

    def events() -> None:
        for call in calls:
            progress.added(call)
            progress.turn_ended()
        for call in calls:
            progress.begun(call.id)

    assert calls_of(events) <= EVENTS * CALLS_PER_SUBMITTED
    progress.close()
