"""Calling a step outside a pipeline: an unlisted run of that one step, which returns the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import StepHandle
from zenml.config.precedence import Layers
from zenml.config.preview import preview
from zenml.errors import DeclarationError
from zenml.execute.running import failure_of, run_plan
from zenml.records import values
from zenml.signatures.signature import Signature
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.declare.step import Step


class _OnlyStep:
    """A pipeline that consists of one call."""

    def __init__(self, step: Step[Any, Any], arguments: dict[str, Any]) -> None:
        def call_it() -> None:
            positional, named = step.signature.arrange(arguments)
            step(*positional, **named)

        self.name = step.name
        self.layers = Layers()
        self.signature = Signature((), name=step.name, place=step.signature.place)
        self.function = call_it


def run_alone(step: Step[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one step; return its outputs as the function would."""
    store = open_store()
    arguments = step.signature.bind(args, kwargs, what=f"step `{step.name}`")
    outside = ArtifactsOutside(lambda: store)
    for name, value in arguments.items():
        if isinstance(value, StepHandle):
            raise DeclarationError(
                f"`{name}` of step `{step.name}` is {preview(value)}, and the step is called outside of a pipeline. Call "
                "it in the function of the pipeline, or load the artifact of a run and pass its value."
            )
        if not values.is_encodable(value):
            # Kept as an artifact, so that the run can be understood later.
            arguments[name] = outside.handle(value, f"{step.name}::{name}")
    compiled = compile_pipeline(_OnlyStep(step, arguments), (), {}, is_listed=False, outside=outside.find)
    ended = run_plan(compiled, store)
    error = failure_of(ended)
    if error is not None:
        raise error
    outputs = RunView(ended.run, store).steps[step.name].outputs
    loaded = [outputs[output.name].load() for output in step.outputs]
    if not loaded:
        return None
    return loaded[0] if step.outputs[0].position is None else tuple(loaded)
