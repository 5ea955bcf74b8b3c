"""What a user may set; each name is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.config.artifact_config import ArtifactConfig as ArtifactConfig
    from zenml.config.cache_policy import CachePolicy as CachePolicy
    from zenml.config.docker_settings import DockerSettings as DockerSettings
    from zenml.config.external_artifact import ExternalArtifact as ExternalArtifact
    from zenml.config.model import Model as Model
    from zenml.config.pipeline_run_configuration import PipelineRunConfiguration as PipelineRunConfiguration
    from zenml.config.resource_settings import ResourceSettings as ResourceSettings
    from zenml.config.retry_config import StepRetryConfig as StepRetryConfig
    from zenml.config.schedule import Schedule as Schedule
    from zenml.config.schedule_events import NewArtifact as NewArtifact
    from zenml.config.schedule_events import NewModelVersion as NewModelVersion
    from zenml.config.schedule_events import RunEnded as RunEnded
    from zenml.config.tag import Tag as Tag

_TABLE = {
    "ArtifactConfig": "zenml.config.artifact_config",
    "CachePolicy": "zenml.config.cache_policy",
    "ExternalArtifact": "zenml.config.external_artifact",
    "DockerSettings": "zenml.config.docker_settings",
    "PipelineRunConfiguration": "zenml.config.pipeline_run_configuration",
    "ResourceSettings": "zenml.config.resource_settings",
    "Schedule": "zenml.config.schedule",
    "RunEnded": "zenml.config.schedule_events",
    "NewArtifact": "zenml.config.schedule_events",
    "NewModelVersion": "zenml.config.schedule_events",
    "Model": "zenml.config.model",
    "StepRetryConfig": "zenml.config.retry_config",
    "Tag": "zenml.config.tag",
}

__all__ = [
    "ArtifactConfig",
    "CachePolicy",
    "DockerSettings",
    "ExternalArtifact",
    "Model",
    "NewArtifact",
    "NewModelVersion",
    "PipelineRunConfiguration",
    "ResourceSettings",
    "RunEnded",
    "Schedule",
    "StepRetryConfig",
    "Tag",
]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name not in _TABLE:
        raise AttributeError(f"module `zenml.config` has no attribute `{name}`")
    import importlib

    value = getattr(importlib.import_module(_TABLE[name]), name)
    globals()[name] = value
    return value
