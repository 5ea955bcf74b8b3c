"""Asking the owner of a run to stop it: a state in the store, which the owner finds when it looks.

Nobody but the owner ends a living run. `stopping` refuses every further start of a step, so the
owner learns of it at its next write at the latest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.ids import microseconds_now

if TYPE_CHECKING:
    from zenml.records.run import Run
    from zenml.store.database import Database

# Only a run that nobody has asked to stop yet takes the state and the reason.
_REQUEST_STOP = "UPDATE runs SET status = 'stopping', reason = :reason WHERE id = :id AND status = 'running'"


# A paused run is nobody's: whoever is asked to stop it ends it.
_STOP_PAUSED = """
UPDATE runs SET status = 'stopped', epoch = epoch + 1, ended_at = :now, reason = :reason
WHERE id = :id AND status = 'paused'
"""

# The owner itself says that it is about to, if it is the owner still.
_ANNOUNCE_STOP = """
UPDATE runs SET status = 'stopping', reason = :reason WHERE id = :id AND status = 'running' AND epoch = :epoch
"""

# With it end the runs inside it that wait for people.
_STOP_INSIDE = """
WITH RECURSIVE inside (id) AS (
    SELECT id FROM runs WHERE parent_id = :id UNION SELECT r.id FROM runs r JOIN inside i ON r.parent_id = i.id
)
UPDATE runs SET status = 'stopped', epoch = epoch + 1, ended_at = :now, reason = :reason
WHERE status = 'paused' AND id IN (SELECT id FROM inside)
"""


def request_stop(store: Database, run_id: str, reason: str) -> bool:
    """Record that a run is to stop, or that a paused one is stopped; return whether it was either."""
    with store.file.write() as transaction:
        values = {"id": run_id, "reason": reason, "now": microseconds_now()}
        if transaction.run(_STOP_PAUSED, values) == 1:
            transaction.run(_STOP_INSIDE, values)
            return True
        return transaction.run(_REQUEST_STOP, {"id": run_id, "reason": reason}) == 1


def announce_stop(store: Database, run: Run, reason: str) -> None:
    """Record that the owner of a run is about to stop it, unless it is the run of somebody else by now."""
    with store.file.write() as transaction:
        transaction.run(_ANNOUNCE_STOP, {"id": run.id, "reason": reason, "epoch": run.epoch})
