"""What an output's annotation may say of the artifact that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.fields import explained
from zenml.config.preview import preview
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
    """

    def __init__(
        self,
        name: str | None = None,
        version: int | str | None = None,
        tags: Sequence[str | Tag] | None = None,
        run_metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise ConfigurationError(f"The name of an artifact is {preview(name)}; it must be text.")
        self.name = name
        self.version = read_version(version)
        self.tags = tags
        self.run_metadata = run_metadata

    def __repr__(self) -> str:
        return (
            f"ArtifactConfig(name={self.name!r}, version={self.version!r}, tags={self.tags!r},"
            f" run_metadata={self.run_metadata!r})"
        )


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
