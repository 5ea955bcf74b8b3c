"""The records that end a run: its status, its outputs, and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.execute.environment import current_changes
from zenml.records.ids import ArtifactId, microseconds_now, new_id
from zenml.records.plan import ArtifactRef
from zenml.records.run import Artifact, Run, RunOutput
from zenml.store.store import Batch
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.records.plan import PipelineOutput
    from zenml.records.status import RunStatus
    from zenml.store.store import Store


def end_of_run(
    run: Run, status: RunStatus, reason: str | None, errors: Sequence[tuple[str, BaseException]], store: Store
) -> Run:
    """Return the record of a run that ends now."""
    return msgspec.structs.replace(
        run,
        status=status,
        ended_at=microseconds_now(),
        reason=reason,
        failure=failures.describe(errors[0][1]) if errors else None,
        changes=current_changes(store).digest(),
    )


def add_outputs(
    batch: Batch,
    run: Run,
    outputs: Sequence[PipelineOutput],
    artifacts: Mapping[tuple[str, str], Artifact],
    returned: Mapping[str, Artifact],
    store: Store,
) -> None:
    """Add the outputs of a pipeline to the batch that ends its run.

    An output whose annotation gives it a name becomes a version of the artifact of that name: a
    second row for the same bytes.

    Args:
        batch: what ends the run.
        run: the run as it ends.
        outputs: its outputs, in their order.
        artifacts: by invocation id and output name: what steps made.
        returned: by id: what the function of a dynamic pipeline returned, and no step of it made.
        store: where inline bytes are read again.
    """
    for position, output in enumerate(outputs):
        ref = output.ref
        artifact = returned[ref.id] if isinstance(ref, ArtifactRef) else artifacts.get((ref.step, ref.name))
        if artifact is None:
            continue  # its step did not succeed
        if isinstance(ref, ArtifactRef) and not artifact.version:  # it has no row yet
            batch.aliases.append(artifact)
        if output.name is not None and artifact.name != output.name:
            inline = artifact.inline
            if inline is None and artifact.key is None:
                inline = store.inline_bytes(artifact.id)
            artifact = msgspec.structs.replace(
                artifact,
                id=ArtifactId(new_id()),
                name=output.name,
                version=0,
                producer=None,
                inline=inline,
                created_at=run.ended_at or run.created_at,
            )
            batch.aliases.append(artifact)
        batch.outputs.append(RunOutput(run_id=run.id, position=position, artifact_id=artifact.id))
