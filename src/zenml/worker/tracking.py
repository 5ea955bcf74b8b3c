"""Following one attempt at a step with an experiment tracker, in the process that runs the step.

A tracker only tells, so one that fails is seen and not fatal: the step goes on untracked, its log and its
metadata say why. Where the tracker has a run for the step, its id and page become metadata of the step at
once, so people find the page while the step runs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.configuration import settings_of
from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from zenml.components.registry import load_flavor, open_address
from zenml.errors import ZenMLError
from zenml.records import values
from zenml.records.plan import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zenml.records.task import StepTask

_PLAIN = (str, int, float, bool, type(None), list, tuple, dict)


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker of a step.

    Attributes:
        name: what the tracker is called in the stack.
        open: makes it; called where the step runs, and it may fail as the tracker itself.
        settings: of the flavor's settings class; None where the step sets nothing.
    """

    name: str
    open: Callable[[], ExperimentTracker]
    settings: Any = None


def tracking_of(task: StepTask) -> Tracking | None:
    """Return the tracker of a task; None where it has none."""
    tracker = task.tracker
    if tracker is None:
        return None
    flavor = load_flavor("experiment_tracker", tracker.address.flavor)
    return Tracking(
        name=tracker.address.name,
        open=lambda: open_address("experiment_tracker", tracker.address),
        settings=settings_of(flavor, tracker.settings, f"step `{task.invocation.id}`")
        if tracker.settings
        else None,
    )


@contextmanager
def tracked(
    tracking: Tracking | None, step: TrackedStep, tell: Callable[[dict[str, Any]], None]
) -> Iterator[TrackedRun | None]:
    """Have a step followed while the block runs; yield the run of the service, None if there is none.

    Args:
        tracking: the tracker; None for a step without one.
        step: what is tracked.
        tell: records metadata of the step.
    """
    if tracking is None:
        yield None
        return
    tracker, run = _start(tracking, step, tell)
    failure: BaseException | None = None
    try:
        yield run
    except BaseException as error:
        failure = error
        raise
    finally:
        if tracker is not None:
            _finish(tracking, tracker, failure, tell)


def step_of(task: StepTask) -> TrackedStep:
    """Return what a tracker is told of a task: where it belongs, and its plain parameters."""
    return TrackedStep(
        run_id=task.run_id,
        run_name=task.run_name,
        pipeline=task.pipeline,
        step=task.invocation.id,
        step_run_id=task.step_run_id,
        attempt=task.attempt,
        parameters=_parameters(task),
        tags=() if task.tracker is None else task.tracker.tags,
    )


def _parameters(task: StepTask) -> dict[str, Any]:
    given = {
        name: values.decode(bytes(item.data), allow_types=True)
        for name, item in task.inputs.items()
        if isinstance(item, Value)
    }
    return {name: value for name, value in given.items() if isinstance(value, _PLAIN)}


def _start(
    tracking: Tracking, step: TrackedStep, tell: Callable[[dict[str, Any]], None]
) -> tuple[ExperimentTracker | None, TrackedRun | None]:
    try:
        tracker = tracking.open()
        run = tracker.start(step, tracking.settings)
    except Exception as error:  # the border to another package's code
        _note(tracking, f"step `{step.step}` goes on without it", error, tell)
        return None, None
    facts = {"id": run.id, "url": run.url, **run.metadata}
    tell({_key(tracking): {name: value for name, value in facts.items() if value is not None}})
    if run.url is not None:
        tell({"experiment_tracker_url": run.url})
    return tracker, run


def _finish(
    tracking: Tracking,
    tracker: ExperimentTracker,
    failure: BaseException | None,
    tell: Callable[[dict[str, Any]], None],
) -> None:
    try:
        tracker.finish(failure=failure)
    except Exception as error:  # as above
        _note(tracking, "what it has of the step may be incomplete", error, tell)


def _note(tracking: Tracking, outcome: str, error: Exception, tell: Callable[[dict[str, Any]], None]) -> None:
    """Say in the log and the metadata of the step what became of its tracker."""
    import sys

    text = str(error) if isinstance(error, ZenMLError) else f"{type(error).__name__}: {error}"
    sys.stderr.write(f"The experiment tracker `{tracking.name}` has failed, and {outcome}: {text}\n")
    tell({f"{_key(tracking)}.error": text})


def _key(tracking: Tracking) -> str:
    return f"experiment_tracker.{tracking.name}"
