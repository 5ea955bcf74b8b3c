"""The conformance check of experiment trackers: what each must do against its real service.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_tracker_conforms(check, probe):
        check(probe)

A check drives the tracker, and looks at the service through a probe, which reads what arrived by other
means than the tracker. A failed check raises `AssertionError`.
"""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from zenml.errors import ComponentError

SECRET = "check-9f1c-secret"  # noqa: S105 - it must not be found in any message
"""The password or token with which `unreachable` is configured."""
PATIENCE = 60.0
"""Seconds after which a tracker must have given up on a service that is not there."""

LINKS = ("zenml.run", "zenml.run_id", "zenml.pipeline", "zenml.step", "zenml.attempt")
"""The facts by which the service's run names the step that it belongs to."""


class SeenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the service shows it.

    Attributes:
        status: `running` until it is closed.
        facts: its tags where those have a name and a value; where they do not, another place for such pairs.
        tags: the tags that the run of the pipeline has, and those of the settings.
    """

    id: str
    name: str
    status: Literal["running", "finished", "failed"]
    parameters: dict[str, str] = {}
    facts: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    metrics: dict[str, float] = {}


class TrackerProbe(ABC):
    """A tracker with its service, and eyes to look at what the service has."""

    @abstractmethod
    def tracker(self) -> ExperimentTracker:
        """Return a new tracker of the service."""

    @abstractmethod
    def runs(self, run_id: str) -> Sequence[SeenRun]:
        """Return what the service has of a run of a pipeline, the earliest first."""

    @abstractmethod
    def log_metric(self, name: str, value: float) -> None:
        """Log a metric as a step does: with the service's own library, without naming a run."""

    @abstractmethod
    def has_active_run(self) -> bool:
        """Tell whether the service's library has an active run in this process."""

    def unreachable(self) -> ExperimentTracker | None:
        """Return a tracker whose service is not there, with `SECRET` as its password; None if it needs no service."""
        return None


Check: TypeAlias = Callable[[TrackerProbe], None]


def make_step(**fields: Any) -> TrackedStep:
    """Return a step of a run of its own."""
    run_id = fields.pop("run_id", uuid.uuid4().hex)
    usual: dict[str, Any] = {
        "run_id": run_id,
        "run_name": f"training-{run_id[:8]}",
        "pipeline": "training",
        "step": "train",
        "step_run_id": uuid.uuid4().hex,
        "parameters": {"depth": 3, "rate": 0.5, "kind": "tree", "layers": [1, 2]},
        "tags": ("nightly",),
    }
    return TrackedStep(**{**usual, **fields})


# -- the checks


def a_step_appears_with_its_name_and_parameters(probe: TrackerProbe) -> None:
    """The run is called after run and step, and has the step's parameters."""
    step, _ = _track(probe)

    seen = _only(probe, step)
    _expect(seen.name == f"{step.run_name}/train", f"it is called {seen.name}")
    expected = {"depth": "3", "rate": "0.5", "kind": "tree"}
    found = {name: seen.parameters.get(name) for name in expected}
    _expect(found == expected, f"the parameters are {seen.parameters}")
    _expect("layers" in seen.parameters, "a parameter with parts is missing")


def the_run_names_the_step_that_it_belongs_to(probe: TrackerProbe) -> None:
    """The service's run says by its tags which step of which run it belongs to."""
    step, _ = _track(probe, make_step(attempt=2))

    facts = _only(probe, step).facts
    expected = (step.run_name, step.run_id, step.pipeline, step.step, "2")
    found = tuple(facts.get(name) for name in LINKS)
    _expect(found == expected, f"the links are {dict(zip(LINKS, found, strict=True))}")


def the_step_is_told_the_id_of_the_run(probe: TrackerProbe) -> None:
    """What `start` returns is how the service calls the run."""
    step, run = _track(probe)

    _expect(_only(probe, step).id == run.id, f"{run} is not the service's run")


def the_tags_of_the_run_arrive(probe: TrackerProbe) -> None:
    """The tags of the pipeline's run are on the service's run."""
    step, _ = _track(probe, make_step(tags=("nightly", "blue")))

    _expect(set(_only(probe, step).tags) >= {"nightly", "blue"}, "a tag is missing")


def what_the_step_logs_arrives(probe: TrackerProbe) -> None:
    """The service's own library logs to the run while the step runs."""
    tracker, step = probe.tracker(), make_step()

    tracker.start(step)
    probe.log_metric("accuracy", 0.75)
    tracker.finish(failure=None)

    metrics = _only(probe, step).metrics
    _expect(metrics.get("accuracy") == 0.75, f"the metrics are {metrics}")


