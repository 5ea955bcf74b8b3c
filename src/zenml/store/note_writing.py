"""Writing metadata and tags, inside whatever transaction they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.plan import TagSpec
from zenml.records.run import Metadata, Tag, tag_on
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from zenml.records.run import Run
    from zenml.store.file import Transaction
    from zenml.store.store import Notes

# A tag that is there already takes the color and the rules that were given last.
_PUT_TAG = (
    table_of(Tag).insert + " ON CONFLICT (kind, target_id, name) DO UPDATE SET color = excluded.color,"
    " is_exclusive = excluded.is_exclusive, is_cascading = excluded.is_cascading"
)
_TAKE_TAG_OFF = "DELETE FROM tags WHERE kind = :kind AND target_id = :target_id AND name = :name"
# Of two values of one name in one microsecond, the later one holds.
_LOG_VALUE = (
    table_of(Metadata).insert
    + " ON CONFLICT (kind, target_id, name, created_at) DO UPDATE SET value = excluded.value"
)
_TAKE_OFF_OTHERS = {
    "run": """
DELETE FROM tags WHERE kind = 'run' AND name = :name AND target_id <> :target_id AND target_id IN (
    SELECT id FROM runs WHERE pipeline_name = (SELECT pipeline_name FROM runs WHERE id = :target_id))
""",
    "artifact": """
DELETE FROM tags WHERE kind = 'artifact' AND name = :name AND target_id <> :target_id AND target_id IN (
    SELECT id FROM artifacts WHERE name = (SELECT name FROM artifacts WHERE id = :target_id))
""",
    "model_version": """
DELETE FROM tags WHERE kind = 'model_version' AND name = :name AND target_id <> :target_id AND target_id IN (
    SELECT id FROM model_versions WHERE model_id = (SELECT model_id FROM model_versions WHERE id = :target_id))
""",
    "pipeline": "DELETE FROM tags WHERE kind = 'pipeline' AND name = :name AND target_id <> :target_id",
    "model": "DELETE FROM tags WHERE kind = 'model' AND name = :name AND target_id <> :target_id",
}
"""By kind: have an exclusive tag leave what had it before."""


def write_notes(transaction: Transaction, notes: Notes) -> None:
    """Write metadata and tags; what is not said costs no statement."""
    tags, values = table_of(Tag), table_of(Metadata)
    if notes.untagged:
        transaction.run_many(_TAKE_TAG_OFF, [_identity(tag) for tag in notes.untagged])
    if notes.tags:
        transaction.run_many(_PUT_TAG, [tags.row(tag) for tag in notes.tags])
    for tag in notes.tags:
        if tag.is_exclusive and tag.kind in _TAKE_OFF_OTHERS:
            transaction.run(_TAKE_OFF_OTHERS[tag.kind], {"name": tag.name, "target_id": tag.target_id})
    if notes.metadata:
        transaction.run_many(_LOG_VALUE, [values.row(value) for value in notes.metadata])


def tags_at_start(run: Run) -> list[Tag]:
    """Return the tags that a run has from its beginning."""
    special = {tag.name: tag for tag in run.options.special_tags}
    return [tag_on("run", run.id, special.get(name) or TagSpec(name)) for name in run.options.tags]


def _identity(tag: Tag) -> dict[str, str]:
    return {"kind": tag.kind, "target_id": tag.target_id, "name": tag.name}
