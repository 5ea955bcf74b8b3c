"""Metadata and tags of something, as a user reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from zenml.records.run import Metadata, RunOutput, StepRun, Tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.run import Artifact, NotedKind
    from zenml.store.store import Store


def history_of(store: Store, kind: NotedKind, target_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Return every value that was logged of any of the targets, by name, the oldest first."""
    found: dict[str, list[Any]] = {}
    rows = store.select(Metadata, kind=kind, target_id=tuple(target_ids))
    for row in sorted(rows, key=lambda row: row.created_at):
        found.setdefault(row.name, []).append(row.value)
    return found


AT_ONCE = 500
"""Ids asked for at once: safely below the limit of any database."""


class TagName(str):
    """A tag as it is read: the text of its name, with its color beside it."""

    __slots__ = ("color",)
    color: str | None

    def __new__(cls, name: str, color: str | None = None) -> Self:
        """Make the name of a tag."""
        made = super().__new__(cls, name)
        made.color = color
        return made

    @property
    def name(self) -> str:
        """The name as plain text."""
        return str(self)


def tags_of(store: Store, kind: NotedKind, target_id: str) -> list[TagName]:
    """Return the tags that were put on something, by name."""
    return sorted(TagName(tag.name, tag.color) for tag in store.select(Tag, kind=kind, target_id=target_id))


def tags_of_each(store: Store, kind: NotedKind, target_ids: Sequence[str]) -> dict[str, list[TagName]]:
    """Return the tags of many things, by id: of a whole page with one statement."""
    found: dict[str, list[TagName]] = {one: [] for one in target_ids}
    for start in range(0, len(target_ids), AT_ONCE):
        for tag in store.select(Tag, kind=kind, target_id=tuple(target_ids[start : start + AT_ONCE])):
            found[tag.target_id].append(TagName(tag.name, tag.color))
    return {one: sorted(tags) for one, tags in found.items()}


def metadata_of_each(store: Store, kind: NotedKind, target_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what was logged of many things, by id: of each name the newest value."""
    rows: list[Metadata] = []
    for start in range(0, len(target_ids), AT_ONCE):
        rows += store.select(Metadata, kind=kind, target_id=tuple(target_ids[start : start + AT_ONCE]))
    found: dict[str, dict[str, Any]] = {one: {} for one in target_ids}
    for row in sorted(rows, key=lambda row: row.created_at):
        found[row.target_id][row.name] = row.value
    return found


def tags_of_artifact(store: Store, artifact: Artifact) -> list[TagName]:
    """Return the tags of an artifact, and the cascading ones of the run that it belongs to."""
    found = set(tags_of(store, "artifact", artifact.id))
    maker = artifact.producer or artifact.saved_by
    runs = {step.run_id for step in store.select(StepRun, id=maker)} if maker else set()
    runs |= {output.run_id for output in store.select(RunOutput, artifact_id=artifact.id)}
    for tag in store.select(Tag, kind="run", target_id=tuple(runs)):
        if tag.is_cascading:
            found.add(TagName(tag.name, tag.color))
    return sorted(found)
