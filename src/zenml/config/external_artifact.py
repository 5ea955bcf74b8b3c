"""A value from outside a pipeline, given to one of its steps."""

from __future__ import annotations

from typing import Any

from zenml.config.artifact_config import read_version
from zenml.config.fields import explained
from zenml.errors import ConfigurationError

_MISSING: Any = object()


@explained
class ExternalArtifact:
    """A value, or an artifact that exists already, as an argument of a step in a pipeline.

    A value is stored when the pipeline is started, once however often it is given. It counts for
    the cache by its content.

    Example:
        `train(data=ExternalArtifact(value=frame))`, `train(data=ExternalArtifact(name="data", version=3))`

    Attributes:
        value: the value, if one was given; ask `has_value`.
        id: the id of an artifact version.
        name: the name of an artifact; beside a value, the name under which that is stored.
        version: the version of the artifact called `name`; the newest if None.
    """

    def __init__(
        self,
        value: Any = _MISSING,
        *,
        id: str | None = None,  # noqa: A002  the name that users write
        name: str | None = None,
        version: int | str | None = None,
    ) -> None:
        self.has_value = value is not _MISSING
        self.value = value if self.has_value else None
        self.id = id
        self.name = name
        self.version = read_version(version)
        if self.has_value + (id is not None) + (name is not None and not self.has_value) != 1 or (
            self.version is not None and (self.has_value or name is None)
        ):
            raise ConfigurationError(
                "An ExternalArtifact is made from a `value=` (which may have a `name=`), an `id=`, "
                f"or a `name=` with or without `version=`. Got: {self._given()}."
            )

    def _given(self) -> str:
        given = ["value"] if self.has_value else []
        given += [key for key in ("id", "name", "version") if getattr(self, key) is not None]
        return ", ".join(f"`{key}`" for key in given) or "nothing"

    def __repr__(self) -> str:
        told = [f"{key}={getattr(self, key)!r}" for key in ("id", "name", "version") if getattr(self, key)]
        return f"ExternalArtifact({', '.join((['value=…'] if self.has_value else []) + told)})"
