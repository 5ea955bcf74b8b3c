"""The complete task of a step: what a worker gets, wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.records.plan import Collection, OutputRef, Value
from zenml.records.task import StepTask, TaskArtifact, TaskInput, TaskList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zenml.components.artifact_stores import ArtifactStores
    from zenml.execute.engine import Engine
    from zenml.execute.run_stack import RunStack
    from zenml.records.plan import ArtifactRef
    from zenml.records.run import StepRun


def make_task(
    engine: Engine, step: StepRun, artifact_root: str, stores: ArtifactStores, stack: RunStack
) -> StepTask:
    """Return the task of a step that was recorded as running, its small inputs included.

    Args:
        engine: of the run.
        step: the attempt.
        artifact_root: the folder of the files of artifacts.
        stores: where else artifacts of the run are.
        stack: the components that the run is made with.
    """
    invocation = engine.filled.invocation(step.invocation)
    planned = engine.plan.definitions[step.definition]
    inputs = {name: _input(engine, binding) for name, binding in invocation.inputs.items()}
    return StepTask(
        step_run_id=step.id,
        run_id=engine.run.id,
        run_name=engine.run.name,
        pipeline=engine.run.pipeline_name,
        invocation=invocation,
        definition=engine.filled.definition(step.definition, planned),
        inputs=inputs,
        artifact_root=artifact_root,
        attempt=step.attempt,
        model=engine.models.version_of(planned),
        store=stores.book.current(),
        stores=stores.addresses(_store_ids(inputs.values())),
        tracker=stack.tracker_of(planned, engine.run.options.tags)
        if planned.options.experiment_tracker
        else None,
    )


def _store_ids(inputs: Iterable[TaskInput]) -> Iterator[str | None]:
    for one in inputs:
        if isinstance(one, TaskArtifact):
            yield one.stored.store_id
        elif isinstance(one, TaskList):
            yield from _store_ids(one.items)


def _input(engine: Engine, binding: Value | OutputRef | ArtifactRef | Collection) -> TaskInput:
    if isinstance(binding, Value):
        return binding
    if isinstance(binding, Collection):
        items = tuple(_item(engine, item) for item in binding.items)
        return TaskList(items, binding.is_tuple, binding.keys)
    return _item(engine, binding)


def _item(engine: Engine, binding: Value | OutputRef | ArtifactRef) -> Value | TaskArtifact:
    if isinstance(binding, Value):
        return binding
    artifact = engine.admission.artifact_of(binding)
    stored = artifact.stored_value()
    if stored.inline is None and stored.key is None:
        stored = msgspec.structs.replace(stored, inline=engine.store.inline_bytes(artifact.id))
    return TaskArtifact(
        id=artifact.id,
        producer=binding.step if isinstance(binding, OutputRef) else None,
        name=artifact.name,
        stored=stored,
        is_trusted=artifact.needs_trust
        and (artifact.id in engine.admission.own or engine.store.is_trusted(artifact)),
    )
