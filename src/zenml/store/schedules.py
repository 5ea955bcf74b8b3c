"""Schedules and their ledger in the store.

Each change of a schedule names the revision that it has seen, and is refused if there is a newer one. So of
several schedulers one writes the ticks of an instant, in the transaction that moves the schedule past it,
and a change by a person never is undone by a scheduler that had not seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ScheduleError
from zenml.records.run import Document, Owner, Pipeline
from zenml.records.schedules import Schedule, Scheduler, Tick
from zenml.store import heartbeats
from zenml.store.row_writing import insert_once
from zenml.store.schema import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zenml.records.run import Run
    from zenml.records.schedules import Event
    from zenml.store.database import Database
    from zenml.store.file import Transaction

_SCHEDULE = table_of(Schedule)
_TICK = table_of(Tick)
_CHANGED = ", ".join(f"{name} = :{name}" for name in _SCHEDULE.names if name not in ("id", "created_at"))
_CHANGE = f"UPDATE schedules SET {_CHANGED} WHERE id = :id AND revision = :seen"  # noqa: S608  names of our own fields
_DUE = "SELECT id FROM schedules WHERE next_at <= :now ORDER BY next_at LIMIT :most"
_NEXT = "SELECT min(next_at) FROM schedules WHERE next_at IS NOT NULL"
_WITH_EVENTS = "SELECT id FROM schedules WHERE event IS NOT NULL AND is_active = 1 AND problem IS NULL"
_STOP_EVALUATING = (
    "UPDATE schedules SET problem = :problem, next_at = NULL, revision = revision + 1 WHERE id = :id"
)
_TICKS_OF = (
    f"{_TICK.select} WHERE schedule_id = :schedule ORDER BY instant DESC, key DESC LIMIT :size OFFSET :offset"
)
_BEFORE = f"{_TICK.select} WHERE schedule_id = :schedule AND instant < :instant ORDER BY instant DESC LIMIT 1"
_UNSETTLED = f"""
SELECT {", ".join(f"t.{name}" for name in _TICK.names)}, r.status
FROM ticks t LEFT JOIN runs r ON r.id = t.run_id WHERE t.settled_at IS NULL
"""  # noqa: S608  names of our own fields
_IN_ORDER = "ORDER BY t.due_at, t.key"
_TO_TELL = f"{_TICK.select} WHERE alert = 'due' ORDER BY recorded_at LIMIT :most"
_COUNT = """
SELECT count(*) FROM ticks WHERE schedule_id = :schedule AND outcome IN ('queued', 'claimed', 'fired') AND cause <> 'manual'
"""
_MOVE = """
UPDATE ticks SET outcome = :outcome, reason = :reason, owner_id = :owner_id, attempts = :attempts,
    ended_at = :ended_at, settled_at = :settled_at, alert = :alert
WHERE schedule_id = :schedule_id AND key = :key AND settled_at IS NULL AND outcome = :was AND attempts = :tried
"""
_IS_CLAIMED = "SELECT 1 FROM ticks WHERE run_id = :run AND outcome = 'claimed'"
_FIRE = """
UPDATE ticks SET outcome = 'fired', ended_at = :now
WHERE run_id = :run AND outcome = 'claimed'
"""
_TOLD = "UPDATE ticks SET alert = :alert WHERE schedule_id = :schedule AND key = :key AND alert = 'due'"
_ENDED_RUNS = """
SELECT r.id, r.ended_at FROM runs r
WHERE r.pipeline_name = :name AND r.status IN ({statuses}) AND r.ended_at > :since AND r.ended_at <= :now
    AND NOT EXISTS (SELECT 1 FROM ticks t WHERE t.schedule_id = :schedule AND t.key = 'e' || r.id)
ORDER BY r.ended_at, r.id LIMIT :most
"""
_NEW_ARTIFACTS = """
SELECT a.id, a.created_at FROM artifacts a
WHERE a.name = :name AND a.created_at > :since AND a.created_at <= :now
    AND NOT EXISTS (SELECT 1 FROM ticks t WHERE t.schedule_id = :schedule AND t.key = 'e' || a.id)
ORDER BY a.created_at, a.id LIMIT :most
"""
_NEW_VERSIONS = """
SELECT v.id, v.created_at FROM model_versions v
WHERE v.model_name = :name AND v.created_at > :since AND v.created_at <= :now
    AND NOT EXISTS (SELECT 1 FROM ticks t WHERE t.schedule_id = :schedule AND t.key = 'e' || v.id)
