"""What an output's annotation may say of the artifact that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.fields import explained
from zenml.config.preview import preview
from zenml.enums import ArtifactType
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.config.tag import Tag


@explained
class ArtifactConfig:
    """The name, version, tags and metadata of an output.

    Example:
        `def train() -> Annotated[Model, ArtifactConfig(name="model", tags=["candidate"])]: ...`

    Attributes:
        name: the name that all versions share.
        version: the number of the version; the next one if None.
        tags: what the artifact is tagged with.
        run_metadata: what is recorded with it.
        artifact_type: what it is for people who browse, if not what its materializer says.
    """

    def __init__(
        self,
        name: str | None = None,
        version: int | str | None = None,
        tags: Sequence[str | Tag] | None = None,
        run_metadata: Mapping[str, Any] | None = None,
        artifact_type: ArtifactType | str | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise ConfigurationError(f"The name of an artifact is {preview(name)}; it must be text.")
        self.name = name
        self.version = read_version(version)
        self.tags = tags
        self.run_metadata = run_metadata
        self.artifact_type = read_artifact_type(artifact_type)

    def __repr__(self) -> str:
        return (
            f"ArtifactConfig(name={self.name!r}, version={self.version!r}, tags={self.tags!r},"
            f" run_metadata={self.run_metadata!r}, artifact_type={self.artifact_type!r})"
        )


def read_artifact_type(given: ArtifactType | str | None) -> ArtifactType | None:
    """Return what kind of artifact is meant; text is the value of an `ArtifactType`."""
    if given is None:
        return None
    try:
        return ArtifactType(given)
    except ValueError:
        listed = ", ".join(f"`{kind}`" for kind in ArtifactType)
        raise ConfigurationError(f"There is no type of artifact {given!r}. There is: {listed}.") from None


def read_version(version: int | str | None) -> int | None:
    """Return the number of a version, which may come as text."""
    if version is None:
        return None
    try:
        number = int(version)
    except (TypeError, ValueError):
        number = 0
    if isinstance(version, (bool, float)) or not 1 <= number < 2**63:
        raise ConfigurationError(
            f"{preview(version)} is no version of an artifact. Versions are whole numbers from 1; "
            "for a name beside the number, use a tag."
        )
    return number
