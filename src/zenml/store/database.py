"""The store over a database: generic verbs made from record fields, and the special transactions.

Special statements stand below with a sentence on what they are for. Whatever is written of a
run is guarded: a step can only end while it is recorded as running, and only start while its
run is recorded as running under the same epoch. So an owner that was declared dead and taken
over changes nothing any more.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Any, TypeVar

from zenml.errors import NotFoundError
from zenml.records import wire
from zenml.records.query import Page, Query
from zenml.records.run import (
    Artifact,
    Document,
    Owner,
    Pipeline,
    Record,
    Run,
    StepOutline,
)
from zenml.store import finding, heartbeats, location, owners, queries
from zenml.store.choosing import prepare
from zenml.store.note_writing import tags_at_start, write_notes
from zenml.store.row_writing import collect, insert_artifacts, insert_once, interrupt
from zenml.store.run_writer import RunWriter
from zenml.store.schema import table_of
from zenml.store.sqlite import MEMORY
from zenml.store.store import CacheEntry, Notes, RunDocuments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zenml.records.plan import ModelSpec
    from zenml.records.waits import Wait
    from zenml.store.models import ModelTables
    from zenml.store.schedules import ScheduleTables
    from zenml.store.secrets import Secrets
    from zenml.store.stacks import StackTables

R = TypeVar("R", bound=Record)


class Database:
    """A store in a database file, on the server of a team, or in memory for tests."""

    def __init__(self, root: str, *, is_durable: bool = True, address: str | None = None) -> None:
        self.root, self.file = prepare(root, address, is_durable=is_durable)
        self.is_shared = self.file.is_shared
        self.artifact_root = location.artifact_folder(self.root)
        self._key = os.urandom(32) if root == MEMORY else location.read_key(self.root)
        self._recorded_owner = ""
        self.heartbeat: heartbeats.Heartbeat | None = None
        """What tells other hosts that this process lives; None where the kernel tells who does."""
        self._secrets: Secrets | None = None

    # Generic verbs

    def get(self, kind: type[R], identifier: str) -> R | None:
        """Return the record with this id, or None."""
        found = self.select(kind, id=identifier)
        return found[0] if found else None

    def select(self, kind: type[R], /, **fields: Any) -> list[R]:
        """Return the records whose fields equal the given values, oldest first: a tuple means any of them, None no value."""
        table = table_of(kind)
        conditions, values = [], {}
        for name, value in fields.items():
            if value is None:
                conditions.append(f"{name} IS NULL")
                continue
            options = value if isinstance(value, (tuple, list)) else (value,)
            if not options:
                return []
            marks = {f"{name}_{i}": option for i, option in enumerate(options)}
            conditions.append(f"{name} IN ({', '.join(':' + mark for mark in marks)})")
            values.update(marks)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f" ORDER BY {'id' if 'id' in table.columns else table.names[0]}"
        return [table.record(row) for row in self.file.read(table.select + where + order, values)]

    def find(self, kind: type[R], query: Query) -> Page:
        """Return the page of records that a query asks for."""
        return finding.find(self.file, kind, query)

    def with_digits(self, kind: type[R], text: str) -> list[R]:
        """Return the newest records whose id begins or ends with some digits, four or more."""
        return finding.with_digits(self.file, kind, text)

    def runs_of_pipelines(self, names: Sequence[str]) -> dict[str, tuple[int, Run]]:
        """Return how many runs each pipeline has, and the newest; those that have none are left out."""
        return finding.runs_of_pipelines(self.file, names)

    def tag_counts(self) -> list[tuple[str, str, int]]:
        """Return each tag by name, a kind of thing that has it, and how many of those do."""
        return finding.tag_counts(self.file)

    def insert(self, records: Iterable[Record]) -> None:
        """Insert records, all or none."""
        with self.file.write() as transaction:
            for record in records:
                table = table_of(type(record))
                transaction.run(table.insert, table.row(record))

    def update(self, kind: type[R], identifier: str, /, **fields: Any) -> bool:
        """Change fields of one record; return whether it exists."""
        table = table_of(kind)
        changes = ", ".join(f"{name} = :{name}" for name in fields)
        values = {name: table.value(name, value) for name, value in fields.items()}
        with self.file.write() as transaction:
            sql = f"UPDATE {kind.table} SET {changes} WHERE id = :_id"  # noqa: S608  names of our own fields
            return transaction.run(sql, {**values, "_id": identifier}) == 1

    def delete(self, kind: type[R], identifier: str) -> bool:
        """Delete one record; return whether it existed."""
        with self.file.write() as transaction:
            return transaction.run(f"DELETE FROM {kind.table} WHERE id = :id", {"id": identifier}) == 1  # noqa: S608

    def document(self, digest: str) -> bytes | None:
        """Return the document stored under a digest, or None."""
        rows = self.file.read("SELECT body FROM documents WHERE digest = :digest", {"digest": digest})
        return rows[0][0] if rows else None

    @property
    def secrets(self) -> Secrets:
        """The secrets of this store."""
        if self._secrets is None:
            from zenml.store.secrets import Secrets  # most processes have no use for them

            self._secrets = Secrets(self.file, self.root)
        return self._secrets

    @property
    def models(self) -> ModelTables:
        """Models, their versions, and what is linked to them."""
        from zenml.store.models import ModelTables  # most runs work on none

        return ModelTables(self.file)

    @property
    def schedules(self) -> ScheduleTables:
        """Schedules, and what became of their times."""
        from zenml.store.schedules import ScheduleTables  # few processes have to do with them

        return ScheduleTables(self)

    @property
    def stacks(self) -> StackTables:
        """Stacks and their components."""
        from zenml.store.stacks import StackTables  # most runs are made with the default stack

        return StackTables(self.file)

    # Runs

    def owner(self) -> Owner:
        """Return this process as an owner of runs."""
        return heartbeats.current_owner(self)

    def start_run(self, run: Run, documents: RunDocuments, models: Sequence[ModelSpec] = ()) -> bool:
        """Record a run with all that belongs to it in one transaction; False if its name is taken."""
        with self.file.write() as transaction:
            owner = self.owner()
            if owner.id != self._recorded_owner:
                insert_once(transaction, owner)
            heartbeats.give(self, transaction, owner)
            if run.pipeline_id is not None:
                insert_once(
                    transaction,
                    Pipeline(id=run.pipeline_id, name=run.pipeline_name, created_at=run.created_at),
                )
            if insert_once(transaction, Document(digest=run.plan, body=documents.plan)):
                for digest, body in documents.sources.items():
                    insert_once(transaction, Document(digest=digest, body=body))
            insert_once(transaction, Document(digest=run.environment, body=documents.environment))
            if documents.stack is not None:
                digest, body = documents.stack
                insert_once(transaction, Document(digest=digest, body=body))
            if run.schedule_id is not None:
                from zenml.store.schedules import check_claimed, fire  # most runs were started by people

                check_claimed(transaction, run)
            if not insert_once(transaction, run):
                return False
            if run.schedule_id is not None:
                fire(transaction, run)
            write_notes(transaction, Notes(tags=tags_at_start(run)))
            if models:
                from zenml.store.model_versions import link_run  # most runs work on none

                link_run(transaction, run, models)
        self._recorded_owner = owner.id
        if self.heartbeat is not None:
            self.heartbeat.start()
        return True

    def resume_run(self, run: Run, documents: Mapping[str, bytes], models: Sequence[ModelSpec] = ()) -> bool:
        """Record that this process goes on with a run; return False if it is no longer as it was seen."""
        from zenml.store.resuming import resume_run  # few processes do

        return resume_run(self, run, documents, models)

    def answer_wait(self, wait: Wait) -> bool:
        """Record the answer to an open question of a paused run; return False if it is no longer to be answered."""
        from zenml.store.waits import answer_wait  # few processes do

        return answer_wait(self, wait)

    def expire_wait(self, wait_id: str) -> None:
        """Record that the time for an answer is over, if it is and there is none."""
        from zenml.store.waits import expire_wait  # few processes do

        expire_wait(self, wait_id)

    def run_transaction(self, run: Run) -> RunWriter:
        """Open a write transaction of a run."""
        return RunWriter(self, run)

    def look_up(self, keys: Sequence[str]) -> dict[str, CacheEntry]:
        """Return what is known of each cache key."""
        found: dict[str, CacheEntry] = {}
        for start in range(0, len(keys), queries.CHUNK):
            chunk = keys[start : start + queries.CHUNK]
            collect(found, self.file.read(queries.look_up(len(chunk)), chunk))
        if self.is_shared:
            from zenml.store.loadable import replace_unloadable

            replace_unloadable(self, self.file.read, found)
        return found

    def inline_bytes(self, artifact_id: str) -> bytes:
        """Return the bytes of a small artifact."""
        rows = self.file.read("SELECT inline FROM artifacts WHERE id = :id", {"id": artifact_id})
        if not rows or rows[0][0] is None:
            raise NotFoundError(f"The store holds no artifact with id `{artifact_id}` and inline content.")
        return bytes(rows[0][0])

    def outputs_of(self, step_run_ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """Return the artifacts that executed step runs produced, by producer, without inline bytes."""
        found: dict[str, list[Artifact]] = {}
        table = table_of(Artifact)
        for start in range(0, len(step_run_ids), queries.CHUNK):
            chunk = step_run_ids[start : start + queries.CHUNK]
            sql = queries.OUTPUTS_OF.format(artifact=queries.ARTIFACT_COLUMNS, ids=queries.marks(len(chunk)))
            for row in self.file.read(sql, chunk):
                artifact = table.record(row)
                found.setdefault(artifact.producer, []).append(artifact)
        return found

    def states_of_children(self, run_id: str) -> dict[str, dict[str, int]]:
        """Return how many steps of each child of a run are in which state, by the id of the child's run."""
        from zenml.store.outline import states_of_children

        return states_of_children(self.file, run_id)

    def outline(self, run_id: str) -> list[StepOutline]:
        """Return all attempts of a run in outline, in the order in which they began."""
        from zenml.store.outline import outline  # only who looks at runs needs it

        return outline(self.file, run_id)

    def request_stop(self, run_id: str, reason: str) -> bool:
        """Record that a run is to stop, or that a paused one is stopped; return whether it was either."""
        from zenml.store.stopping import request_stop  # few processes do

        return request_stop(self, run_id, reason)

    def announce_stop(self, run: Run, reason: str) -> None:
        """Record that the owner of a run is about to stop it, unless it is the run of somebody else by now."""
        from zenml.store.stopping import announce_stop

        announce_stop(self, run, reason)

    def interrupt_dead_runs(self) -> list[str]:
        """Mark the runs of owners that are found dead as interrupted; return the ids of those runs."""
        table = table_of(Owner)
        columns = ", ".join(f"o.{name}" for name in table.names)
        rows = self.file.read(queries.OWNERS_OF_RUNS_ALIVE.format(columns=columns))
        dead = heartbeats.find_dead(self.file.read, self.file, map(table.record, rows), self.root)
        if not dead:
            return []
        ids: list[str] = []
        with self.file.write() as transaction:
            for owner in dead:
                ids += interrupt(self, transaction, owner)
        for owner in dead:
            owners.remove_lease(self.root, owner)
        return ids

    def insert_artifact(self, artifact: Artifact, notes: Notes | None = None) -> Artifact:
        """Record an artifact that no step made, with notes on it; return it with version and signature."""
        with self.file.write() as transaction:
            insert_artifacts(self, transaction, (artifact,))
            write_notes(transaction, notes or Notes())
        found = self.get(Artifact, artifact.id)
        if found is None:
            raise NotFoundError(f"Artifact `{artifact.id}` was deleted while it was being recorded.")
        return found

    def annotate(self, notes: Notes) -> None:
        """Write metadata and tags."""
        with self.file.write() as transaction:
            write_notes(transaction, notes)

    # Trust and durability

    def sign(self, artifact: Artifact) -> bytes:
        """Return the signature of an artifact's identity: what its bytes are and how they are loaded."""
        said = wire.encode(
            (
                artifact.type,
                artifact.materializer,
                artifact.digest,
                artifact.size,
                artifact.key,
                artifact.needs_trust,
                artifact.store_id,
            )
        )
        return hmac.digest(self._key, said, "sha256")

    def mac(self, purpose: str, text: str) -> str:
        """Return the HMAC of a text under the store's key, as 32 hexadecimal digits.

        Args:
            purpose: what the text is used for; the same text for two purposes gives two answers.
            text: what must not be stored itself.
        """
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()[:32]

    def is_trusted(self, artifact: Artifact) -> bool:
        """Tell whether this store recorded the artifact just as it is now."""
        return hmac.compare_digest(self.sign(artifact), artifact.signature)

    def can_load(self, artifact: Artifact) -> bool:
        """Tell whether an artifact may be loaded: if that runs code, this store has recorded it itself."""
        return not artifact.needs_trust or self.is_trusted(artifact)

    def wait_durable(self) -> None:
        """Return when everything committed so far would survive a power loss."""
        self.file.wait_durable()

    def close(self) -> None:
        """Close the database; the store can be opened again, and one in memory is gone with its files."""
        if self.heartbeat is not None:
            self.heartbeat.close()
            self.heartbeat = None
        self.file.close()
        if self.root == MEMORY:
            location.remove_folder(self.artifact_root)
