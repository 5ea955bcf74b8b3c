"""Compiling the pipeline of an earlier run once more: its source as it is now, and the words of then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import ArtifactHandle
from zenml.config.placeholders import has_placeholder
from zenml.records import values
from zenml.records.run import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.compiler import Compiled
    from zenml.config.precedence import Layers
    from zenml.declare.finding import Origin
    from zenml.declare.pipeline import Pipeline
    from zenml.records.plan import Plan
    from zenml.store.store import Store


class Earlier(msgspec.Struct, frozen=True):
    """A call of a pipeline that was recorded."""

    origin: Origin
    plan: Plan


def compile_again(
    pipeline: Pipeline[Any],
    layers: Layers,
    earlier: Earlier,
    store: Store,
    arguments: Mapping[str, Any],
) -> Compiled:
    """Compile a pipeline as it is now, with the arguments that it was called with before.

    Args:
        pipeline: the pipeline.
        layers: what is said of it.
        earlier: that call.
        store: where it is recorded.
        arguments: what holds instead of recorded arguments, or was not recorded.
    """
    given = {**_recorded_arguments(pipeline, layers, earlier, store, arguments), **arguments}
    missing = pipeline.signature.missing({**(layers.merged().get("parameters") or {}), **given})
    if missing:
        origin = earlier.origin
        listed = ", ".join(f"`{name}`" for name in missing)
        raise origin.error(
            f"{origin.what[0].upper()}{origin.what[1:]} has no record of {listed}: such a value cannot be written down, "
            f"or the parameter is new. {origin.giving.format(missing[0])}"
        )
    outside = ArtifactsOutside(lambda: store)
    is_listed = earlier.plan.is_listed
    return compile_pipeline(
        pipeline.with_layers(layers), (), given, is_listed=is_listed, outside=outside.find
    )


def _recorded_arguments(
    pipeline: Pipeline[Any],
    layers: Layers,
    earlier: Earlier,
    store: Store,
    replaced: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the arguments that were recorded and that the pipeline still takes."""
    configured = layers.merged().get("parameters") or {}
    accepts = pipeline.signature.accepts
    given: dict[str, Any] = {}
    for name, raw in earlier.origin.parameters.items():
        from_environment = name in configured and has_placeholder(configured[name])
        if accepts(name) and not from_environment:
            given[name] = values.decode(bytes(raw), allow_types=True)
    for name, identifier in earlier.plan.artifacts.items():
        if name in replaced or not accepts(name):
            continue
        artifact = store.get(Artifact, identifier)
        if artifact is None:
            raise earlier.origin.error(
                f"The artifact that {earlier.origin.what} was given as `{name}` was deleted. Start a new run."
            )
        given[name] = ArtifactHandle(artifact)
    return given
