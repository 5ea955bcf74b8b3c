"""The write transaction of a run: everything in it is guarded by the epoch of the run's owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from zenml.errors import RunStoppedError
from zenml.records.run import Owner, Run, StepRun
from zenml.store import heartbeats, owners, queries
from zenml.store.note_writing import write_notes
from zenml.store.row_writing import collect, insert_artifacts, insert_many, insert_once, interrupt
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.store.database import Database
    from zenml.store.store import Batch, CacheEntry


class RunWriter:
    """A write transaction of one run."""

    def __init__(self, database: Database, run: Run) -> None:
        self._database = database
        self._run = run
        self._transaction = database.file.write()

    def __enter__(self) -> Self:
        heartbeat = self._database.heartbeat
        if (
            heartbeat is not None
            and heartbeat.problem is not None
            and heartbeat.owner_id == self._run.owner_id
        ):
            raise heartbeat.problem
        self._transaction.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._transaction.__exit__(kind, error, trace)

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each key; a dead owner's work is marked interrupted on the way."""
        found: dict[str, CacheEntry] = {}
        for start in range(0, len(keys), queries.CHUNK):
            chunk = keys[start : start + queries.CHUNK]
            collect(found, self._transaction.read(queries.look_up(len(chunk)), chunk))
        if self._database.is_shared:
            from zenml.store.loadable import replace_unloadable

            replace_unloadable(self._database, self._transaction.read, found)
        running = {entry.run_id for entry in found.values() if not entry.is_finished} - {self._run.id}
        if running and self._interrupt_dead(list(running)):
            return self.look_up(keys)
        return found

    def write(self, batch: Batch) -> None:
        """Write everything of a batch, guarded by the run's epoch."""
        for end in batch.ended:
            if self._transaction.run(queries.END_STEP, table_of(StepRun).row(end.step)) != 1:
                self._refuse()
            insert_artifacts(self._database, self._transaction, end.artifacts)
        for document in batch.documents:
            insert_once(self._transaction, document)
        if batch.started:
            self._start_steps(batch.started)
        insert_many(self._transaction, batch.inputs)
        insert_artifacts(self._database, self._transaction, batch.aliases)
        if batch.saved or batch.notes:
            self._write_told(batch)
        if batch.links:
            from zenml.store.model_versions import write_links  # most runs work on no model

            write_links(self._transaction, batch.links)
        if batch.run is not None:
            self._end_run(batch.run)
        # After the guards: whoever was taken over learns of that, not of a row that is there already.
        insert_many(self._transaction, batch.outputs)
        insert_many(self._transaction, batch.hooks)
        if batch.wait is not None:
            from zenml.store.waits import add_wait  # few runs ask anything

            add_wait(self._transaction, batch.wait)

    def _end_run(self, run: Run) -> None:
        row = table_of(Run).row(run)
        if self._transaction.run(queries.END_RUN, row) != 1:
            self._refuse()
        if run.status not in ("completed", "paused"):
            self._transaction.run(queries.END_LEFT_STEPS, row)

    def _start_steps(self, started: list[StepRun]) -> None:
        table = table_of(StepRun)
        rows = [{**table.row(step), "epoch": self._run.epoch} for step in started]
        if len(rows) == 1:
            changed = self._transaction.run(queries.START_STEP, rows[0])
        else:
            changed = self._transaction.run_many(queries.START_STEP, rows)
        if changed != len(rows):
            self._refuse()

    def _write_told(self, batch: Batch) -> None:
        """Write what steps said, if this owner may still speak for the run."""
        said = {"id": self._run.id, "epoch": self._run.epoch}
        if not self._transaction.read(queries.IS_OWNED, said):
            self._refuse()
        insert_artifacts(self._database, self._transaction, batch.saved)
        write_notes(self._transaction, batch.notes)

    def _interrupt_dead(self, run_ids: list[str]) -> bool:
        table = table_of(Owner)
        columns = ", ".join(f"o.{name}" for name in table.names)
        sql = queries.OWNERS_OF_RUNS.format(columns=columns, ids=queries.marks(len(run_ids)))
        found = [table.record(row) for row in self._transaction.read(sql, run_ids)]
        database, transaction = self._database, self._transaction
        dead = heartbeats.find_dead(transaction.read, database.file, found, database.root)
        was_any = False
        for owner in dead:
            was_any |= bool(interrupt(database, transaction, owner))
            owners.remove_lease(database.root, owner)
        return was_any

    def _refuse(self) -> None:
        rows = self._transaction.read("SELECT status, reason FROM runs WHERE id = :id", {"id": self._run.id})
        status, reason = rows[0] if rows else ("deleted", None)
        if status == "stopping":
            raise RunStoppedError.asked(self._run.name, reason)
        raise RunStoppedError.taken_over(self._run.name, status, reason)