ORDER BY v.created_at, v.id LIMIT :most
"""


class OpenTick(msgspec.Struct, frozen=True):
    """A tick of which more will become, and the status of its run, None if that has not begun."""

    tick: Tick
    run_status: str | None


class ScheduleTables:
    """The schedules of a store, and what became of their times."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file = database.file

    # Schedules

    def add(self, schedule: Schedule, plan: bytes) -> bool:
        """Record a new schedule with the plan that it names; return False if its name is taken."""
        with self._file.write() as transaction:
            _insert_needed(transaction, schedule, plan)
            return insert_once(transaction, schedule)

    def change(
        self,
        seen: Schedule,
        becomes: Schedule,
        ticks: Sequence[Tick] = (),
        *,
        moved: Sequence[tuple[Tick, Tick]] = (),
        plan: bytes | None = None,
    ) -> bool:
        """Change a schedule, with ticks and what became of earlier ones; False, and nothing, if it is not as seen.

        Args:
            seen: the schedule as it was read.
            becomes: what it is from now on; its revision is set here.
            ticks: rows of the ledger to add; those that are there already stay as they are.
            moved: ticks as they were read, and as they are from now on.
            plan: the one that it names now, where that is another one.
        """
        row = _SCHEDULE.row(msgspec.structs.replace(becomes, revision=seen.revision + 1))
        with self._file.write() as transaction:
            if plan is not None:
                _insert_needed(transaction, becomes, plan)
            if transaction.run(_CHANGE, {**row, "seen": seen.revision}) != 1:
                return False
            for tick in ticks:
                insert_once(transaction, tick)
            for was, now in moved:
                _move(transaction, was, now)
            return True

    def quarantine(self, schedule_id: str, problem: str, tick: Tick | None) -> None:
        """Have nobody evaluate a schedule any more until a person changes it."""
        with self._file.write() as transaction:
            if (
                transaction.run(_STOP_EVALUATING, {"id": schedule_id, "problem": problem})
                and tick is not None
            ):
                insert_once(transaction, tick)

    def names(self) -> list[tuple[str, str]]:
        """Return the ids of all schedules with their names, the oldest first. No other field is read."""
        return [(row[0], row[1]) for row in self._file.read("SELECT id, name FROM schedules ORDER BY id")]

    def due(self, now: int, most: int) -> list[str]:
        """Return the ids of schedules that are due, the longest overdue first. No row is read, lest one be damaged."""
        return [row[0] for row in self._file.read(_DUE, {"now": now, "most": most})]

    def next_at(self) -> int | None:
        """Return when the next schedule is due."""
        found: int | None = self._file.read(_NEXT)[0][0]
        return found

    def with_events(self) -> list[str]:
        """Return the ids of the schedules that events start."""
        return [row[0] for row in self._file.read(_WITH_EVENTS)]

    def occurrences(
        self, schedule_id: str, event: Event, since: int, now: int, most: int
    ) -> list[tuple[str, int]]:
        """Return what has happened since an instant and is not in the ledger: ids with their instants, oldest first."""
        values = {"name": event.name, "schedule": schedule_id, "since": since, "now": now, "most": most}
        sql = {"artifact": _NEW_ARTIFACTS, "model_version": _NEW_VERSIONS}.get(event.kind)
        if sql is None:
            marks = {f"status_{number}": status for number, status in enumerate(event.statuses)}
            sql = _ENDED_RUNS.format(statuses=", ".join(f":{mark}" for mark in marks))
            values |= marks
        return [(str(identifier), int(instant)) for identifier, instant in self._file.read(sql, values)]

    # The ledger

    def ticks(self, schedule_id: str, size: int, offset: int = 0) -> list[Tick]:
        """Return the ticks of a schedule, the latest instant first."""
        values = {"schedule": schedule_id, "size": size, "offset": offset}
        return [_TICK.record(row) for row in self._file.read(_TICKS_OF, values)]

    def tick(self, schedule_id: str, key: str) -> Tick | None:
        """Return one tick by its key."""
        found = self._database.select(Tick, schedule_id=schedule_id, key=key)
        return found[0] if found else None

    def before(self, tick: Tick) -> Tick | None:
        """Return the tick of the same schedule whose instant is the one before."""
        rows = self._file.read(_BEFORE, {"schedule": tick.schedule_id, "instant": tick.instant})
        return _TICK.record(rows[0]) if rows else None

    def unsettled(self, schedule_id: str | None = None) -> list[OpenTick]:
        """Return the ticks, of one schedule or of all, of which more will become, in the order in which they were due."""
        mine = "" if schedule_id is None else "AND t.schedule_id = :schedule"
        values = {} if schedule_id is None else {"schedule": schedule_id}
        rows = self._file.read(f"{_UNSETTLED} {mine} {_IN_ORDER}", values)
        return [OpenTick(_TICK.record(row[:-1]), row[-1]) for row in rows]

    def runs_begun(self, schedule_id: str) -> int:
        """Return how many runs a schedule has begun or will, those that people started not counted."""
        return int(self._file.read(_COUNT, {"schedule": schedule_id})[0][0])

    def move(self, was: Tick, now: Tick) -> bool:
        """Write what became of a tick; return False if something else has meanwhile."""
        with self._file.write() as transaction:
            return _move(transaction, was, now)

    def to_tell(self, most: int) -> list[Tick]:
        """Return ticks that people are to be told of."""
        return [_TICK.record(row) for row in self._file.read(_TO_TELL, {"most": most})]

    def told(self, tick: Tick, alert: str) -> None:
        """Note how people were told of a tick."""
        values = {"schedule": tick.schedule_id, "key": tick.key, "alert": alert}
        with self._file.write() as transaction:
            transaction.run(_TOLD, values)

    # Schedulers

    def begin_to_serve(self, now: int) -> Owner:
        """Record this process as one that serves the schedules."""
        database = self._database
        with self._file.write() as transaction:
            owner = database.owner()
            insert_once(transaction, owner)
            heartbeats.give(database, transaction, owner)
            insert_once(transaction, Scheduler(owner_id=owner.id, started_at=now))
        if database.heartbeat is not None:
            database.heartbeat.start()
        return owner

    def end_serving(self, owner_id: str) -> None:
        """Forget a process that has served the schedules."""
        with self._file.write() as transaction:
            transaction.run("DELETE FROM schedulers WHERE owner_id = :id", {"id": owner_id})

    def schedulers(self) -> list[tuple[Scheduler, Owner]]:
        """Return the living processes that serve the schedules; dead ones are forgotten."""
        known = {one.owner_id: one for one in self._database.select(Scheduler)}
        found = self._owners(known)
        dead = {owner.id for owner in self.dead(found)}
        for owner in found:
            if owner.id in dead:
                self.end_serving(owner.id)
        return [(known[owner.id], owner) for owner in found if owner.id not in dead]

    def dead_among(self, owner_ids: Iterable[str]) -> set[str]:
        """Return which of these owners are dead, as far as this process can tell."""
        wanted = set(owner_ids)
        found = self._owners(wanted)
        return {owner.id for owner in self.dead(found)} | (wanted - {owner.id for owner in found})

    def dead(self, found: Sequence[Owner]) -> list[Owner]:
        """Return which of these owners are dead."""
        return heartbeats.find_dead(self._file.read, self._file, found, self._database.root)

    def _owners(self, identifiers: Iterable[str]) -> list[Owner]:
        wanted = list(identifiers)
        return self._database.select(Owner, id=tuple(wanted)) if wanted else []


