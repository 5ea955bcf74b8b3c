"""Steps and pipelines: typed, cached, parallel and durable, on one machine without a server.

This module is a table of the public names. Each is loaded on first use, so that importing the
decorators costs a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.client.artifacts import load_artifact as load_artifact
    from zenml.client.artifacts import save_artifact as save_artifact
    from zenml.client.metadata import log_metadata as log_metadata
    from zenml.client.metadata import log_model_metadata as log_model_metadata
    from zenml.client.tagging import add_tags as add_tags
    from zenml.client.tagging import remove_tags as remove_tags
    from zenml.components.alerter import Alert as Alert
    from zenml.config.artifact_config import ArtifactConfig as ArtifactConfig
    from zenml.config.external_artifact import ExternalArtifact as ExternalArtifact
    from zenml.config.model import Model as Model
    from zenml.config.tag import Tag as Tag
    from zenml.config.unmapped import unmapped as unmapped
    from zenml.context.person import wait as wait
    from zenml.context.step import get_step_context as get_step_context
    from zenml.context.step import track as track
    from zenml.declare.pipeline import pipeline as pipeline
    from zenml.declare.replaying import replay as replay
    from zenml.declare.step import step as step
    from zenml.execute.futures import StepRunFuture as StepRunFuture
    from zenml.execute.futures import as_completed as as_completed
    from zenml.execute.map_results import Failure as Failure

__version__ = "0.1.0"

_TABLE = {
    "Alert": "zenml.components.alerter",
    "ArtifactConfig": "zenml.config.artifact_config",
    "ExternalArtifact": "zenml.config.external_artifact",
    "Failure": "zenml.execute.map_results",
    "Model": "zenml.config.model",
    "StepRunFuture": "zenml.execute.futures",
    "Tag": "zenml.config.tag",
    "add_tags": "zenml.client.tagging",
    "as_completed": "zenml.execute.futures",
    "get_step_context": "zenml.context.step",
    "load_artifact": "zenml.client.artifacts",
    "log_metadata": "zenml.client.metadata",
    "log_model_metadata": "zenml.client.metadata",
    "pipeline": "zenml.declare.pipeline",
    "remove_tags": "zenml.client.tagging",
    "replay": "zenml.declare.replaying",
    "save_artifact": "zenml.client.artifacts",
    "step": "zenml.declare.step",
    "track": "zenml.context.step",
    "unmapped": "zenml.config.unmapped",
    "wait": "zenml.context.person",
}

__all__ = [
    "Alert",
    "ArtifactConfig",
    "ExternalArtifact",
    "Failure",
    "Model",
    "StepRunFuture",
    "Tag",
    "__version__",
    "add_tags",
    "as_completed",
    "get_step_context",
    "load_artifact",
    "log_metadata",
    "log_model_metadata",
    "pipeline",
    "remove_tags",
    "replay",
    "save_artifact",
    "step",
    "track",
    "unmapped",
    "wait",
]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    module = _TABLE.get(name)
    if module is None:
        raise AttributeError(f"module `zenml` has no attribute `{name}`")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
