"""Calling a step outside a pipeline: an unlisted run of that one step, which returns the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import ArtifactHandle
from zenml.components.registry import load_flavor
from zenml.config.precedence import Layers
from zenml.execute.running import artifact_root, failure_of, run_plan
from zenml.materializers import storage
from zenml.records import values
from zenml.records.ids import ArtifactId, microseconds_now, new_id
from zenml.records.run import Artifact
from zenml.signatures.signature import Signature
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.declare.step import Step
    from zenml.store.store import Store


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
    externals: dict[str, Artifact] = {}
    for name, value in arguments.items():
        if not values.is_encodable(value):
            artifact = _store_argument(store, step, name, value)
            externals[artifact.id] = artifact
            arguments[name] = ArtifactHandle(artifact.id)
    compiled = compile_pipeline(_OnlyStep(step, arguments), (), {}, is_listed=False)
    compiled.externals = externals
    ended = run_plan(compiled, store)
    error = failure_of(ended)
    if error is not None:
        raise error
    outputs = RunView(ended.run, store).steps[step.name].outputs
    loaded = [outputs[output.name].load() for output in step.outputs]
    if not loaded:
        return None
    return loaded[0] if step.outputs[0].position is None else tuple(loaded)


def _store_argument(store: Store, step: Step[Any, Any], name: str, value: Any) -> Artifact:
    """Keep an argument that is not JSON as an artifact, so that the run can be understood later."""
    identifier = ArtifactId(new_id())
    stored = storage.save(
        value,
        artifact_store=load_flavor("artifact_store", "local")(artifact_root(store)),
        key_hint=f"{identifier}/{name}",
    )
    artifact = Artifact(
        id=identifier,
        name=f"{step.name}::{name}",
        output=name,
        created_at=microseconds_now(),
        **msgspec.structs.asdict(stored),
    )
    return store.insert_artifact(artifact)
