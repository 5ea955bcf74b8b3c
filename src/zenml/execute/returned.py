"""What the function of a dynamic pipeline returned becomes the outputs of its run.

Outputs of steps, and artifacts that were there before, are outputs as they are. Any other value is kept
as an artifact of the run, so that `return best_rate` is not lost; None is no output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.child_calls import holds_handle
from zenml.compile.edges import annotated_names
from zenml.compile.handles import OutputHandle, StepHandle, unfolded
from zenml.errors import DeclarationError
from zenml.materializers import storage
from zenml.records.ids import ArtifactId, microseconds_now, new_id
from zenml.records.plan import ArtifactRef, PipelineOutput
from zenml.records.run import Artifact

if TYPE_CHECKING:
    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.outside import Outside


class Returned(msgspec.Struct, frozen=True):
    """The outputs of a run, and those of their artifacts that no step of it made, by id."""

    outputs: tuple[PipelineOutput, ...] = ()
    artifacts: dict[str, Artifact] = {}


def read_returned(
    pipeline: DeclaredPipeline, returned: Any, outside: Outside, artifact_store: ArtifactStore
) -> Returned:
    """Return what a function returned as outputs; plain values are stored, and have no rows yet.

    Raises:
        DeclarationError: outputs of steps are in it where nobody finds them.
        MaterializerError: a value cannot be stored.
    """
    items = _items(returned)
    names = annotated_names(pipeline.signature.returns, len(items))
    outputs: list[PipelineOutput] = []
    artifacts: dict[str, Artifact] = {}
    for position, (item, name) in enumerate(zip(items, names, strict=True)):
        if isinstance(item, OutputHandle):
            outputs.append(PipelineOutput(item.ref, name))
            continue
        if isinstance(item, StepHandle):
            continue  # a call without outputs
        output = "output" if len(items) == 1 else f"output_{position}"
        stored_as = name or f"{pipeline.name}::{output}"
        artifact = outside(item, stored_as)
        if artifact is None:
            _check(pipeline, item)
            artifact = _kept(item, stored_as, name or output, artifact_store)
        artifacts[artifact.id] = artifact
        outputs.append(PipelineOutput(ArtifactRef(artifact.id), name))
    return Returned(tuple(outputs), artifacts)


def _items(returned: Any) -> list[Any]:
    """Return the single outputs: of a tuple, and of a list or mapping with outputs of steps in it."""
    returned = unfolded(returned)
    if returned is None:
        return []
    if isinstance(returned, tuple) and not hasattr(returned, "_fields"):
        return [unfolded(item) for item in returned]
    parts = list(returned.values()) if isinstance(returned, dict) else returned
    if isinstance(parts, list) and any(isinstance(item, StepHandle) for item in parts):
        return [unfolded(item) for item in parts]
    return [returned]


def _check(pipeline: DeclaredPipeline, item: Any) -> None:
    if holds_handle(item):
        raise DeclarationError(
            f"Pipeline `{pipeline.name}` ({pipeline.signature.place}) returns a {type(item).__name__} with outputs of steps "
            "inside another value. Return them side by side: `return a, b`, or one flat list."
        )


def _kept(value: Any, name: str, output: str, artifact_store: ArtifactStore) -> Artifact:
    identifier = ArtifactId(new_id())
    stored = storage.save(value, artifact_store=artifact_store, key_hint=f"{identifier}/value")
    return Artifact(
        id=identifier,
        name=name,
        output=output,
        created_at=microseconds_now(),
        **msgspec.structs.asdict(stored),
    )
