"""The outputs of steps, however these came by them: executed, answered with a stored result, or as a run of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.run import Artifact, Run, RunOutput, StepRun
from zenml.records.status import SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.records.ids import RunId
    from zenml.store.store import Store


def outputs_of_steps(store: Store, steps: Iterable[StepRun]) -> dict[str, list[Artifact]]:
    """Return the outputs of the steps that succeeded, by `producer_of`; a child whose outputs are gone is left out."""
    done = [step for step in steps if step.status in SUCCESSFUL]
    found = store.outputs_of([producer_of(step) for step in done if step.child_run_id is None])
    children = {step.child_run_id: producer_of(step) for step in done if step.child_run_id is not None}
    for identifier, outputs in returned_by(store, children).items():
        if outputs is not None:
            found[children[identifier]] = list(outputs)
    return found


def returned_by(store: Store, runs: Iterable[RunId]) -> dict[RunId, tuple[Artifact, ...] | None]:
    """Return what each of many runs has returned, if it has completed; None where that is not all there any more."""
    ids = tuple(runs)
    if not ids:
        return {}
    completed = tuple(run.id for run in store.select(Run, id=ids, status="completed"))
    rows = store.select(RunOutput, run_id=completed)
    artifacts = {one.id: one for one in store.select(Artifact, id=tuple({row.artifact_id for row in rows}))}
    by_run: dict[RunId, list[Artifact | None]] = {identifier: [] for identifier in completed}
    for row in sorted(rows, key=lambda row: row.position):
        by_run[row.run_id].append(artifacts.get(row.artifact_id))
    return {identifier: _whole(found) for identifier, found in by_run.items()}


def _whole(found: list[Artifact | None]) -> tuple[Artifact, ...] | None:
    there = tuple(one for one in found if one is not None)
    return there if len(there) == len(found) else None


def producer_of(step: StepRun) -> str:
    """Return the id of the step run whose outputs are those of a finished one."""
    return step.cached_from or step.id
