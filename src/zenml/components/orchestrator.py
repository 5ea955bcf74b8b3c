"""The interface of an orchestrator: where a run and its isolated steps are executed.

One engine decides what runs when, whatever the orchestrator. An orchestrator says what it can do, which
is checked before a run begins, and gives the launcher that isolated steps are run with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from zenml.components.launcher import Launcher

CAPABILITIES = {
    "dynamic": "runs dynamic pipelines",
    "inline": "runs steps in the process of the run",
    "isolated": "runs steps in processes of their own",
    "schedules": "runs pipelines by schedule",
    "gpu": "gives GPUs to steps",
}
"""What an orchestrator may be able to do."""


class Orchestrator(ABC):
    """Executes runs.

    Attributes:
        synchronous: whether the caller waits for the end of a run; a pipeline's settings win.
    """

    synchronous: bool

    @abstractmethod
    def launcher(self) -> Launcher:
        """Return a new launcher for the isolated steps of one run."""
