"""Compiling the pipeline of an earlier run once more: its source as it is now, and the words of then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import ArtifactHandle
from zenml.config.placeholders import has_placeholder
from zenml.records import values
from zenml.records.ids import short
from zenml.records.run import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.compiler import Compiled
    from zenml.config.precedence import Layers
    from zenml.declare.finding import Purpose
    from zenml.declare.pipeline import Pipeline
    from zenml.records.plan import Plan
    from zenml.records.run import Run
    from zenml.store.store import Store


class Earlier(msgspec.Struct, frozen=True):
    """A run that was recorded, and what is to be done with it."""

    run: Run
    plan: Plan
    purpose: Purpose


def compile_again(
    pipeline: Pipeline[Any],
    layers: Layers,
    earlier: Earlier,
    store: Store,
    arguments: Mapping[str, Any],
) -> Compiled:
    """Compile the pipeline of a run as it is now, with the arguments that the run was begun with.

    Args:
        pipeline: the pipeline.
        layers: what is said of it.
        earlier: the run.
        store: where it is recorded.
        arguments: what holds instead of recorded arguments, or was not recorded.
    """
    given = {**_recorded_arguments(pipeline, layers, earlier, store, arguments), **arguments}
    missing = pipeline.signature.missing({**(layers.merged().get("parameters") or {}), **given})
    if missing:
        run, purpose = earlier.run, earlier.purpose
        listed = ", ".join(f"`{name}`" for name in missing)
        raise purpose.error(
            f"Run `{run.name}` has no record of {listed}: such a value cannot be written down, or the parameter is new. "
            f'Give it: `{pipeline.name}.{purpose.verb}("{short(run.id)}", {purpose.arguments}={{"{missing[0]}": …}})`.'
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
    """Return the arguments that a run has recorded and that its pipeline still takes."""
    configured = layers.merged().get("parameters") or {}
    accepts = pipeline.signature.accepts
    given: dict[str, Any] = {}
    for name, raw in earlier.run.parameters.items():
        from_environment = name in configured and has_placeholder(configured[name])
        if accepts(name) and not from_environment:
            given[name] = values.decode(bytes(raw), allow_types=True)
    for name, identifier in earlier.plan.artifacts.items():
        if name in replaced or not accepts(name):
            continue
        artifact = store.get(Artifact, identifier)
        if artifact is None:
            raise earlier.purpose.error(
                f"The artifact that run `{earlier.run.name}` was given as `{name}` was deleted. Start a new run."
            )
        given[name] = ArtifactHandle(artifact)
    return given
