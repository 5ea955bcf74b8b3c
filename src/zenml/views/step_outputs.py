"""The outputs of steps, however these came by them: executed, answered with a stored result, or as a run of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.records.run import Artifact, Run, RunOutput, StepRun
from zenml.records.status import SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.store.store import Store


def outputs_of_steps(store: Store, steps: Iterable[StepRun]) -> dict[str, list[Artifact]]:
    """Return the outputs of the steps that succeeded, by `producer_of`; a child whose run was deleted is left out."""
    done = [step for step in steps if step.status in SUCCESSFUL]
    found = store.outputs_of([producer_of(step) for step in done if step.child_run_id is None])
    children = {step.child_run_id: producer_of(step) for step in done if step.child_run_id is not None}
    if not children:
        return found
    listed = store.select(RunOutput, run_id=list(children))
    artifacts = {one.id: one for one in store.select(Artifact, id=[one.artifact_id for one in listed])}
    for run in store.select(Run, id=list(children)):
        found[children[run.id]] = []
    for output in sorted(listed, key=lambda one: one.position):
        found[children[output.run_id]].append(artifacts[output.artifact_id])
    return found


def producer_of(step: StepRun) -> str:
    """Return the id of the step run whose outputs are those of a finished one."""
    return step.cached_from or step.id