def a_step_that_returns_is_finished(probe: TrackerProbe) -> None:
    """The run ends as finished."""
    step, _ = _track(probe)

    status = _only(probe, step).status
    _expect(status == "finished", f"it is {status}")


def a_step_that_raises_is_failed(probe: TrackerProbe) -> None:
    """The run ends as failed."""
    step, _ = _track(probe, failure=ValueError("no luck"))

    status = _only(probe, step).status
    _expect(status == "failed", f"it is {status}")


def nothing_is_active_afterwards(probe: TrackerProbe) -> None:
    """When the step has ended, so has the run in this process."""
    tracker = probe.tracker()

    tracker.start(make_step())
    was_active = probe.has_active_run()
    tracker.finish(failure=None)

    _expect(was_active, "there was no active run while the step ran")
    _expect(not probe.has_active_run(), "there is an active run although the step has ended")


def steps_follow_each_other_in_one_process(probe: TrackerProbe) -> None:
    """Two trackers, one after the other: each step has its own run and its own values."""
    first, second = make_step(), make_step(step="evaluate")

    for step, value in ((first, 1.0), (second, 2.0)):
        tracker = probe.tracker()
        tracker.start(step)
        probe.log_metric("value", value)
        tracker.finish(failure=None)

    found = [_only(probe, step).metrics.get("value") for step in (first, second)]
    _expect(found == [1.0, 2.0], f"the values are {found}")


def a_further_attempt_is_a_further_run(probe: TrackerProbe) -> None:
    """A retried step does not continue the run of its first attempt."""
    first = make_step()
    second = msgspec.structs.replace(first, attempt=2)

    _track(probe, first, failure=ValueError("no luck"))
    _track(probe, second)

    runs = probe.runs(first.run_id)
    found = [(run.facts.get("zenml.attempt"), run.status) for run in runs]
    _expect(found == [("1", "failed"), ("2", "finished")], f"the runs are {found}")


def finishing_what_never_started_does_nothing(probe: TrackerProbe) -> None:
    """`finish` without `start` is no error."""
    probe.tracker().finish(failure=None)


def a_service_that_is_not_there_is_an_error_in_time(probe: TrackerProbe) -> None:
    """A service that is not reached is a `ComponentError`, soon, and leaves nothing active."""
    tracker = probe.unreachable()
    if tracker is None:
        return
    raised: list[BaseException] = []

    def start() -> None:
        try:
            tracker.start(make_step())
        except BaseException as error:  # whatever it is, it is judged below
            raised.append(error)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join(PATIENCE)

    _expect(not thread.is_alive(), f"it has not given up after {PATIENCE:g} s")
    _expect(bool(raised) and isinstance(raised[0], ComponentError), f"it raised {raised}")
    tracker.finish(failure=None)
    _expect(not probe.has_active_run(), "a run is active that was never begun")


def errors_show_no_credentials(probe: TrackerProbe) -> None:
    """Neither the error nor what caused it holds the password."""
    tracker = probe.unreachable()
    if tracker is None:
        return
    shown = ""
    try:
        tracker.start(make_step())
    except ComponentError as error:
        import traceback

        shown = "".join(traceback.format_exception(error))
    _expect(bool(shown), "nothing was raised")
    _expect(SECRET not in shown, "the password stands in the error")


CHECKS: tuple[Check, ...] = (
    a_step_appears_with_its_name_and_parameters,
    the_run_names_the_step_that_it_belongs_to,
    the_step_is_told_the_id_of_the_run,
    the_tags_of_the_run_arrive,
    what_the_step_logs_arrives,
    a_step_that_returns_is_finished,
    a_step_that_raises_is_failed,
    nothing_is_active_afterwards,
    steps_follow_each_other_in_one_process,
    a_further_attempt_is_a_further_run,
    finishing_what_never_started_does_nothing,
    a_service_that_is_not_there_is_an_error_in_time,
    errors_show_no_credentials,
)
"""Every check."""


def _track(
    probe: TrackerProbe, step: TrackedStep | None = None, *, failure: BaseException | None = None
) -> tuple[TrackedStep, TrackedRun]:
    step = step or make_step()
    tracker = probe.tracker()
    run = tracker.start(step)
    tracker.finish(failure=failure)
    return step, run


def _only(probe: TrackerProbe, step: TrackedStep) -> SeenRun:
    runs = probe.runs(step.run_id)
    _expect(len(runs) == 1, f"there are {len(runs)} runs: {runs}")
    return runs[0]


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001 - as `assert`, which `-O` would remove
    if not condition:
        raise AssertionError(message)
