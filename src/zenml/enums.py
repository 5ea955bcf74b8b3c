"""The enumerations that users import: kinds of artifacts, states of runs and steps.

The lowest layer: it imports nothing of the project.
"""

from __future__ import annotations

import enum


class ArtifactType(enum.StrEnum):
    """What an artifact is, for people who browse; a materializer names it for its types."""

    DATA = "DataArtifact"
    MODEL = "ModelArtifact"
    SERVICE = "ServiceArtifact"
    STATISTICS = "StatisticsArtifact"
    SCHEMA = "SchemaArtifact"
    DATA_ANALYSIS = "DataAnalysisArtifact"
    BASE = "BaseArtifact"


class ModelStages(enum.StrEnum):
    """Where a version of a model stands; `LATEST` asks for the newest version, whatever its stage."""

    NONE = "none"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"
    LATEST = "latest"


class ExecutionStatus(enum.StrEnum):
    """The state of a run or of a step attempt."""

    INITIALIZING = "initializing"
    PROVISIONING = "provisioning"
    RUNNING = "running"
    COMPLETED = "completed"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"
    RETRYING = "retrying"
    RETRIED = "retried"
    STOPPING = "stopping"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
