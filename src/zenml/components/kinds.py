"""The types of components that a stack may have."""

from __future__ import annotations

INTERFACES = {
    "orchestrator": "zenml.components.orchestrator:Orchestrator",
    "artifact_store": "zenml.artifacts.artifact_store:ArtifactStore",
    "alerter": "zenml.components.alerter:Alerter",
    "experiment_tracker": "zenml.components.experiment_tracker:ExperimentTracker",
    "step_operator": "zenml.components.launcher:Launcher",
    "model_registry": "zenml.components.model_registry:ModelRegistry",
    "image_builder": "zenml.components.image_builder:ImageBuilder",
}
"""By type: the class that its components are derived from. Beside it is its conformance check, `…_check`."""

PER_STEP = ("experiment_tracker", "step_operator")
"""Types of which each step names the component that it uses."""

OF_EVERY_STACK = ("orchestrator", "artifact_store")
"""Types that no stack lacks."""


def words(kind: str) -> str:
    """Return a type as people say it: `experiment tracker`."""
    return kind.replace("_", " ")


def words_for_many(kind: str) -> str:
    """Return a type as people say it of several: `model registries`."""
    one = words(kind)
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
