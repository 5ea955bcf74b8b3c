"""Taking over a run that has ended without completing, so that this process goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.ids import microseconds_now
from zenml.records.run import Document, Run
from zenml.records.status import RESUMABLE
from zenml.store import heartbeats
from zenml.store.row_writing import insert_once
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.records.plan import ModelSpec
    from zenml.store.database import Database

# Only one process raises the epoch from the one that it has seen; the others change nothing.
_RESUME_RUN = """
UPDATE runs SET status = 'running', epoch = :epoch, owner_id = :owner_id, plan = :plan, variables = :variables,
    options = :options, parameters = :parameters, ended_at = NULL, reason = NULL, failure = NULL
WHERE id = :id AND epoch = :epoch - 1 AND status IN ({resumable})
""".format(resumable=", ".join(f"'{status}'" for status in sorted(RESUMABLE)))

# No attempt of an earlier owner goes on.
_END_ATTEMPTS = """
UPDATE step_runs SET status = 'interrupted', ended_at = :now, reason = 'the run was resumed'
WHERE run_id = :id AND status IN ('running', 'retrying')
"""

# A run that failed had outputs of the steps that succeeded; its end writes all of them again.
_FORGET_OUTPUTS = "DELETE FROM run_outputs WHERE run_id = :id"


def resume_run(
    store: Database, run: Run, documents: Mapping[str, bytes], models: Sequence[ModelSpec] = ()
) -> bool:
    """Record that this process goes on with a run; return False if it is no longer as it was seen.

    Args:
        store: the store.
        run: the run as it is to be recorded: with the next epoch, and this process as its owner.
        documents: what it needs beside, by digest: its plan, and sources.
        models: versions of models that it did not work on before.
    """
    with store.file.write() as transaction:
        owner = store.owner()
        insert_once(transaction, owner)
        heartbeats.give(store, transaction, owner)
        if transaction.run(_RESUME_RUN, table_of(Run).row(run)) != 1:
            return False
        transaction.run(_END_ATTEMPTS, {"id": run.id, "now": microseconds_now()})
        transaction.run(_FORGET_OUTPUTS, {"id": run.id})
        for digest, body in documents.items():
            insert_once(transaction, Document(digest=digest, body=body))
        if models:
            from zenml.store.model_versions import link_run  # most runs work on none

            link_run(transaction, run, models)
    if store.heartbeat is not None:
        store.heartbeat.start()
    return True
