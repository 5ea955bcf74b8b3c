"""The interface of an experiment tracker: it opens a run of the tracking service around a step.

The step then logs with the service's own library, such as `mlflow.log_metric`. A tracker is opened in
the process of the step. `zenml.components.experiment_tracker_check` holds the conformance checks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec


class TrackedStep(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt at a step that is tracked.

    Attributes:
        step: its invocation id; `attempt` counts from 1.
        parameters: the plain parameters of the step, by name.
        tags: those of the run.
    """

    run_id: str
    run_name: str
    pipeline: str
    step: str
    step_run_id: str
    attempt: int = 1
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()


class TrackedRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run of the tracking service that belongs to a step.

    Attributes:
        id: how the service calls it.
        url: where people look at it; None if there is no page.
        metadata: further plain values, recorded with the step.
    """

    id: str
    url: str | None = None
    metadata: dict[str, Any] = {}


class ExperimentTracker(ABC):
    """Follows steps in a tracking service; one step at a time."""

    @abstractmethod
    def start(self, step: TrackedStep, settings: Any = None) -> TrackedRun:
        """Open a run for a step and make it the active one of the service's library in this process.

        Args:
            step: what is tracked.
            settings: of the flavor's settings class; None where the step sets nothing.

        Raises:
            ComponentError: the service is not reached, or refuses.
        """

    @abstractmethod
    def finish(self, *, failure: BaseException | None) -> None:
        """Close the run that `start` opened, as failed if there is a failure, and send what is pending."""
