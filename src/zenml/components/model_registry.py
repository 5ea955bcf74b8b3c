"""The interface of a model registry: versions of models, kept where those who serve models look for them.

`zenml.components.model_registry_check` holds the conformance checks that every registry passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec


class ModelToRegister(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model that is to be in the registry.

    Attributes:
        name: the name of the model.
        version: its number here, which the registry notes.
        folder: a local folder with the files of the model; None registers only what is known of it.
        source: the artifact that holds the files, as `name:version`.
        metadata: plain values, such as metrics.
    """

    name: str
    version: str
    folder: str | None = None
    source: str = ""
    run_name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


class RegisteredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the registry knows it.

    Attributes:
        registry_version: the registry's own number.
        version: the number here that it was registered with; "" if it came from elsewhere.
        stage: `none`, `staging`, `production` or `archived`.
        uri: how a client of the registry names it, such as `models:/churn/3`.
    """

    name: str
    registry_version: str
    version: str = ""
    stage: str = "none"
    uri: str = ""
    description: str = ""
    metadata: dict[str, Any] = {}


class ModelRegistry(ABC):
    """Keeps versions of models; every verb may be repeated without harm."""

    @abstractmethod
    def register(self, model: ModelToRegister) -> RegisteredVersion:
        """Put a version into the registry; one that is there already is brought up to date instead.

        Raises:
            ComponentError: the registry is not reached, or refuses.
        """

    @abstractmethod
    def versions(self, name: str) -> Sequence[RegisteredVersion]:
        """Return the versions of a model, the oldest first; none if there is no such model."""

    @abstractmethod
    def set_stage(self, name: str, registry_version: str, stage: str) -> RegisteredVersion:
        """Put a version into a stage; one that was in `staging` or `production` gives way."""

    @abstractmethod
    def delete(self, name: str, registry_version: str) -> None:
        """Remove a version; a missing one is no error."""

    @abstractmethod
    def fetch(self, name: str, registry_version: str, folder: str) -> str:
        """Download the files of a version below `folder` and return the path of what was downloaded."""
