"""A tag with a color or a rule; plain text is a tag without."""

from __future__ import annotations

from zenml.config.fields import explained
from zenml.config.preview import preview
from zenml.errors import ConfigurationError


@explained
class Tag:
    """A name to find things by.

    Example:
        `@pipeline(tags=["nightly", Tag("latest-good", exclusive=True)])`

    Attributes:
        name: the name, which is all that a search looks at.
        color: a color for those who draw it.
        exclusive: only the last thing to get the tag keeps it, of the runs of a pipeline or the
            versions of an artifact.
        cascade: on a run: it counts for the artifacts of the run too.
    """

    def __init__(
        self, name: str, color: str | None = None, *, exclusive: bool = False, cascade: bool = False
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(
                f"A tag is called {preview(name)}. Give it a name, such as `Tag('nightly')`."
            )
        self.name = name
        self.color = color
        self.exclusive = exclusive
        self.cascade = cascade

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tag) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.name, self.color, self.exclusive, self.cascade))

    def __repr__(self) -> str:
        return f"Tag({self.name!r}, color={self.color!r}, exclusive={self.exclusive}, cascade={self.cascade})"
