"""Questions to people: asked in the transaction that pauses a run, answered by whoever is first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.ids import microseconds_now
from zenml.records.waits import Wait
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from zenml.store.database import Database
    from zenml.store.file import Transaction

# A question that was asked before keeps its row, and the time until which it can be answered.
_ASK = "{insert} ON CONFLICT (run_id, name, content) DO UPDATE SET status = 'open' WHERE waits.status = 'withdrawn'"

# A run waits for one thing: what it asked before its code was changed is not to be answered any more.
_WITHDRAW = """
UPDATE waits SET status = 'withdrawn'
WHERE run_id = :run_id AND status = 'open' AND NOT (name = :name AND content = :content)
"""

# One answer wins, and only while the run is paused.
_ANSWER = """
UPDATE waits SET status = 'answered', answer = :answer, answered_at = :answered_at, answered_by = :answered_by
WHERE id = :id AND status = 'open' AND (expires_at IS NULL OR expires_at > :answered_at)
AND EXISTS (SELECT 1 FROM runs WHERE id = :run_id AND status = 'paused')
"""
_EXPIRE = "UPDATE waits SET status = 'expired' WHERE id = :id AND status = 'open' AND expires_at <= :now"


def add_wait(transaction: Transaction, wait: Wait) -> None:
    """Record that a run waits for an answer, and for nothing else."""
    table = table_of(Wait)
    row = table.row(wait)
    transaction.run(_ASK.format(insert=table.insert), row)
    transaction.run(_WITHDRAW, row)


def answer_wait(store: Database, wait: Wait) -> bool:
    """Record the answer to an open question of a paused run; return False if it is no longer to be answered."""
    with store.file.write() as transaction:
        return transaction.run(_ANSWER, table_of(Wait).row(wait)) == 1


def expire_wait(store: Database, wait_id: str) -> None:
    """Record that the time for an answer is over, if it is and there is none."""
    with store.file.write() as transaction:
        transaction.run(_EXPIRE, {"id": wait_id, "now": microseconds_now()})
