"""Run pipelines on this machine: steps in threads of the caller's process, isolated ones in processes.

Nothing to install. Every stack without another orchestrator has it, under the name `default`.

    zenml orchestrator register background --flavor local --synchronous false
    zenml stack register later -o background --set
    python my_pipeline.py        # returns at once; `zenml run watch latest` shows the rest

Tested as it is, with real processes and kills of them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from zenml.components.flavor import Configuration, Flavor, Place
from zenml.components.launcher import Launcher
from zenml.components.orchestrator import CAPABILITIES, Orchestrator

Parallelism = Annotated[
    int | None,
    Meta(
        description="How many steps may run at once; by default 32 in threads, and as many processes as there are CPUs."
    ),
]


class LocalOrchestratorSettings(Configuration, frozen=True, kw_only=True):
    """What a pipeline may set for itself."""

    synchronous: Annotated[
        bool | None, Meta(description="Whether the caller waits for the end of the run.")
    ] = None
    max_parallelism: Parallelism = None


class LocalOrchestratorConfig(Configuration, frozen=True, kw_only=True):
    """What holds for every run."""

    synchronous: Annotated[
        bool,
        Meta(
            description="Whether the caller waits for the end of a run; if not, it goes on in a process of its own."
        ),
    ] = True
    max_parallelism: Parallelism = None


class LocalOrchestrator(Orchestrator):
    """Executes runs on this machine."""

    def __init__(self, config: LocalOrchestratorConfig, place: Place) -> None:
        self.config = config
        self.place = place
        self.synchronous = config.synchronous

    def launcher(self) -> Launcher:
        """Return a launcher of processes."""
        from zenml.flavors.process_launcher import ProcessLauncher

        return ProcessLauncher()


FLAVOR = Flavor(
    type="orchestrator",
    name="local",
    component=LocalOrchestrator,
    config=LocalOrchestratorConfig,
    settings=LocalOrchestratorSettings,
    capabilities=frozenset(CAPABILITIES),
)
