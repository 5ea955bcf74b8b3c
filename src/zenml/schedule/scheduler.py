"""One turn of the scheduler after the other: what is due is claimed, what is claimed is started, what has ended is settled.

    settle what ended → take over from the dead → evaluate what is due → let the next in line begin → start → tell

All that is known stands in the store, so a scheduler may die between any two statements, and any number of
them may serve one store. What a turn does for one schedule cannot keep it from the others.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import msgspec

from zenml.records.ids import RunId, ScheduleId, new_id, short
from zenml.records.instants import due_at, instants_after
from zenml.records.schedules import Schedule, Tick
from zenml.records.status import ENDED
from zenml.records.upcoming import with_next
from zenml.schedule.cancelling import Canceller
from zenml.schedule.deciding import Due, Going, decide
from zenml.store.schedules import OpenTick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zenml.store.store import Store

MOST_AT_ONCE = 200
"""Schedules that one turn evaluates; the others are first in the next."""
MOST_INSTANTS = 20_000
"""Instants of one schedule that one turn goes through, after a long time without a scheduler."""
MOST_ATTEMPTS = 3
"""Starts of one run whose schedulers died over them; then it has failed to start."""
POLL = 1.0
"""Seconds between two looks for what others have changed."""
_LOOK_FOR_DEAD = 5_000_000
_OVERLAP_OF_EVENTS = 86_400 * 1_000_000
"""Microseconds: events that come to the store later than that after they happened, by their clock, are not seen."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is to be started in a process of its own."""

    tick: Tick
    schedule: Schedule


class StartEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a process that was to run something."""

    run_id: str
    problem: str
    """What it came to, for the case that it never began the run."""


class Starter(Protocol):
    """Starts runs in processes of their own."""

    def start(self, start: Start) -> None:
        """Begin to start a run; what comes of it stands in the store, or among `ended`."""

    def ended(self) -> Sequence[StartEnd]:
        """Return the processes that have ended since this was asked last."""

    def has(self, run_id: str) -> bool:
        """Tell whether the process of a run lives, or waits for others to end."""


class Journal(Protocol):
    """Hears what the scheduler does."""

    def say(self, text: str) -> None:
        """Tell people something."""


class Scheduler:
    """Serves the schedules of one store.

    Args:
        store: the store.
        owner_id: what this scheduler is called there.
        starter: starts runs.
        now: returns the time, in microseconds since 1970.
        journal: hears what is done.
    """

    def __init__(
        self, store: Store, owner_id: str, starter: Starter, now: Callable[[], int], journal: Journal
    ) -> None:
        self._store = store
        self._tables = store.schedules
        self._owner_id = owner_id
        self._starter = starter
        self._now = now
        self._journal = journal
        self._canceller = Canceller(store)
        self._looked_for_dead = 0
        self._open: dict[str, list[OpenTick]] = {}
        """By schedule: the ticks of which more will become, as they were read last."""

    def turn(self) -> int | None:
        """Do everything that is to be done now; return when the next schedule is due, if one is."""
        now = self._now()
        self._read_open(now)
        self._take_over(now)
        for identifier in self._tables.due(now, MOST_AT_ONCE):
            self._guarded(identifier, lambda schedule: self._evaluate(schedule, now))
        for identifier in self._tables.with_events():
            self._guarded(identifier, lambda schedule: self._look_for_events(schedule, now))
        waiting = {
            one.tick.schedule_id
            for ticks in self._open.values()
            for one in ticks
            if one.tick.outcome == "queued"
        }
        for identifier in sorted(waiting):
            self._guarded(identifier, self._let_next_begin)
        self._start_claimed()
        return self._tables.next_at()

    # What has ended

    def _read_open(self, now: int) -> None:
        """Read what goes on, and settle what does no more."""
        failed = {one.run_id: one.problem for one in self._starter.ended()}
        self._open = defaultdict(list)
        for one in self._tables.unsettled():
            if not self._settle(one, failed.get(one.tick.run_id), now):
                self._open[one.tick.schedule_id].append(one)

    def _settle(self, one: OpenTick, problem: str | None, now: int) -> bool:
        """Write the end of a tick if it has one; tell whether it has."""
        tick = one.tick
        if tick.outcome == "fired":
            if one.run_status is not None and one.run_status not in ENDED:
                return False
            is_bad = one.run_status in ("failed", "interrupted")
            reason = "its run was deleted" if one.run_status is None else tick.reason
            after = msgspec.structs.replace(
                tick, settled_at=now, reason=reason, alert="due" if is_bad else None
            )
            return self._tables.move(tick, after)
        if tick.outcome == "claimed" and problem is not None and tick.owner_id == self._owner_id:
            self._fail(tick, problem, now)
            return True
        return False

    def _fail(self, tick: Tick, problem: str, now: int) -> None:
        after = msgspec.structs.replace(
            tick, outcome="failed", reason=problem, ended_at=now, settled_at=now, alert="due"
        )
        if self._tables.move(tick, after):
            self._journal.say(f"run {short(tick.run_id)} failed to start: {problem}")
            self._guarded(tick.schedule_id, self._give_back)

    def _give_back(self, schedule: Schedule) -> None:
        """Have a schedule that may begin so many runs go on, if one of them has not begun after all."""
        if schedule.max_runs is not None and schedule.next_at is None:
            begun = self._tables.runs_begun(schedule.id)
            self._tables.change(schedule, with_next(schedule, runs_begun=begun))

    def _take_over(self, now: int) -> None:
        """Adopt what schedulers had claimed that have died since, and interrupt the runs of the dead."""
        if now - self._looked_for_dead < _LOOK_FOR_DEAD and now >= self._looked_for_dead:
            return
        self._looked_for_dead = now
        self._store.interrupt_dead_runs()
        others = {
            one.tick.owner_id
            for ticks in self._open.values()
            for one in ticks
            if one.tick.outcome == "claimed" and one.tick.owner_id not in (None, self._owner_id)
        }
        dead = self._tables.dead_among(owner for owner in others if owner is not None)
        for ticks in self._open.values():
            for number, one in enumerate(ticks):
                tick = one.tick
                if tick.outcome != "claimed" or tick.owner_id not in dead:
                    continue
                if tick.attempts >= MOST_ATTEMPTS:
                    self._fail(tick, f"{tick.attempts} schedulers died while they started it", now)
                    continue
                mine = msgspec.structs.replace(tick, owner_id=self._owner_id, attempts=tick.attempts + 1)
                if self._tables.move(tick, mine):
                    ticks[number] = msgspec.structs.replace(one, tick=mine)

    # What is due

    def _guarded(self, identifier: str, work: Callable[[Schedule], None]) -> None:
        """Do something for a schedule; one for which that is impossible is set aside, and the others go on."""
        try:
            schedule = self._store.get(Schedule, identifier)
            if schedule is not None and schedule.problem is None:
                # Read after the schedule: what others claim from here on has them change it, and refuses our change.
                self._open[identifier] = self._tables.unsettled(identifier)
                work(schedule)
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error.__cause__, (ValueError, TypeError)):
                raise  # the store is not reached, which is no fault of the schedule; a damaged row has a cause
            self._set_aside(identifier, f"{type(error).__name__}: {error}")

    def _set_aside(self, identifier: str, problem: str) -> None:
        now = self._now()
        tick = Tick(
            schedule_id=ScheduleId(identifier), key=f"p{new_id()}", cause="time", instant=now, due_at=now, outcome="failed",
            run_id=RunId(new_id()), reason=f"the schedule cannot be evaluated: {problem}", recorded_at=now, ended_at=now,
            settled_at=now, alert="due",
        )  # fmt: skip
        self._tables.quarantine(identifier, problem, tick)
        self._journal.say(f"schedule {short(identifier)} is set aside: {problem}")

    def _evaluate(self, schedule: Schedule, now: int) -> None:
        """Write what becomes of the instants of a schedule that have passed."""
        if schedule.next_at is None or schedule.next_at > now:
            return
        passed = _passed(schedule, now)
        found = list(islice(passed, MOST_INSTANTS))
        more = len(found) == MOST_INSTANTS
        if more and schedule.catchup == "all":
            found = found[
                : -min(schedule.catchup_limit, MOST_INSTANTS // 2)
            ]  # the rest may be among the newest
        self._write(schedule, found, now, more=more, since=found[-1].instant if found else schedule.since)

    def _look_for_events(self, schedule: Schedule, now: int) -> None:
        """Write what becomes of the events that have happened."""
        if schedule.event is None or (schedule.start_at or 0) > now:
            return
        until = now if schedule.end_at is None else min(now, schedule.end_at)
        since = schedule.since
        found = self._tables.occurrences(schedule.id, schedule.event, since, until, MOST_INSTANTS)
        due = [
            Due(instant=instant, due_at=due_at(schedule, instant), cause="event", subject=subject)
            for subject, instant in found
        ]
        put_off = [one.instant for one in due if one.due_at > now]
        due = [one for one in due if one.due_at <= now]
        more = len(found) == MOST_INSTANTS
        if not more and now - since > 2 * _OVERLAP_OF_EVENTS:
            since = max(since, min([now - _OVERLAP_OF_EVENTS, *(instant - 1 for instant in put_off)]))
        if due or since != schedule.since:
            self._write(schedule, due, now, more=more, since=since)

    def _write(self, schedule: Schedule, due: Sequence[Due], now: int, *, more: bool, since: int) -> None:
        going = self._going(schedule)
        decision = decide(schedule, due, going, now, more=more)
        ticks = [self._claimed(tick) for tick in decision.ticks]
        begun = 0 if schedule.max_runs is None else self._tables.runs_begun(schedule.id) + decision.begun
        becomes = with_next(msgspec.structs.replace(schedule, since=since), runs_begun=begun)
        if not self._tables.change(schedule, becomes, ticks, moved=decision.moved):
            return  # somebody else was quicker
        gone = {now.key for _, now in decision.moved}
        kept = [one for one in self._open[schedule.id] if one.tick.key not in gone]
        self._open[schedule.id] = [
            *kept,
            *(OpenTick(tick, None) for tick in ticks if tick.settled_at is None),
        ]
        for tick in ticks:
            self._say(schedule, tick)

    def _going(self, schedule: Schedule) -> Going:
        open_ticks = self._open.get(schedule.id, [])
        left = None
        if schedule.max_runs is not None:
            left = max(0, schedule.max_runs - self._tables.runs_begun(schedule.id))
        return Going(
            active=[_words(one) for one in open_ticks if one.tick.outcome != "queued"],
            queued=[one.tick for one in open_ticks if one.tick.outcome == "queued"],
            runs_left=left,
        )

    def _claimed(self, tick: Tick) -> Tick:
        if tick.outcome != "claimed":
            return tick
        return msgspec.structs.replace(tick, owner_id=self._owner_id, attempts=1)

    # Whose turn it is

    def _let_next_begin(self, schedule: Schedule) -> None:
        """Claim the fire that has waited longest, once nothing of its schedule goes on, or have that end."""
        open_ticks = self._open[schedule.id]
        waiting = [one for one in open_ticks if one.tick.outcome == "queued"]
        is_free = len(waiting) == len(open_ticks) or schedule.overlap == "allow"
        if waiting and not is_free and schedule.overlap == "cancel":
            if any(one.tick.cause != "manual" for one in waiting):  # the wish of a person is in no hurry
                self._canceller.stop(schedule, open_ticks)
            return
        self._canceller.forget(schedule.id)
        if not waiting or not is_free:
            return
        first = waiting[0]
        claimed = self._claimed(msgspec.structs.replace(first.tick, outcome="claimed", reason=None))
        if self._tables.change(schedule, schedule, moved=[(first.tick, claimed)]):
            self._open[schedule.id] = [
                msgspec.structs.replace(one, tick=claimed) if one is first else one for one in open_ticks
            ]
            self._say(schedule, claimed)

    def _start_claimed(self) -> None:
        """Start what this scheduler has claimed, in the order in which it was due."""
        mine = [
            one.tick
            for ticks in self._open.values()
            for one in ticks
            if one.tick.outcome == "claimed"
            and one.tick.owner_id == self._owner_id
            and not self._starter.has(one.tick.run_id)
        ]
        for tick in sorted(mine, key=lambda tick: (tick.due_at, tick.key)):
            schedule = self._store.get(Schedule, tick.schedule_id)
            if schedule is not None:
                self._starter.start(Start(tick=tick, schedule=schedule))

    def _say(self, schedule: Schedule, tick: Tick) -> None:
        words = {
            "claimed": f"starts run {short(tick.run_id)}",
            "queued": f"waits: {tick.reason}",
            "skipped": f"skipped: {tick.reason}",
            "missed": f"missed {tick.count}: {tick.reason}",
        }
        self._journal.say(f"{schedule.name}: {words.get(tick.outcome, tick.outcome)}")


def _passed(schedule: Schedule, now: int) -> Iterator[Due]:
    """Yield the instants that nobody has written yet and whose time has come."""
    for instant in instants_after(schedule, schedule.since):
        due = due_at(schedule, instant)
        if due > now:
            return
        yield Due(instant=instant, due_at=due)


def _words(one: OpenTick) -> str:
    """Return what goes on, for people."""
    what = f"run {short(one.tick.run_id)}"
    return f"{what} is {one.run_status}" if one.run_status is not None else f"{what} is being started"
