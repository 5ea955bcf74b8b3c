"""The checks of experiment trackers pass with a tracker that does all, and each fails with one that does not."""

import pytest

from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun
from zenml.components.experiment_tracker_check import CHECKS, SECRET, SeenRun, TrackerProbe
from zenml.errors import ComponentError


class Service:
    """A tracking service in memory; `flaw` names what it does wrongly."""

    def __init__(self, flaw=None):
        self.runs = []
        self.active = None
        self.flaw = flaw


class InMemory(ExperimentTracker):
    def __init__(self, service):
        self.service = service
        self.run = None

    def start(self, step, settings=None):
        flaw = self.service.flaw
        self.run = {
            "id": str(len(self.service.runs)),
            "name": step.step if flaw == "name" else f"{step.run_name}/{step.step}",
            "status": "running",
            "parameters": {} if flaw == "parameters" else {k: str(v) for k, v in step.parameters.items()},
            "facts": {
                "zenml.run": step.run_name,
                "zenml.run_id": step.run_id,
                "zenml.pipeline": step.pipeline,
                "zenml.step": step.step,
                "zenml.attempt": "1" if flaw == "attempt" else str(step.attempt),
            },
            "tags": () if flaw == "tags" else step.tags,
            "metrics": {},
        }
        self.service.runs.append(self.run)
        self.service.active = self.run
        return TrackedRun(id="other" if flaw == "id" else self.run["id"])

    def finish(self, *, failure):
        flaw = self.service.flaw
        if self.run is None and flaw != "finish":
            return
        self.run["status"] = "failed" if failure and flaw != "status" else "finished"
        if flaw == "open":
            self.run["status"] = "running"
        if flaw != "active":
            self.service.active = None


class Probe(TrackerProbe):
    def __init__(self, flaw=None):
        self.service = Service(flaw)

    def tracker(self):
        return InMemory(self.service)

    def runs(self, run_id):
        return [SeenRun(**run) for run in self.service.runs if run["facts"]["zenml.run_id"] == run_id]

    def log_metric(self, name, value):
        if self.service.flaw != "metrics":
            self.service.active["metrics"][name] = value

    def has_active_run(self):
        return self.service.active is not None

    def unreachable(self):
        flaw = self.service.flaw

        class Unreachable(InMemory):
            def start(self, step, settings=None):
                if flaw == "error":
                    raise OSError("refused")
                raise ComponentError(f"It is not there: {SECRET if flaw == 'secret' else ''}")

        return Unreachable(self.service)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_tracker_that_does_all_passes(check):
    check(Probe())


@pytest.mark.parametrize(
    ("flaw", "name"),
    [
        ("name", "a_step_appears_with_its_name_and_parameters"),
        ("parameters", "a_step_appears_with_its_name_and_parameters"),
        ("attempt", "the_run_names_the_step_that_it_belongs_to"),
        ("id", "the_step_is_told_the_id_of_the_run"),
        ("tags", "the_tags_of_the_run_arrive"),
        ("metrics", "what_the_step_logs_arrives"),
        ("open", "a_step_that_returns_is_finished"),
        ("status", "a_step_that_raises_is_failed"),
        ("active", "nothing_is_active_afterwards"),
        ("metrics", "steps_follow_each_other_in_one_process"),
        ("attempt", "a_further_attempt_is_a_further_run"),
        ("finish", "finishing_what_never_started_does_nothing"),
        ("error", "a_service_that_is_not_there_is_an_error_in_time"),
        ("secret", "errors_show_no_credentials"),
    ],
)
def test_a_tracker_with_a_flaw_does_not(flaw, name):
    check = next(check for check in CHECKS if check.__name__ == name)

    with pytest.raises((AssertionError, TypeError)):
        check(Probe(flaw))
