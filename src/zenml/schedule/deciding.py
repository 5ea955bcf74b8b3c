"""What becomes of the instants of a schedule that have come: rules of catching up and of overlap, and nothing else.

    instants and events that are due → which of them are made up for → claimed, queued, skipped or missed

Everything here is a value in and a value out; the scheduler reads and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.records.schedules import Tick, key_of_time, run_id_of
from zenml.records.upcoming import LATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.schedules import Cause, Outcome, Schedule

MOST_QUEUED = 100
"""Fires of one schedule that wait for their turn; more would never be caught up with."""
_SINGLE_ROWS = 100
"""Instants that were missed at once and have rows of their own, the newest ones; one row counts the others."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """An instant of a schedule that has come, or an event that has happened."""

    instant: int
    due_at: int
    cause: Cause = "time"
    subject: str | None = None

    @property
    def key(self) -> str:
        """What it is called in the ledger."""
        return key_of_time(self.instant) if self.subject is None else f"e{self.subject}"


class Going(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on of a schedule already."""

    active: Sequence[str] = ()
    """What runs or is being started, in words."""
    queued: Sequence[Tick] = ()
    """What waits for its turn, the first one first."""
    runs_left: int | None = None
    """How many more runs it may begin; None for any number."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written, and done."""

    ticks: tuple[Tick, ...] = ()
    moved: tuple[tuple[Tick, Tick], ...] = ()
    """Ticks that waited, and what becomes of them."""
    begun: int = 0
    """How many runs it adds to those that count for `max_runs`."""


def decide(schedule: Schedule, due: Sequence[Due], going: Going, now: int, *, more: bool = False) -> Decision:
    """Return what becomes of instants that are due.

    Args:
        schedule: the schedule.
        due: what is due, the oldest first.
        going: what goes on of it already.
        now: the time.
        more: whether further instants have passed, so that none of these is the latest.
    """
    made_up, missed = _made_up_for(schedule, due, now, more=more)
    ticks = _missed_rows(schedule, missed, now)
    fires = _Fires(schedule, going, now)
    for one in made_up:
        fires.take(one, is_late=now - one.due_at > LATE)
    return Decision(
        ticks=(*ticks, *fires.ticks),
        moved=tuple(fires.moved.values()),
        begun=fires.begun,
    )


def tick_of(schedule: Schedule, one: Due, outcome: Outcome, now: int, reason: str | None = None) -> Tick:
    """Return the row of an instant."""
    is_end = outcome in ("skipped", "missed", "failed")
    return Tick(
        schedule_id=schedule.id,
        key=one.key,
        cause=one.cause,
        instant=one.instant,
        due_at=one.due_at,
        outcome=outcome,
        run_id=run_id_of(schedule.id, one.key, one.instant),
        reason=reason,
        subject=one.subject,
        recorded_at=now,
        ended_at=now if is_end else None,
        settled_at=now if is_end else None,
        alert="due" if outcome in ("missed", "failed") else None,
    )


class _Fires:
    """The fires of one decision, each of which the next ones have to reckon with."""

    def __init__(self, schedule: Schedule, going: Going, now: int) -> None:
        self.ticks: list[Tick] = []
        self.moved: dict[str, tuple[Tick, Tick]] = {}
        self.begun = 0
        self._schedule = schedule
        self._active = list(going.active)
        self._waiting = list(going.queued)
        self._left = going.runs_left
        self._now = now

    def take(self, one: Due, *, is_late: bool) -> None:
        """Decide on one instant."""
        if self._left is not None and self.begun >= self._left:
            self._add(one, "skipped", f"it may begin {self._schedule.max_runs} runs, and has")
            return
        overlap = self._schedule.overlap
        if overlap == "allow" or not (self._active or self._waiting):
            self._add(one, "claimed", None)
            self._active.append("a run that has just been started")
        elif overlap == "cancel":
            self._replace(one)
        elif overlap == "queue" or (is_late and self._schedule.catchup == "all"):
            self._queue(one)
        else:
            self._add(one, "skipped", f"{self._what_goes_on()}; overlap is `skip`")

    def _queue(self, one: Due) -> None:
        if len(self._waiting) >= MOST_QUEUED:
            self._add(one, "skipped", f"{MOST_QUEUED} fires wait already")
        else:
            self._waiting.append(self._add(one, "queued", self._what_goes_on()))

    def _replace(self, one: Due) -> None:
        """Have this one wait in the place of what waited; what goes on is stopped because of that."""
        for tick in self._waiting:
            now = msgspec.structs.replace(
                tick,
                outcome="skipped",
                reason="a newer one was due before it could begin; overlap is `cancel`",
                ended_at=self._now,
                settled_at=self._now,
            )
            if tick in self.ticks:
                self.ticks[self.ticks.index(tick)] = now
            else:
                self.moved[tick.key] = (tick, now)
            self.begun -= 1
        self._waiting = [self._add(one, "queued", f"{self._what_goes_on()}, and is being stopped")]

    def _add(self, one: Due, outcome: Outcome, reason: str | None) -> Tick:
        tick = tick_of(self._schedule, one, outcome, self._now, reason)
        self.ticks.append(tick)
        self.begun += outcome in ("claimed", "queued")
        return tick

    def _what_goes_on(self) -> str:
        return self._active[0] if self._active else "an earlier fire waits for its turn"


def _made_up_for(
    schedule: Schedule, due: Sequence[Due], now: int, *, more: bool
) -> tuple[list[Due], list[Due]]:
    """Return what fires, late or not, and what was missed."""
    in_time = [one for one in due if now - one.due_at <= LATE]
    late = [one for one in due if now - one.due_at > LATE]
    chosen: list[Due] = []
    if schedule.catchup == "all":
        chosen = [] if more else late[-schedule.catchup_limit :]
    elif schedule.catchup == "latest" and not in_time and not more:
        chosen = late[-1:]
    taken = {one.key for one in chosen}
    return chosen + in_time, [one for one in late if one.key not in taken]


def _missed_rows(schedule: Schedule, missed: Sequence[Due], now: int) -> list[Tick]:
    """Return a row for each instant that was missed; of very many, one row for the older ones."""
    together = missed[: max(0, len(missed) - _SINGLE_ROWS)]
    rows = []
    if together:
        first = tick_of(schedule, together[0], "missed", now, f"no scheduler was there{_why(schedule)}")
        rows.append(msgspec.structs.replace(first, count=len(together), last_instant=together[-1].instant))
    why = f"no scheduler was there{_why(schedule)}"
    return rows + [tick_of(schedule, one, "missed", now, why) for one in missed[len(together) :]]


def _why(schedule: Schedule) -> str:
    return {
        "none": "; catchup is `none`",
        "latest": "; only the latest is made up for",
        "all": f"; the latest {schedule.catchup_limit} are made up for",
    }[schedule.catchup]