def check_claimed(transaction: Transaction, run: Run) -> None:
    """Check, in the transaction that records a run, that its tick waits for it.

    Raises:
        ScheduleError: the run has begun already, or its tick is not to fire any more.
    """
    if not transaction.read(_IS_CLAIMED, {"run": run.id}):
        raise ScheduleError(
            f"Run `{run.name}` of a schedule is not to begin: another process has begun it, or the schedule was "
            "deleted. See: zenml schedule history"
        )


def fire(transaction: Transaction, run: Run) -> None:
    """Record, in the transaction that records a run, that its tick has fired."""
    transaction.run(_FIRE, {"run": run.id, "now": run.created_at})


def _insert_needed(transaction: Transaction, schedule: Schedule, plan: bytes) -> None:
    if schedule.pipeline_id is not None:
        pipeline = Pipeline(
            id=schedule.pipeline_id, name=schedule.pipeline_name, created_at=schedule.created_at
        )
        insert_once(transaction, pipeline)
    insert_once(transaction, Document(digest=schedule.plan, body=plan))


def _move(transaction: Transaction, was: Tick, now: Tick) -> bool:
    row: dict[str, Any] = _TICK.row(now)
    return transaction.run(_MOVE, {**row, "was": was.outcome, "tried": was.attempts}) == 1
