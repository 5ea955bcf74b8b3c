"""Compiling the pipeline of a schedule for one of its runs: the source as it is now, and the words of the schedule."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from zenml.compile.run_names import with_times
from zenml.compile.said import resumed_layers
from zenml.declare.finding import Origin, find_pipeline
from zenml.declare.recompiling import Earlier, compile_again
from zenml.errors import NotFoundError, ScheduleError, ZenMLError
from zenml.records import wire
from zenml.records.ids import microseconds_now
from zenml.records.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Collection

    from zenml.compile.compiler import Compiled
    from zenml.records.schedules import Schedule
    from zenml.store.store import Store


def compile_scheduled(schedule: Schedule, instant: int, store: Store) -> Compiled:
    """Compile what a schedule runs.

    Args:
        schedule: the schedule.
        instant: when the run was due, in microseconds since 1970.
        store: where it is recorded.

    Raises:
        ScheduleError: its pipeline cannot be imported, or an argument is missing.
    """
    plan, origin = _plan_of(schedule, store), _origin_of(schedule)
    pipeline, module = find_pipeline(origin, plan)
    layers = resumed_layers(pipeline.layers, plan, module)
    compiled = compile_again(pipeline, layers, Earlier(origin, plan), store, {})
    compiled.run_name = _run_name(schedule.run_name, instant)
    compiled.plan = msgspec.structs.replace(
        compiled.plan, said=plan.said, unsaid=plan.unsaid, artifacts=plan.artifacts
    )
    return compiled


def check_scheduled(schedule: Schedule, names: Collection[str], store: Store) -> str | None:
    """Compile what a schedule runs, as its runs will, so that what does not fit is refused now.

    Args:
        schedule: the schedule.
        names: parameters that the pipeline has to have.
        store: where it is recorded.

    Returns:
        Why it cannot be told here whether it fits; None if it does.

    Raises:
        ZenMLError: the pipeline does not take an argument, or is not given one that it needs.
    """
    try:
        pipeline, _ = find_pipeline(_origin_of(schedule), _plan_of(schedule, store))
    except Exception as error:  # importing is a border to the user's code
        return f"{error}" if isinstance(error, ZenMLError) else f"{type(error).__name__}: {error}"
    pipeline.signature.bind((), dict.fromkeys(names), what=f"Pipeline `{pipeline.name}`")
    compile_scheduled(schedule, microseconds_now(), store)
    return None


def _plan_of(schedule: Schedule, store: Store) -> Plan:
    body = store.document(schedule.plan)
    if body is None:
        raise NotFoundError(f"The plan of schedule `{schedule.name}` is gone. Schedule its pipeline again.")
    return wire.decode(body, Plan)


def _origin_of(schedule: Schedule) -> Origin:
    name = shlex.quote(schedule.name).replace("{", "{{").replace("}", "}}")
    return Origin(
        what=f"schedule `{schedule.name}`",
        pipeline_name=schedule.pipeline_name,
        folder=schedule.folder,
        parameters=schedule.parameters,
        remedy="Put it at the top level of a file, and schedule it again from there.",
        giving=f"Give it: zenml schedule update {name} --param {{}}=…",
        error=ScheduleError,
    )


def _run_name(name: str | None, instant: int) -> str | None:
    """Return the name of one run: each needs one of its own."""
    if name is None or with_times(name, instant) != with_times(name, instant + 1):
        return name
    return f"{name}-{datetime.fromtimestamp(instant / 1e6, UTC):%Y_%m_%d-%H_%M_%S_%f}"
