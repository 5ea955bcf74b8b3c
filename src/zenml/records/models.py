"""What is remembered of models: versions, what is linked to each, and the stages each was in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from zenml.records.ids import ModelId, ModelVersionId, RunId
from zenml.records.run import Record

if TYPE_CHECKING:
    from zenml.records.plan import ModelSpec

Stage = Literal["none", "staging", "production", "archived"]
STAGES: tuple[Stage, ...] = get_args(Stage)
HELD_BY_ONE = ("staging", "production")
"""Stages in which a model has one version at most."""
LATEST = "latest"
"""What asks for the newest version; no version is called so."""

ModelKey = tuple[str, str]
"""What a run calls a version: the model's name, and the version that was asked for, "" for a new one."""


class Model(Record, frozen=True, kw_only=True):
    """A model by name."""

    table = "models"
    id: ModelId
    name: str
    about: dict[str, str]
    """License, description, limitations and so on, as far as they are given."""
    last_number: int = 0
    """The highest number that a version ever had: numbers of deleted versions are not given again."""
    created_at: int


class ModelVersion(Record, frozen=True, kw_only=True):
    """One version of a model."""

    table = "model_versions"
    id: ModelVersionId
    model_id: ModelId
    model_name: str
    number: int
    name: str
    """The number as text, unless it was named."""
    stage: Stage = "none"
    description: str | None = None
    run_id: RunId | None = None
    """The run that created it; the run itself may be deleted."""
    created_at: int


class ModelLink(Record, frozen=True, kw_only=True):
    """That a run or an artifact belongs to a version of a model; it outlives the run."""

    table = "model_links"
    version_id: ModelVersionId
    kind: Literal["run", "artifact"]
    target_id: str
    asked: str = ""
    """For a run: the version as its code names it, "" for a new one."""


class StageChange(Record, frozen=True, kw_only=True):
    """That a version got a stage."""

    table = "stage_changes"
    version_id: ModelVersionId
    stage: Stage
    changed_by: str
    """The user of the operating system."""
    created_at: int


def key_of(spec: ModelSpec) -> ModelKey:
    """Return what a run calls the version that a configuration names."""
    return spec.name, spec.version or ""
