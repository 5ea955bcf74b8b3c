"""Removing runs and what ledgers tell of long ago, and finding and removing the rows that nothing refers to any more.

There is one definition of "used": `_USES`. What keeps an artifact is a row that one of its queries finds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.records.models import HELD_BY_ONE
from zenml.records.run import Artifact
from zenml.store import queries
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from zenml.records.status import RunStatus
    from zenml.store.database import Database
    from zenml.store.file import Transaction

# By kind of use: a column of the artifact, and where it is found (as key) by what uses the artifact: the run,
# and the step, tag or version in it, "" where there is none.
_STEPS = "SELECT id AS key, run_id AS run, invocation_id AS what FROM step_runs"
_USES = {
    "made by": ("producer", _STEPS),
    "saved by": ("saved_by", _STEPS),
    "saved by hand": ("saved_by", "SELECT '' AS key, '' AS run, '' AS what"),
    "result of": ("producer", """
        SELECT cached_from AS key, run_id AS run, invocation_id AS what FROM step_runs WHERE cached_from IS NOT NULL"""),
    "input of": ("id", """
        SELECT i.artifact_id AS key, s.run_id AS run, s.invocation_id AS what
        FROM step_inputs i LEFT JOIN step_runs s ON s.id = i.step_run_id"""),
    "output of": ("id", "SELECT artifact_id AS key, run_id AS run, '' AS what FROM run_outputs"),
    "tagged": ("id", "SELECT target_id AS key, '' AS run, name AS what FROM tags WHERE kind = 'artifact'"),
    "part of": ("id", """
        SELECT l.target_id AS key, '' AS run, v.model_name || ' ' || v.name AS what
        FROM model_links l JOIN model_versions v ON v.id = l.version_id WHERE l.kind = 'artifact'"""),
}  # fmt: skip
_IS_USED = "coalesce({}, FALSE)".format(
    " OR ".join(f"a.{column} IN (SELECT key FROM ({users}) AS users)" for column, users in _USES.values())  # noqa: S608  our own text
)
_USES_OF = " UNION ALL ".join(
    f"SELECT '{kind}', run, what FROM ({users}) AS users WHERE key = (SELECT {column} FROM artifacts WHERE id = :id)"  # noqa: S608
    for kind, (column, users) in _USES.items()
)

# Step runs and their rows go with the run; artifacts stay until they are collected.
_FORGET_RUN = (
    "DELETE FROM tags WHERE kind = 'run' AND target_id = :id",
    "DELETE FROM metadata WHERE kind = 'run' AND target_id = :id",
)
# What was said of a step holds for those that were answered with its result, and goes with the last of them.
_FORGET_STEPS = tuple(
    f"DELETE FROM {table} WHERE kind = 'step' AND target_id NOT IN (SELECT id FROM step_runs)"  # noqa: S608  our own text
    " AND target_id NOT IN (SELECT cached_from FROM step_runs WHERE cached_from IS NOT NULL)"
    for table in ("tags", "metadata")
)
_DELETE_RUN = "DELETE FROM runs WHERE id = :id AND status NOT IN ('running', 'stopping')"

_FAMILY = """
WITH RECURSIVE family (id) AS (SELECT id FROM runs WHERE id = :id UNION SELECT r.id FROM runs r JOIN family f ON r.parent_id = f.id)
SELECT id FROM family
"""
_RUNS_IN_STAGES = f"""
SELECT l.target_id FROM model_links l JOIN model_versions v ON v.id = l.version_id
WHERE l.kind = 'run' AND v.stage IN ({queries.marks(len(HELD_BY_ONE))})
"""  # noqa: S608  our own text

_UNUSED = f"SELECT {queries.ARTIFACT_COLUMNS} FROM artifacts a WHERE NOT {_IS_USED} ORDER BY a.id"  # noqa: S608
# The condition is asked again: a run may have begun to use the artifact since it was listed.
_STILL_UNUSED = f"SELECT a.id FROM artifacts a WHERE a.id IN ({{ids}}) AND NOT {_IS_USED}"  # noqa: S608
_DELETE_ARTIFACTS = (
    """
    INSERT INTO deleted_versions (name, version)
    SELECT name, max(version) FROM artifacts WHERE id IN ({ids}) GROUP BY name
    ON CONFLICT (name) DO UPDATE SET version = excluded.version WHERE deleted_versions.version < excluded.version
    """,
    "DELETE FROM tags WHERE kind = 'artifact' AND target_id IN ({ids})",
    "DELETE FROM metadata WHERE kind = 'artifact' AND target_id IN ({ids})",
    "DELETE FROM artifacts WHERE id IN ({ids})",
)
_ARTIFACT_BYTES = """
SELECT coalesce(sum(bytes), 0) FROM (SELECT max(size) AS bytes FROM artifacts GROUP BY coalesce(key, id)) AS sizes
"""
_SIZES = "SELECT digest, length(body) FROM documents"
_PLANS = "SELECT plan FROM runs UNION SELECT plan FROM schedules"
_PLANS_ALIVE = "SELECT DISTINCT plan FROM runs WHERE ended_at IS NULL"
# The steps of a dynamic run are not in its plan; those of a static one are no documents.
_DEFINITIONS = "SELECT DISTINCT definition FROM step_runs"
_DEFINITIONS_BY_RUN = "SELECT DISTINCT run_id, definition FROM step_runs"
_RUNS = "SELECT id, status, plan, environment, created_at FROM runs"
_RUNS_TO_COME = "SELECT run_id FROM ticks WHERE settled_at IS NULL"
_STEPS_RUNNING = """
SELECT s.id FROM runs r JOIN step_runs s ON s.run_id = r.id
WHERE r.status IN ('running', 'stopping', 'paused') AND s.status = 'running'
"""
_NAMED = f"{_PLANS} UNION SELECT definition FROM step_runs"  # noqa: S608  our own text
_ENVIRONMENTS = "SELECT DISTINCT environment FROM runs"
_DELETE_DOCUMENT = "DELETE FROM documents WHERE digest = :digest"
_KEYS = "SELECT DISTINCT key FROM artifacts WHERE key IS NOT NULL"

_MOST_TICKS = 5000
"""Rows of ledgers that one transaction deletes, so that others can write in between."""
# Of the ledgers of schedules: what is young or not settled stays, and what is still looked at: the newest row of a schedule, what counts for
# `max_runs`, events that are looked for again, and what has a run.
_OLD_TICKS = """
t.settled_at < :before AND coalesce(t.alert, '') <> 'due' AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = t.run_id)
    AND EXISTS (SELECT 1 FROM ticks n WHERE n.schedule_id = t.schedule_id AND n.instant > t.instant)
    AND EXISTS (
        SELECT 1 FROM schedules s WHERE s.id = t.schedule_id
            AND (s.max_runs IS NULL OR t.outcome <> 'fired') AND (t.cause <> 'event' OR t.instant <= s.since)
    )
