"""Recording that a compiled pipeline is to run by itself: a new schedule, or the one of that name, changed in place."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ConfigurationError, ScheduleError
from zenml.execute import conditions
from zenml.execute.running import default_name, macs_of
from zenml.execute.schedule_circles import check_circles
from zenml.records import wire
from zenml.records.ids import PipelineId, ScheduleId, microseconds_now, new_id
from zenml.records.schedules import Event, Schedule
from zenml.records.upcoming import owed_from, with_next

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from zenml.compile.compiler import Compiled
    from zenml.config.schedule import Schedule as GivenSchedule
    from zenml.records.plan import Plan
    from zenml.store.store import Store

TIMES = ("cron_expression", "every", "run_once_at", "event", "start_at", "end_at", "timezone")
"""The fields that say when; as long as they stay, what a schedule owes stays."""
_KEPT = ("id", "created_at", "is_active", "paused_at", "pause_reason", "revision")
"""What a schedule keeps that is declared again: it stays paused, and it keeps its ledger."""
_TRIES = 10


def store_schedule(compiled: Compiled, given: GivenSchedule, store: Store) -> Schedule:
    """Record a schedule with the plan that is to run, and say what happens next; nothing runs.

    Raises:
        ConfigurationError: there is a schedule of this name for another pipeline, or it would start itself for ever.
    """
    wanted = _wanted(compiled, given, store)
    check_circles(wanted, compiled.plan, store)
    plan = wire.encode(compiled.plan)
    for _ in range(_TRIES):
        known = store.select(Schedule, name=wanted.name)
        schedule = with_next(_in_place_of(known[0], wanted) if known else wanted)
        if known:
            is_done = store.schedules.change(known[0], schedule, plan=plan)
        else:
            is_done = store.schedules.add(schedule, plan)
        if is_done:
            break
    else:
        raise ScheduleError(f"Schedule `{wanted.name}` is being changed all the time. Try again.")
    store.wait_durable()
    _tell(schedule, compiled.plan, store, is_new=not known)
    return schedule


def _wanted(compiled: Compiled, given: GivenSchedule, store: Store) -> Schedule:
    plan, now = compiled.plan, microseconds_now()
    schedule = Schedule(
        id=ScheduleId(new_id()),
        name=given.name or default_name(plan.pipeline, now),
        pipeline_id=PipelineId(wire.digest_of(plan.pipeline.encode())[:24]) if plan.is_listed else None,
        pipeline_name=plan.pipeline,
        plan=wire.digest_of(wire.encode(plan)),
        folder=os.getcwd(),
        python=sys.executable,
        run_name=compiled.run_name,
        parameters=plan.parameters,
        variables=macs_of(compiled.filled.variables, store),
        since=now,
        created_at=now,
        updated_at=now,
        **fields_of(given),
    )
    return msgspec.structs.replace(schedule, since=owed_from(schedule, now))


def fields_of(given: GivenSchedule) -> dict[str, Any]:
    """Return what a schedule says of times and rules, as it is recorded."""
    return {
        "cron_expression": given.cron_expression,
        "every": _microseconds(given.interval_second),
        "run_once_at": _moment(given.run_once_start_time),
        "event": None
        if given.on is None
        else Event(kind=given.on.kind, name=given.on.name, statuses=given.on.statuses),
        "start_at": _moment(given.start_time),
        "end_at": _moment(given.end_time),
        "timezone": given.timezone,
        "overlap": given.overlap,
        "catchup": given.catchup,
        "catchup_limit": given.catchup_limit,
        "jitter": _microseconds(given.jitter),
        "max_runs": given.max_runs,
    }


def _in_place_of(known: Schedule, wanted: Schedule) -> Schedule:
    """Return a schedule as it is from now on that is declared again.

    Raises:
        ConfigurationError: it is one of another pipeline.
    """
    if known.pipeline_name != wanted.pipeline_name:
        raise ConfigurationError(
            f"There is a schedule `{known.name}` already, of pipeline `{known.pipeline_name}`. Choose another name for that of "
            f"pipeline `{wanted.pipeline_name}`, or delete the other one: zenml schedule delete {shlex.quote(known.name)}"
        )
    kept = {name: getattr(known, name) for name in _KEPT}
    if all(getattr(known, name) == getattr(wanted, name) for name in TIMES) and known.problem is None:
        kept["since"] = known.since
    else:  # the clock may have been put back
        kept["since"] = max(known.since, wanted.since)
    return msgspec.structs.replace(wanted, **kept)


def _tell(schedule: Schedule, plan: Plan, store: Store, *, is_new: bool) -> None:
    from zenml.views.schedule_text import coming_text

    reporter = conditions.of(store).open_reporter(store)
    try:
        done = "is stored" if is_new else "is changed"
        text = f"Schedule `{schedule.name}` of pipeline `{schedule.pipeline_name}` {done}: {coming_text(schedule)}."
        if not store.schedules.schedulers():
            text += " No scheduler serves this store yet: zenml schedule serve"
        for note in (text, _what_is_in_the_way(plan)):
            if note:
                reporter.note(note)
    finally:
        reporter.close()


def _what_is_in_the_way(plan: Plan) -> str:
    """Return what another process that runs the pipeline will lack; an empty text for nothing."""
    source = plan.source
    if source is None or source.file is None or "<" in source.name + source.file:
        return (
            f"Pipeline `{plan.pipeline}` was declared inside a function or in a notebook, so no scheduler can import it: its "
            "runs will not start. Move it to the top level of a file, and schedule it from there."
        )
    if plan.unsaid:
        listed = ", ".join(f"`{name}`" for name in plan.unsaid)
        return (
            f"Scheduled runs of pipeline `{plan.pipeline}` go without {listed}: what is declared inside a function cannot be "
            "written down. Declare it at the top level of a file."
        )
    return ""


def _moment(given: datetime | None) -> int | None:
    return None if given is None else round(given.timestamp() * 1e6)


def _microseconds(given: timedelta | None) -> int | None:
    return None if given is None else round(given.total_seconds() * 1e6)
