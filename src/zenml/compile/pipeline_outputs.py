"""What the function of a pipeline returned, as the outputs of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.compile import edges
from zenml.compile.handles import OutputHandle, unfolded
from zenml.records.plan import PipelineOutput

if TYPE_CHECKING:
    from zenml.compile.declared import DeclaredPipeline


def pipeline_outputs(pipeline: DeclaredPipeline, returned: Any) -> tuple[PipelineOutput, ...]:
    """Return the outputs that the pipeline function returned, with the names of its annotation."""
    returned = unfolded(returned)
    if isinstance(returned, dict) and any(isinstance(item, OutputHandle) for item in returned.values()):
        returned = list(returned.values())  # of a map over a mapping
    items = returned if isinstance(returned, (list, tuple)) else (returned,)
    names = edges.annotated_names(pipeline.signature.returns, len(items))
    return tuple(
        PipelineOutput(item.ref, name)
        for item, name in zip(map(unfolded, items), names, strict=True)
        if isinstance(item, OutputHandle)
    )