"""
_COUNT_TICKS = f"SELECT coalesce(sum(t.count), 0) FROM ticks t WHERE {_OLD_TICKS}"  # noqa: S608  our own text
_FORGET_TICKS = f"""
DELETE FROM ticks WHERE (schedule_id, key) IN (SELECT t.schedule_id, t.key FROM ticks t WHERE {_OLD_TICKS} LIMIT :most)
"""  # noqa: S608  our own text


def delete_runs(store: Database, run_ids: Sequence[str]) -> list[str]:
    """Delete ended runs with all that is said of them and their steps, in one transaction; return the ids that are gone."""
    gone = []
    with store.file.write() as transaction:
        for identifier in run_ids:
            if transaction.run(_DELETE_RUN, {"id": identifier}) == 1:
                for sql in _FORGET_RUN:
                    transaction.run(sql, {"id": identifier})
                gone.append(identifier)
        if gone:
            for sql in _FORGET_STEPS:
                transaction.run(sql)
    return gone


def runs_in_stages(store: Database) -> set[str]:
    """Return the ids of the runs of model versions that are in use: those in a stage that one version holds."""
    return {row[0] for row in store.file.read(_RUNS_IN_STAGES, HELD_BY_ONE)}


def with_children(store: Database, run_ids: Sequence[str]) -> list[str]:
    """Return ids of runs, each followed by those of the runs that it called, and that these called."""
    found: list[str] = []
    for identifier in run_ids:
        found += [row[0] for row in store.file.read(_FAMILY, {"id": identifier})]
    return list(dict.fromkeys(found))


def old_ticks(store: Database, before: int, without_runs: Sequence[str] = ()) -> int:
    """Return how many times of schedules the ledgers need not tell of any more, if these runs were deleted.

    Args:
        store: the store.
        before: those that were settled earlier, in microseconds since 1970.
        without_runs: ids of runs that are to be deleted first.
    """
    values = {"before": before}
    found = 0
    try:
        with store.file.write() as transaction:
            for identifier in without_runs:
                transaction.run(_DELETE_RUN, {"id": identifier})
            found = int(transaction.read(_COUNT_TICKS, values)[0][0])
            raise _UndoError
    except _UndoError:
        return found


def delete_ticks(store: Database, before: int) -> int:
    """Delete from the ledgers of schedules what they need not tell of any more; return how many times that were.

    Args:
        store: the store.
        before: those that were settled earlier, in microseconds since 1970.
    """
    values = {"before": before, "most": _MOST_TICKS}
    found, gone = old_ticks(store, before), _MOST_TICKS
    while gone == _MOST_TICKS:
        with store.file.write() as transaction:
            gone = transaction.run(_FORGET_TICKS, values)
    return found


class _UndoError(Exception):
    """Ends a transaction that was to change nothing."""


class RunInShort(msgspec.Struct, frozen=True, gc=False):
    """What of a run says which documents it needs: all runs of a large store are read."""

    id: str
    status: RunStatus
    plan: str
    environment: str
    created_at: int


def runs_in_short(store: Database) -> list[RunInShort]:
    """Return all runs, in any order."""
    return [RunInShort(*row) for row in store.file.read(_RUNS)]


def runs_to_come(store: Database) -> set[str]:
    """Return the ids of the runs that schedules are starting, or have wait for their turn."""
    return {row[0] for row in store.file.read(_RUNS_TO_COME)}


def steps_running(store: Database) -> set[str]:
    """Return the ids of the step runs that go on."""
    return {row[0] for row in store.file.read(_STEPS_RUNNING)}


def unused_artifacts(store: Database, without_runs: Sequence[str] = ()) -> list[Artifact]:
    """Return the artifacts that nothing refers to, without their inline bytes.

    With `without_runs`, those that nothing would refer to if these runs were deleted: they are, in
    a transaction that is undone.
    """
    table = table_of(Artifact)
    if not without_runs:
        return [table.record(row) for row in store.file.read(_UNUSED)]
    rows: list[tuple[object, ...]] = []
    try:
        with store.file.write() as transaction:
            for identifier in without_runs:
                transaction.run(_DELETE_RUN, {"id": identifier})
            rows = transaction.read(_UNUSED)
            raise _UndoError
    except _UndoError:
        return [table.record(row) for row in rows]


def delete_unused(store: Database, artifact_ids: Sequence[str]) -> list[str]:
    """Delete artifacts that still nothing refers to; return the ids that are gone.

    A transaction takes some hundred, so that running pipelines can write in between.
    """
    gone: list[str] = []
    for start in range(0, len(artifact_ids), queries.CHUNK):
        chunk = artifact_ids[start : start + queries.CHUNK]
        with store.file.write() as transaction:
            sql = _STILL_UNUSED.format(ids=queries.marks(len(chunk)))
            ids = [row[0] for row in transaction.read(sql, chunk)]
            _delete_artifacts(transaction, ids)
        gone += ids
    return gone


def delete_artifact(store: Database, artifact_id: str) -> None:
    """Delete an artifact with its tags and metadata, whatever refers to it."""
    with store.file.write() as transaction:
        _delete_artifacts(transaction, [artifact_id])


def _delete_artifacts(transaction: Transaction, ids: Sequence[str]) -> None:
    if ids:
        for sql in _DELETE_ARTIFACTS:
            transaction.run(sql.format(ids=queries.marks(len(ids))), ids)


def uses_of(store: Database, artifact_id: str) -> list[tuple[str, str, str]]:
    """Return what refers to an artifact: the kind of use, the id of the run, and the step or tag."""
    return [(kind, run, what) for kind, run, what in store.file.read(_USES_OF, {"id": artifact_id})]


def stored_keys(store: Database) -> set[str]:
    """Return the keys of all folders that an artifact row names."""
    return {row[0] for row in store.file.read(_KEYS)}


def size_of(store: Database) -> int:
    """Return the bytes of all artifacts, logs and documents; a folder that several artifacts share counts once."""
    artifacts = int(store.file.read(_ARTIFACT_BYTES)[0][0])
    logs = 0
    for folder, _, names in os.walk(os.path.join(store.root, "logs")):
        logs += sum(os.stat(os.path.join(folder, name)).st_size for name in names)
    return artifacts + logs + sum(document_sizes(store).values())


def document_sizes(store: Database) -> dict[str, int]:
    """Return the size of every document by digest."""
    return dict(store.file.read(_SIZES))


def named_documents(store: Database) -> set[str]:
    """Return the digests of the plans of runs and schedules, and of the steps that ran."""
    return {row[0] for row in store.file.read(_NAMED)}


def definitions_of_runs(store: Database, without_runs: Collection[str] = ()) -> set[str]:
    """Return the digests of the definitions of all steps that ran, but for those of some runs."""
    if not without_runs:
        return {row[0] for row in store.file.read(_DEFINITIONS)}
    return {definition for run, definition in store.file.read(_DEFINITIONS_BY_RUN) if run not in without_runs}


def delete_documents(
    store: Database, digests: Sequence[str], *, known: set[str], dynamic_plans: set[str]
) -> int:
    """Delete documents, unless more is named by now; return how many.

    While a dynamic run goes on nothing is deleted: a step of it may be about to name what was stored before.

    Args:
        store: the store.
        digests: what is to go.
        known: what was named when `digests` were found, of `named_documents`.
        dynamic_plans: those of them that are plans of dynamic pipelines.
    """
    with store.file.write() as transaction:
        if {row[0] for row in transaction.read(_PLANS_ALIVE)} & dynamic_plans:
            return 0
        if {row[0] for row in transaction.read(_NAMED)} - known:
            return 0
        used = {row[0] for row in transaction.read(_ENVIRONMENTS)}
        return transaction.run_many(
            _DELETE_DOCUMENT, [{"digest": digest} for digest in digests if digest not in used]
        )
