"""What a run writes into its records, as pure functions from what happened to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.compile.run_names import with_times
from zenml.errors import ArtifactDamagedError, ComponentError, ConfigurationError
from zenml.records.ids import ArtifactId, RunId, StepRunId, microseconds_now, new_id
from zenml.records.plan import Collection, Value
from zenml.records.run import Artifact, Metadata, StepInput, StepRun, tag_on
from zenml.store.store import CacheEntry, StepEnd
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.cache_key import CacheKey
    from zenml.execute.machine import Node
    from zenml.execute.recorded import Finished
    from zenml.records.artifact_data import StoredValue
    from zenml.records.plan import ArtifactRef, Invocation, Output, OutputRef, StepDefinition
    from zenml.records.run import Run
    from zenml.records.task import Damage, StepOutcome
    from zenml.store.store import Notes, Store

KEPT_INLINE = 1024
"""Bytes of a small artifact that a run keeps in memory for its consumers; larger ones are read again."""


class Attempt(msgspec.Struct, frozen=True):
    """Which attempt of a step it is: its id, and its number from 1."""

    id: StepRunId
    number: int


def started(
    run: Run,
    invocation: Invocation,
    key: CacheKey,
    attempt: Attempt,
    reason: str | None,
    child_run_id: RunId | None = None,
) -> StepRun:
    """Return the record of a step that begins now, or of a pipeline with the id that its run is to have."""
    return StepRun(
        id=attempt.id,
        run_id=run.id,
        invocation_id=invocation.id,
        attempt=attempt.number,
        status="running",
        definition=invocation.definition,
        invocation=invocation,
        cache_key=key.digest,
        key_parts=key.parts,
        reason=reason,
        started_at=microseconds_now(),
        child_run_id=child_run_id,
    )


def announced(run: Run, invocation: Invocation, attempt: Attempt, starts_at: int, reason: str) -> StepRun:
    """Return the record of an attempt that waits for its time."""
    return StepRun(
        id=attempt.id,
        run_id=run.id,
        invocation_id=invocation.id,
        attempt=attempt.number,
        status="retrying",
        definition=invocation.definition,
        invocation=invocation,
        reason=reason,
        started_at=starts_at,
    )


def cached(
    run: Run,
    invocation: Invocation,
    key: CacheKey,
    entry: CacheEntry,
    attempt: Attempt,
    *,
    reason: str | None = None,
    child_run_id: RunId | None = None,
) -> StepRun:
    """Return the record of a step that was answered with a stored result, or of a pipeline with an earlier run of it."""
    now = microseconds_now()
    return StepRun(
        id=attempt.id,
        run_id=run.id,
        invocation_id=invocation.id,
        attempt=attempt.number,
        status="cached",
        definition=invocation.definition,
        invocation=invocation,
        cache_key=key.digest,
        key_parts=key.parts,
        reason=reason,
        cached_from=StepRunId(entry.step_run_id),
        started_at=now,
        ended_at=now,
        child_run_id=child_run_id,
    )


def skipped(run: Run, node: Node, attempt: Attempt) -> StepRun:
    """Return the record of a step that will not run."""
    now = microseconds_now()
    return StepRun(
        id=attempt.id,
        run_id=run.id,
        invocation_id=node.invocation.id,
        attempt=attempt.number,
        status="skipped",
        definition=node.invocation.definition,
        invocation=node.invocation,
        reason=node.reason,
        started_at=now,
        ended_at=now,
    )


def refused(step: StepRun) -> StepRun:
    """Return the record of a step whose start was refused, because the run is to stop."""
    if step.status == "skipped":
        return step
    reason = "the run was stopped"
    return msgspec.structs.replace(
        step, status="skipped", reason=reason, cached_from=None, ended_at=step.started_at
    )


def completed(run: Run, step: StepRun, outcome: StepOutcome, definition: StepDefinition) -> StepEnd:
    """Return the end of a step that succeeded, with its outputs as artifacts."""
    artifacts = []
    for output, stored in zip(definition.outputs, outcome.outputs, strict=True):
        artifacts.append(
            Artifact(
                id=ArtifactId(new_id()),
                name=_artifact_name(run, step, output),
                version=output.version,
                producer=step.id,
                output=output.name,
                created_at=outcome.ended_at,
                **{**msgspec.structs.asdict(stored), "kind": output.kind or stored.kind},
            )
        )
    end = msgspec.structs.replace(step, status="completed", ended_at=outcome.ended_at)
    return StepEnd(end, tuple(artifacts))


def completed_child(step: StepRun, outcome: StepOutcome) -> StepEnd:
    """Return the end of a pipeline that succeeded; its outputs are those of its run."""
    return StepEnd(msgspec.structs.replace(step, status="completed", ended_at=outcome.ended_at))


def taken_version(
    run: Run, step: StepRun, definition: StepDefinition, store: Store
) -> ConfigurationError | None:
    """Return the error of a step whose output is to be a version that exists already."""
    for output in definition.outputs:
        name = _artifact_name(run, step, output)
        if output.version and store.select(Artifact, name=name, version=output.version):
            return ConfigurationError(
                f"Output `{output.name}` of step `{step.invocation_id}` is to be version {output.version} of "
                f"artifact `{name}`, which exists already. Leave `version` out of its `ArtifactConfig` to get "
                "the next one, or choose another number."
            )
    return None


def _artifact_name(run: Run, step: StepRun, output: Output) -> str:
    if output.artifact_name is not None:
        return with_times(output.artifact_name, run.created_at)
    return output.name if output.is_named else f"{run.pipeline_name}::{step.invocation_id}::{output.name}"


def say_of_outputs(notes: Notes, end: StepEnd, outcome: StepOutcome, definition: StepDefinition) -> None:
    """Add what is said of the outputs of a step: in their annotation, and by the step while it ran."""
    for artifact, output in zip(end.artifacts, definition.outputs, strict=True):
        tags = (*output.tags, *outcome.output_tags.get(output.name, ()))
        metadata = {**output.run_metadata, **outcome.output_metadata.get(output.name, {})}
        notes.tag([tag_on("artifact", artifact.id, tag) for tag in tags])
        notes.metadata += [
            Metadata(
                kind="artifact",
                target_id=artifact.id,
                name=name,
                value=value,
                created_at=outcome.ended_at,
            )
            for name, value in metadata.items()
        ]


def failed(step: StepRun, outcome: StepOutcome) -> StepEnd:
    """Return the end of a step that failed."""
    return StepEnd(
        msgspec.structs.replace(step, status="failed", ended_at=outcome.ended_at, failure=outcome.failure)
    )


def retried(step: StepRun, outcome: StepOutcome, reason: str) -> StepEnd:
    """Return the end of an attempt that failed and is followed by another one."""
    return StepEnd(
        msgspec.structs.replace(
            step, status="retried", ended_at=outcome.ended_at, failure=outcome.failure, reason=reason
        )
    )


def stopped(step: StepRun, reason: str) -> StepEnd:
    """Return the end of a step that was ended from outside."""
    return StepEnd(
        msgspec.structs.replace(step, status="stopped", ended_at=microseconds_now(), reason=reason)
    )


def interrupted(step: StepRun, reason: str) -> StepEnd:
    """Return the end of an attempt that will be made again."""
    return StepEnd(
        msgspec.structs.replace(step, status="interrupted", ended_at=microseconds_now(), reason=reason)
    )


def damage_error(step: StepRun, damage: Damage) -> ArtifactDamagedError:
    """Return the error of a step whose input stays damaged."""
    return ArtifactDamagedError(f"Step `{step.invocation_id}` cannot read its input: {damage.message}")


def failed_outcome(outcome: StepOutcome, error: BaseException) -> StepOutcome:
    """Return an outcome in which what was found out afterwards is a failure."""
    return msgspec.structs.replace(outcome, damage=None, failure=failures.describe(error))


def inputs(step: StepRun, artifact_of: Callable[[OutputRef | ArtifactRef], Artifact]) -> list[StepInput]:
    """Return which artifacts a step takes, argument by argument."""
    found = []
    for name, binding in step.invocation.inputs.items():
        items = binding.items if isinstance(binding, Collection) else (binding,)
        found += [
            StepInput(step_run_id=step.id, name=name, position=position, artifact_id=artifact_of(item).id)
            for position, item in enumerate(items)
            if not isinstance(item, Value)
        ]
    return found


def is_usable(entry: CacheEntry, definition: StepDefinition, artifacts: ArtifactStore) -> bool:
    """Tell whether a stored result is young enough, complete and present."""
    age = definition.options.cache.max_age
    if age is not None and (microseconds_now() - entry.ended_at) / 1e6 > age:
        return False
    return is_whole(entry.artifacts, definition, artifacts)


def is_whole(outputs: Sequence[Artifact], definition: StepDefinition, artifacts: ArtifactStore) -> bool:
    """Tell whether all outputs of a step are recorded, and their files are there; of a pipeline, those that are recorded."""
    if not definition.is_pipeline and len(outputs) != len(definition.outputs):
        return False
    return are_there([artifact.stored_value() for artifact in outputs], artifacts)


def are_there(outputs: Sequence[StoredValue], artifacts: ArtifactStore) -> bool:
    """Tell whether the files of stored values are there, and as large as they were written."""
    try:
        for stored in outputs:
            if stored.key is not None:
                artifacts.check(stored)
    except (ArtifactDamagedError, ComponentError):  # not there, or nobody can tell
        return False
    return True


def entry_of(found: Finished) -> CacheEntry:
    """Return a result of this run as the cache would tell it."""
    step = found.step
    return CacheEntry(step.cached_from or step.id, step.run_id, True, step.ended_at or 0, found.artifacts)


def without_bulk(artifact: Artifact) -> Artifact:
    """Drop the bytes of an artifact that are not worth keeping in memory."""
    if artifact.inline is not None and len(artifact.inline) > KEPT_INLINE:
        return msgspec.structs.replace(artifact, inline=None)
    return artifact
