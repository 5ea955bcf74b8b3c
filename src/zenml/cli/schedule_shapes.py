"""What `zenml schedule … --json` prints: one function for each shape, whose keys stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.cli.style import iso_time

if TYPE_CHECKING:
    from datetime import datetime

    from zenml.records.run import Owner
    from zenml.records.schedules import Scheduler
    from zenml.views.schedule_view import Coming, ScheduleView, TickView

    Shape = dict[str, Any]


def schedule_shape(view: ScheduleView) -> Shape:
    """Return a schedule of a list: what is set, whether it is active, what comes next and what came last.

    `times` is for people; of `cron_expression`, `interval` in seconds, `run_once_at` and `on` one is not null.
    """
    record = view.record
    last = view.history(1)
    return {
        "id": view.id,
        "name": view.name,
        "pipeline": view.pipeline_name,
        "times": view.times,
        "cron_expression": view.cron_expression,
        "interval": _seconds(record.every),
        "run_once_at": iso_time(record.run_once_at),
        "on": view.as_given()["on"],
        "start_time": iso_time(record.start_at),
        "end_time": iso_time(record.end_at),
        "timezone": view.timezone,
        "overlap": view.overlap,
        "catchup": view.catchup,
        "catchup_limit": record.catchup_limit,
        "jitter": _seconds(record.jitter),
        "max_runs": view.max_runs,
        "active": view.active,
        "pause_reason": view.pause_reason,
        "problem": view.problem,
        "next_run": iso_time(record.next_at),
        "last_outcome": last[0].outcome if last else None,
        "created_at": iso_time(record.created_at),
        "updated_at": iso_time(record.updated_at),
    }


def whole_schedule_shape(
    view: ScheduleView,
    coming: list[Coming],
    ticks: list[TickView],
    schedulers: list[tuple[Scheduler, Owner]],
) -> Shape:
    """Return a schedule as `show` prints it.

    The keys of `schedule_shape`, and: runs_begun, those that people started not counted; run_name; parameters, as stored JSON by name; folder; python; coming, each as
    in `coming_shape`; history, each as in `tick_shape`; schedulers, the processes that serve the store: pid, host, started_at.
    """
    record = view.record
    return {
        **schedule_shape(view),
        "runs_begun": view.runs_begun,
        "run_name": record.run_name,
        "parameters": {name: msgspec.json.decode(raw) for name, raw in record.parameters.items()},
        "folder": record.folder,
        "python": record.python,
        "coming": [coming_shape(one) for one in coming],
        "history": [tick_shape(one) for one in ticks],
        "schedulers": [
            {"pid": owner.pid, "host": owner.host, "started_at": iso_time(one.started_at)}
            for one, owner in schedulers
        ],
    }


def coming_shape(coming: Coming) -> Shape:
    """Return a time at which a schedule is going to be due: instant, due_at with its jitter, text, note."""
    return {
        "instant": _time(coming.instant),
        "due_at": _time(coming.due),
        "text": coming.text,
        "note": coming.note,
    }


def tick_shape(tick: TickView) -> Shape:
    """Return a row of the history.

    key; cause: `time`, `event`, `manual`; instant; due_at; last_instant and count, of a row that stands for many;
    outcome: `queued`, `claimed`, `fired`, `skipped`, `missed`, `failed`; reason; subject, an id; run: null or id, name,
    status; lateness in seconds; recorded_at; alert, how people were told.
    """
    record, run = tick.record, tick.run
    return {
        "key": record.key,
        "cause": record.cause,
        "instant": iso_time(record.instant),
        "due_at": iso_time(record.due_at),
        "last_instant": iso_time(record.last_instant),
        "count": record.count,
        "outcome": record.outcome,
        "reason": record.reason,
        "subject": record.subject,
        "run": None if run is None else {"id": run.id, "name": run.name, "status": run.record.status},
        "lateness": None if tick.lateness is None else tick.lateness.total_seconds(),
        "recorded_at": iso_time(record.recorded_at),
        "alert": record.alert,
    }


def _time(moment: datetime) -> str | None:
    return iso_time(round(moment.timestamp() * 1e6))


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
