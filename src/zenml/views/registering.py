"""Versions of models in the model registry of a stack: what a completed run made, and stages that people give.

The registry only serves: one that fails is told, and can be asked again. What it calls a version is
metadata of the version, so a second time brings the same one up to date.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

from zenml.components.active_stack import active_stack
from zenml.components.model_registry import ModelToRegister
from zenml.components.parts import open_part
from zenml.errors import ConfigurationError, ZenMLError
from zenml.records.events import LoggedMetadata, Target
from zenml.records.ids import microseconds_now
from zenml.records.models import key_of
from zenml.store.store import Notes
from zenml.views.exporting import export_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.components.model_registry import ModelRegistry, RegisteredVersion
    from zenml.records.models import Stage
    from zenml.records.plan import ModelSpec
    from zenml.records.run import Run
    from zenml.records.stacks import Component, Stack
    from zenml.store.store import Store
    from zenml.views.model_view import ModelVersionView

METADATA = "model_registry"
"""The name of the metadata of a version that says what the registry calls it."""


def register_models(
    run: Run, specs: Sequence[ModelSpec], stack: Stack, store: Store, tell: Callable[[str], None]
) -> None:
    """Put the versions that a completed run worked on, and that have a model of its, into the registry of a stack.

    Args:
        run: the run, as it has ended.
        specs: the versions that its pipeline and its steps name.
        stack: the components that it was made with.
        store: where it is recorded.
        tell: hears what was done, and what failed.
    """
    component = stack.components.get("model_registry")
    wanted = {key_of(spec) for spec in specs if spec.is_registered}
    if component is None or not wanted:
        return
    from zenml.views.model_view import ModelVersionView  # most runs work on none

    for key, record in store.models.of_run(run.id).items():
        version = ModelVersionView(record, store)
        if key not in wanted or not version.model_artifacts:
            continue
        what = f"Version `{record.name}` of model `{record.model_name}`"
        try:
            made = register_version(version, component, store)
        except Exception as error:  # the border to another package's code; the run has completed
            text = str(error) if isinstance(error, ZenMLError) else f"{type(error).__name__}: {error}"
            tell(
                f"{what} is not in the model registry `{component.name}`: {text} Try again: "
                f"zenml model register {record.model_name} {record.name}"
            )
        else:
            tell(f"{what} is in the model registry `{component.name}`: {made.uri or made.registry_version}")


def register_version(
    version: ModelVersionView, component: Component | None, store: Store
) -> RegisteredVersion:
    """Put a version with its newest model into a registry, and note what it is called there.

    Raises:
        ConfigurationError: the stack has no model registry.
        ComponentError: the registry is not reached, or refuses.
    """
    if component is None:
        raise ConfigurationError(
            "The active stack has no model registry. Give it one: zenml stack update --model-registry NAME"
        )
    registry: ModelRegistry = open_part(component, store)
    record, run = version.record, version.run
    artifact = next(iter(reversed(list(version.model_artifacts.values()))), None)
    with tempfile.TemporaryDirectory() as folder:
        if artifact is not None:
            export_artifact(artifact, store, os.path.join(folder, ""))
        made = registry.register(
            ModelToRegister(
                name=record.model_name,
                version=str(record.number),
                folder=None if artifact is None else folder,
                source="" if artifact is None else f"{artifact.name}:{artifact.version}",
                run_name="" if run is None else run.name,
                description=record.description or "",
                tags=tuple(str(tag) for tag in version.tags),
                metadata=_plain(version.run_metadata),
            )
        )
        if record.stage not in ("none", made.stage):
            made = registry.set_stage(record.model_name, made.registry_version, record.stage)
    said = {"registry": component.name, "version": made.registry_version, "uri": made.uri}
    logged = LoggedMetadata(Target("model_version", record.id), {METADATA: said}, microseconds_now())
    store.annotate(Notes(metadata=logged.records()))
    store.wait_durable()
    return made


def tell_stage(version: ModelVersionView, stage: Stage, store: Store) -> None:
    """Give a version its stage in the registry of the active stack too, if it is there.

    Raises:
        ComponentError: the registry is not reached, or refuses; here the version has its stage.
    """
    component = active_stack(store).components.get("model_registry")
    if component is None:
        return
    known = version.run_metadata.get(METADATA)
    if isinstance(known, dict) and known.get("registry") == component.name:
        registry: ModelRegistry = open_part(component, store)
        registry.set_stage(version.record.model_name, known["version"], stage)


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in metadata.items()
        if name != METADATA and isinstance(value, (str, int, float, bool))
    }
