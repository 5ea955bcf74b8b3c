"""A schedule as a user reads it, what comes of it next, and what became of its times."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.records.ids import microseconds_now, short
from zenml.records.instants import due_at, instants_after, shift_of
from zenml.records.run import Run
from zenml.records.schedules import Schedule, Tick
from zenml.views.record_view import instant
from zenml.views.schedule_text import coming_text, instant_text, times_text

if TYPE_CHECKING:
    from zenml.store.store import Store
    from zenml.views.run_view import RunView


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which a schedule is going to be due.

    Attributes:
        instant: when, UTC.
        due: the same with its jitter.
        text: what clocks show then in the zone of the schedule, or in the one that was asked for.
        note: what the change of the clocks has to do with it; None for nothing.
    """

    instant: datetime
    due: datetime
    text: str
    note: str | None = None


class ScheduleView:
    """A stored schedule of a pipeline."""

    def __init__(self, record: Schedule, store: Store) -> None:
        self.record = record
        self._store = store

    @property
    def id(self) -> str:
        """The id."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name, unique in the store."""
        return self.record.name

    @property
    def pipeline_name(self) -> str:
        """The name of the pipeline that is to run."""
        return self.record.pipeline_name

    @property
    def cron_expression(self) -> str | None:
        """The cron expression, if it has one."""
        return self.record.cron_expression

    @property
    def interval_second(self) -> timedelta | None:
        """The time between two runs, if it has one."""
        return _span(self.record.every)

    @property
    def start_time(self) -> datetime | None:
        """When it begins, UTC."""
        return _instant(self.record.start_at)

    @property
    def end_time(self) -> datetime | None:
        """When it ends, UTC."""
        return _instant(self.record.end_at)

    @property
    def run_once_start_time(self) -> datetime | None:
        """When the only run is due, UTC."""
        return _instant(self.record.run_once_at)

    @property
    def catchup(self) -> str:
        """Which of the times that were missed are made up for: `none`, `latest`, `all`."""
        return self.record.catchup

    @property
    def overlap(self) -> str:
        """What becomes of a fire while a run goes on: `skip`, `queue`, `cancel`, `allow`."""
        return self.record.overlap

    @property
    def jitter(self) -> timedelta | None:
        """The time by a part of which each fire is put off."""
        return _span(self.record.jitter)

    @property
    def max_runs(self) -> int | None:
        """How many runs it begins in all; None for any number."""
        return self.record.max_runs

    @property
    def timezone(self) -> str | None:
        """The zone in which the cron expression is meant; None for UTC."""
        return self.record.timezone

    @property
    def active(self) -> bool:
        """Whether it is to fire."""
        return self.record.is_active

    @property
    def pause_reason(self) -> str | None:
        """Why it is paused, if it is and a reason was given."""
        return self.record.pause_reason

    @property
    def problem(self) -> str | None:
        """Why it cannot be evaluated, if it cannot; it fires no more until it is changed."""
        return self.record.problem

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due, UTC; None if none is to come by time."""
        return _instant(self.record.next_at)

    @property
    def created(self) -> datetime:
        """When it was stored, UTC."""
        return instant(self.record.created_at)

    @property
    def updated(self) -> datetime:
        """When a person changed it last, UTC."""
        return instant(self.record.updated_at)

    @property
    def times(self) -> str:
        """When it is due, in words."""
        return times_text(self.record)

    @property
    def coming(self) -> str:
        """What comes next, in words."""
        return "nothing is to come any more" if self._is_used_up() else coming_text(self.record)

    @property
    def runs_begun(self) -> int:
        """How many runs it has begun or is about to, those that people started not counted."""
        return self._store.schedules.runs_begun(self.id)

    def history(self, size: int = 20) -> list[TickView]:
        """Return what became of its times, the latest first."""
        return [
            TickView(tick, self.record, self._store)
            for tick in self._store.schedules.ticks(self.record.id, size)
        ]

    def preview(
        self, count: int = 20, *, timezone: str | None = None, after: datetime | None = None
    ) -> list[Coming]:
        """Return the next times at which it is due, whether it is paused or not; no more than it may begin runs.

        Args:
            count: how many.
            timezone: the zone whose clocks they are shown by; by default that of the schedule.
            after: from when on; by default now.
        """
        begin = microseconds_now() if after is None else round(after.timestamp() * 1e6)
        if self.record.max_runs is not None:
            count = min(count, self.record.max_runs - self.runs_begun)
        found = islice(instants_after(self.record, begin), max(0, count))
        return [
            Coming(
                instant=instant(one),
                due=instant(due_at(self.record, one)),
                text=instant_text(one, timezone or self.record.timezone),
                note=shift_of(self.record, one),
            )
            for one in found
        ]

    def _is_used_up(self) -> bool:
        is_on = self.record.is_active and self.record.problem is None
        return is_on and self.max_runs is not None and self.runs_begun >= self.max_runs

    def as_given(self) -> dict[str, Any]:
        """Return what `Schedule(…)` takes for the same times and rules."""
        record = self.record
        return {
            "name": record.name,
            "cron_expression": record.cron_expression,
            "interval_second": self.interval_second,
            "run_once_start_time": self.run_once_start_time,
            "on": _event_given(record),
            "start_time": self.start_time,
            "end_time": self.end_time,
            "timezone": record.timezone,
            "overlap": record.overlap,
            "catchup": record.catchup,
            "catchup_limit": record.catchup_limit,
            "jitter": self.jitter,
            "max_runs": record.max_runs,
        }

    def __repr__(self) -> str:
        return f"<schedule `{self.name}` ({short(self.id)}) of pipeline `{self.pipeline_name}`>"


class TickView:
    """A time of a schedule, or an event that it waited for, and what became of it."""

    def __init__(self, record: Tick, schedule: Schedule, store: Store) -> None:
        self.record = record
        self._schedule = schedule
        self._store = store

    @property
    def instant(self) -> datetime:
        """When it was due by the schedule, UTC."""
        return instant(self.record.instant)

    @property
    def text(self) -> str:
        """What clocks showed then in the zone of the schedule."""
        return instant_text(self.record.instant, self._schedule.timezone)

    @property
    def last_text(self) -> str:
        """What clocks showed then at the last of the times that this stands for."""
        last = self.record.last_instant
        return instant_text(self.record.instant if last is None else last, self._schedule.timezone)

    @property
    def cause(self) -> str:
        """What made it due: `time`, `event` or `manual`."""
        return self.record.cause

    @property
    def outcome(self) -> str:
        """What became of it: `fired`, `skipped`, `missed`, `failed`, or `queued` and `claimed` until then."""
        return self.record.outcome

    @property
    def reason(self) -> str | None:
        """Why."""
        return self.record.reason

    @property
    def count(self) -> int:
        """How many times in a row this stands for; 1 but for many that were missed or passed in a pause."""
        return self.record.count

    @property
    def subject(self) -> str | None:
        """The id of the run, artifact or version of a model that caused it."""
        return self.record.subject

    @property
    def run(self) -> RunView | None:
        """The run that it started; None if it started none, or that was deleted."""
        from zenml.views.run_view import RunView

        found = self._store.get(Run, self.record.run_id) if self.record.outcome == "fired" else None
        return None if found is None else RunView(found, self._store)

    @property
    def lateness(self) -> timedelta | None:
        """How long after it was due its run began."""
        if self.record.outcome != "fired" or self.record.ended_at is None:
            return None
        return _span(self.record.ended_at - self.record.due_at)

    def __repr__(self) -> str:
        return f"<{self.outcome} at {self.text} of schedule `{self._schedule.name}`>"


def schedule_of(run: Run, store: Store) -> ScheduleView | None:
    """Return the schedule that began a run, None if none did."""
    found = None if run.schedule_id is None else store.get(Schedule, run.schedule_id)
    return None if found is None else ScheduleView(found, store)


def tick_of(run: Run, store: Store) -> TickView | None:
    """Return the tick that a run stands for, None if a schedule did not begin it."""
    schedule = None if run.schedule_id is None else store.get(Schedule, run.schedule_id)
    if schedule is None:
        return None
    found = store.select(Tick, run_id=run.id)
    return TickView(found[0], schedule, store) if found else None


def _event_given(record: Schedule) -> dict[str, Any] | None:
    event = record.event
    if event is None:
        return None
    if event.kind == "run_ended":
        return {"run_ended": {"pipeline": event.name, "status": list(event.statuses)}}
    return {"new_artifact" if event.kind == "artifact" else "new_model_version": {"name": event.name}}


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else instant(microseconds)


def _span(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)
