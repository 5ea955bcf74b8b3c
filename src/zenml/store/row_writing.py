"""Writing rows inside a transaction, and folding the rows of a look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.records.ids import microseconds_now
from zenml.records.run import Artifact
from zenml.store import heartbeats, queries
from zenml.store.schema import table_of
from zenml.store.store import CacheEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.hooks import HookRun
    from zenml.records.run import Owner, Record, RunOutput, StepInput
    from zenml.store.database import Database
    from zenml.store.file import Transaction


def insert_artifacts(database: Database, transaction: Transaction, artifacts: Sequence[Artifact]) -> None:
    """Insert artifacts, each signed, and with the version that it asks for or the next one."""
    table = table_of(Artifact)
    for artifact in artifacts:
        row = table.row(artifact)
        row["signature"] = database.sign(artifact)
        transaction.run(queries.INSERT_ARTIFACT_AS if artifact.version else queries.INSERT_ARTIFACT, row)


def insert_once(transaction: Transaction, record: Record) -> bool:
    """Insert a record unless it is there; tell whether it was not."""
    table = table_of(type(record))
    return transaction.run(queries.INSERT_ONCE.format(insert=table.insert), table.row(record)) == 1


def insert_many(transaction: Transaction, records: Sequence[StepInput | RunOutput | HookRun]) -> None:
    """Insert records of one kind."""
    if records:
        table = table_of(type(records[0]))
        transaction.run_many(table.insert, [table.row(record) for record in records])


def interrupt(database: Database, transaction: Transaction, owner: Owner) -> list[str]:
    """Record the runs of an owner that is gone as interrupted, unless it lives after all; return their ids."""
    if not heartbeats.take_over(transaction, database.file, owner, database.root):
        return []
    ids = [row[0] for row in transaction.read(queries.RUNS_ALIVE, {"owner": owner.id})]
    values = {
        "owner": owner.id,
        "now": microseconds_now(),
        "reason": f"its process {owner.pid} on {owner.host} is gone",
    }
    transaction.run(queries.INTERRUPT_STEPS, values)
    transaction.run(queries.INTERRUPT_RUNS, values)
    return ids


def collect(found: dict[str, CacheEntry], rows: list[tuple[Any, ...]]) -> None:
    """Fold the rows of a look-up into one entry per key; a finished result beats work in flight."""
    table = table_of(Artifact)
    for key, step_run_id, run_id, status, ended_at, *artifact in rows:
        is_finished = status == "completed"
        known = found.get(key)
        if known is not None and known.is_finished and not is_finished:
            continue
        artifacts = (table.record(tuple(artifact)),) if artifact[0] is not None else ()
        if known is not None and known.step_run_id == step_run_id:
            artifacts = known.artifacts + artifacts
        found[key] = CacheEntry(step_run_id, run_id, is_finished, ended_at or 0, artifacts)
