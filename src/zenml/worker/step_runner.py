"""Running one step in this process: load its inputs, call the function, store its outputs.

The same function serves inline steps and the process of an isolated one. It writes artifacts,
never records: what it found goes back to the owner of the run as an outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ArtifactDamagedError, Terminated
from zenml.materializers import storage
from zenml.records import values
from zenml.records.events import Target
from zenml.records.ids import microseconds_now
from zenml.records.plan import Value
from zenml.records.task import Damage, StepOutcome, StepTask, TaskArtifact, TaskInput
from zenml.signatures.outputs import split_result
from zenml.signatures.type_check import check
from zenml.worker import failures
from zenml.worker.step_session import StepSession

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.program import Program
    from zenml.components.experiment_tracker import TrackedRun
    from zenml.records.artifact_data import StoredValue


class _DamagedInputError(Exception):
    """Carries which input was damaged out of the loading code."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage.message)
        self.damage = damage


def run_step(
    task: StepTask, program: Program, artifact_store: ArtifactStore, session: StepSession
) -> tuple[StepOutcome, BaseException | None]:
    """Run one attempt; return its outcome and, if it failed, the live exception.

    A tracker follows it from the call of the function until its outputs are stored. Signals pass through: they are meant for the run, not for the step.
    """
    started = microseconds_now()
    try:
        with session:
            arguments = _arguments(task, program, artifact_store)
            if task.tracker is None:
                stored = _run(task, program, artifact_store, arguments)
            else:
                with _tracked(task, session):
                    stored = _run(task, program, artifact_store, arguments)
    except _DamagedInputError as error:
        return StepOutcome(damage=error.damage, started_at=started, ended_at=microseconds_now()), None
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # whatever user code raises is the step's failure
        error = failures.as_step_failure(error, task.invocation.id)
        failure = failures.describe(error)
        return StepOutcome(failure=failure, started_at=started, ended_at=microseconds_now()), error
    outcome = StepOutcome(outputs=stored, started_at=started, ended_at=microseconds_now())
    notes = session.said_of_outputs()
    if notes is not None:
        outcome = msgspec.structs.replace(outcome, output_metadata=notes.metadata, output_tags=notes.tags())
    return outcome, None


def _tracked(task: StepTask, session: StepSession) -> AbstractContextManager[TrackedRun | None]:
    from zenml.worker import tracking  # few steps are

    target = Target("step", task.step_run_id)
    return tracking.tracked(
        tracking.tracking_of(task),
        tracking.step_of(task),
        lambda metadata: session.context.log_metadata(target, metadata),
    )


def _arguments(task: StepTask, program: Program, artifact_store: ArtifactStore) -> dict[str, Any]:
    return {
        name: check(
            _load(item, artifact_store),
            program.signature.annotation(name),
            what=f"`{name}` of step `{task.invocation.id}`",
        )
        for name, item in task.inputs.items()
    }


def _run(
    task: StepTask, program: Program, artifact_store: ArtifactStore, arguments: dict[str, Any]
) -> tuple[StoredValue, ...]:
    step = task.invocation.id
    positional, named = program.signature.arrange(arguments)
    result = program.function(*positional, **named)
    if hasattr(result, "__await__"):
        result = _wait_for(result)
    returned = split_result(result, program.outputs, step=step)
    options = task.definition.options
    return tuple(
        storage.save(
            value,
            annotation=output.annotation,
            materializer=options.output_materializers.get(output.name) or output.materializer,
            has_metadata=options.enable_artifact_metadata,
            has_visualizations=options.enable_artifact_visualization,
            artifact_store=artifact_store,
            key_hint=f"{task.step_run_id}/{output.name}",
        )
        for output, value in zip(program.outputs, returned, strict=True)
    )


def _wait_for(awaitable: Any) -> Any:
    """Run a coroutine to its end; in a thread beside this one where a loop runs here, as in notebooks."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_await(awaitable))
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, _await(awaitable)).result()


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _load(item: TaskInput, artifact_store: ArtifactStore) -> Any:
    if isinstance(item, Value):
        return values.decode(bytes(item.data), allow_types=True)
    if isinstance(item, TaskArtifact):
        try:
            return storage.load(item.stored, artifact_store=artifact_store, trusted=item.is_trusted)
        except ArtifactDamagedError as error:
            raise _DamagedInputError(Damage(item.id, item.producer, str(error))) from error
    parts = [_load(part, artifact_store) for part in item.items]
    if item.keys:
        return dict(zip(item.keys, parts, strict=True))
    return tuple(parts) if item.is_tuple else parts
