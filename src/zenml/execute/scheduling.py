"""Recording that a compiled pipeline is to run later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.errors import ConfigurationError
from zenml.execute import conditions
from zenml.execute.running import default_name, macs_of
from zenml.records import wire
from zenml.records.ids import PipelineId, ScheduleId, microseconds_now, new_id
from zenml.records.run import Schedule

if TYPE_CHECKING:
    from datetime import datetime

    from zenml.compile.compiler import Compiled
    from zenml.config.schedule import Schedule as GivenSchedule
    from zenml.store.store import Store


def store_schedule(compiled: Compiled, given: GivenSchedule, store: Store) -> Schedule:
    """Record a schedule with the plan that is to run, and say what happens next; nothing runs.

    Raises:
        ConfigurationError: there is a schedule of this name.
    """
    plan, now = compiled.plan, microseconds_now()
    encoded = wire.encode(plan)
    interval = given.interval_second
    schedule = Schedule(
        id=ScheduleId(new_id()),
        name=given.name or default_name(plan.pipeline, now),
        pipeline_id=PipelineId(wire.digest_of(plan.pipeline.encode())[:24]) if plan.is_listed else None,
        pipeline_name=plan.pipeline,
        plan=wire.digest_of(encoded),
        run_name=compiled.run_name,
        parameters=plan.parameters,
        variables=macs_of(compiled.filled.variables, store),
        cron_expression=given.cron_expression,
        every=None if interval is None else round(interval.total_seconds() * 1e6),
        start_at=_moment(given.start_time),
        end_at=_moment(given.end_time),
        run_once_at=_moment(given.run_once_start_time),
        catchup=given.catchup,
        timezone=given.timezone,
        created_at=now,
    )
    if not store.add_schedule(schedule, encoded):
        raise ConfigurationError(
            f"There is already a schedule named `{schedule.name}`. Delete it with "
            f'`Client().delete_schedule("{schedule.name}")`, choose another name, or leave it out.'
        )
    store.wait_durable()
    reporter = conditions.of(store).open_reporter(store)
    try:
        reporter.note(
            f"Schedule `{schedule.name}` of pipeline `{plan.pipeline}` is stored, and nothing ran now. A scheduler "
            "that fires it is not part of this version yet: call the pipeline without `schedule=` to run it."
        )
    finally:
        reporter.close()
    return schedule


def _moment(given: datetime | None) -> int | None:
    return None if given is None else round(given.timestamp() * 1e6)
