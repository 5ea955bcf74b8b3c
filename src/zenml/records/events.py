"""What a running step tells the owner of its run: the owner, and nobody else, writes it down.

In the owner's process an event is handed over as it is; from another process it travels as JSON.
Events come in the order in which the step made them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.records.plan import TagSpec
from zenml.records.run import Artifact, Metadata, NotedKind, Tag, tag_on


class Target(msgspec.Struct, frozen=True):
    """What metadata or tags are said of."""

    kind: NotedKind
    id: str


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a step has come: shown while it runs, not recorded."""

    done: float
    total: float | None = None
    description: str = ""
    inner: tuple[Progress, ...] = ()
    """What else is gone through at the same time, in the order in which it began: mostly inner loops."""

    @property
    def share(self) -> float | None:
        """The part that is done, from 0 to 1; None if nobody knows of how much."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total else None


class LoggedMetadata(msgspec.Struct, frozen=True, tag="metadata"):
    """Values that are to be kept with a run, a step run or an artifact."""

    target: Target
    values: dict[str, Any]
    created_at: int

    def records(self) -> list[Metadata]:
        """Return the rows: one for each value."""
        return [
            Metadata(
                kind=self.target.kind,
                target_id=self.target.id,
                name=name,
                value=value,
                created_at=self.created_at,
            )
            for name, value in self.values.items()
        ]


class LoggedTags(msgspec.Struct, frozen=True, tag="tags"):
    """Tags that were put on something, or taken off it."""

    target: Target
    tags: tuple[TagSpec, ...]
    is_removal: bool = False

    def records(self) -> list[Tag]:
        """Return the rows: one for each tag."""
        return [tag_on(self.target.kind, self.target.id, tag) for tag in self.tags]


class SavedArtifact(msgspec.Struct, frozen=True, tag="saved"):
    """An artifact that a step saved beside its outputs; its bytes are stored already."""

    artifact: Artifact


class Began(msgspec.Struct, frozen=True, tag="began"):
    """The process of a step has begun its work; from here on a limit of its time counts."""


StepEvent = Began | Progress | LoggedMetadata | LoggedTags | SavedArtifact
