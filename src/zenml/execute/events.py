"""What happens to a run while it executes, as values."""

from __future__ import annotations

import msgspec

from zenml.records.ids import microseconds_now
from zenml.records.plan import Invocation
from zenml.records.run import Artifact, StepRun
from zenml.records.task import StepOutcome
from zenml.worker import failures


class Finished(msgspec.Struct, frozen=True):
    """An attempt ended: its record as it was started, its outcome, and the live exception of a failure."""

    step: StepRun
    outcome: StepOutcome
    exception: BaseException | None = None
    artifacts: dict[str, Artifact] | None = None
    """For a pipeline: its outputs, by name. They are recorded already."""


class Added(msgspec.Struct, frozen=True):
    """A dynamic pipeline called a step."""

    invocation: Invocation
    is_refreshed: bool = False
    """Whether it is executed whatever the cache knows."""
    is_first: bool = False
    """Whether it goes before what was called earlier and waits for a place."""


class Paused(msgspec.Struct, frozen=True):
    """The run of a pipeline that was called asks a person, and is paused: its record as it was started."""

    step: StepRun
    reason: str


class Cancelled(msgspec.Struct, frozen=True):
    """A step is not wanted any more."""

    id: str


class Due(msgspec.Struct, frozen=True):
    """The wait before an attempt is over: its record as it was announced."""

    step: StepRun


Event = Added | Cancelled | Due | Finished | Paused


def failed_outside(step: StepRun, error: BaseException) -> Finished:
    """Return the end of a step that failed outside its own code."""
    now = microseconds_now()
    outcome = StepOutcome(failure=failures.describe(error), started_at=now, ended_at=now)
    return Finished(step, outcome, error)
