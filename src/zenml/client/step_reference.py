"""Naming step runs of any run: where a result comes from, what another one is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.records.run import Run, StepRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.store.store import Store

CHUNK = 500
"""Ids asked for at once: safely below the limit of any database."""


class StepReference(msgspec.Struct, frozen=True):
    """A step run, as people and programs name it."""

    run: str
    run_id: str
    step: str
    """The invocation id."""
    step_run_id: str
    ended_at: int | None
    """Microseconds since 1970, UTC."""


def reference_to(step: StepRun, run: Run) -> StepReference:
    """Return the reference to a step run whose run is at hand."""
    return StepReference(run.name, run.id, step.invocation_id, step.id, step.ended_at)


def find_references(store: Store, step_run_ids: Iterable[str]) -> dict[str, StepReference]:
    """Return references by id of step run; those that are no longer in the store are left out."""
    wanted = list(dict.fromkeys(step_run_ids))
    steps: list[StepRun] = []
    for start in range(0, len(wanted), CHUNK):
        steps += store.select(StepRun, id=wanted[start : start + CHUNK])
    run_ids = list(dict.fromkeys(step.run_id for step in steps))
    runs: dict[str, Run] = {}
    for start in range(0, len(run_ids), CHUNK):
        runs.update((run.id, run) for run in store.select(Run, id=run_ids[start : start + CHUNK]))
    return {step.id: reference_to(step, runs[step.run_id]) for step in steps if step.run_id in runs}
