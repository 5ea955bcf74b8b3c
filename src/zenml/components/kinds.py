"""The types of parts that a stack may have."""

from __future__ import annotations

COMPONENT_TYPES = (
    "orchestrator",
    "artifact_store",
    "alerter",
    "annotator",
    "container_registry",
    "data_validator",
    "experiment_tracker",
    "feature_store",
    "image_builder",
    "model_deployer",
    "model_registry",
    "step_operator",
)
OF_EVERY_STACK = ("orchestrator", "artifact_store")
"""Parts that no stack lacks."""
