"""`save_artifact` and `load_artifact`: values kept under a name, beside what steps return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.client import Client
from zenml.compile.handles import StepHandle
from zenml.components.artifact_stores import artifact_stores, artifact_stores_of
from zenml.config.artifact_config import read_artifact_type, read_version
from zenml.config.preview import preview
from zenml.context.masking import mask_value
from zenml.context.step import current_step
from zenml.errors import ConfigurationError, MaterializerError
from zenml.materializers import storage
from zenml.records.events import LoggedMetadata, LoggedTags, SavedArtifact, Target
from zenml.records.ids import ArtifactId, StepRunId, microseconds_now, new_id
from zenml.records.metadata_values import read_metadata
from zenml.records.run import OUTSIDE_STEPS, Artifact
from zenml.records.tagging import read_tags
from zenml.store.opening import open_store
from zenml.store.store import Notes
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.client.tagging import Tags
    from zenml.enums import ArtifactType
    from zenml.worker.step_session import StepSession


def save_artifact(
    data: Any,
    name: str,
    version: int | str | None = None,
    tags: Tags | None = None,
    materializer: storage.MaterializerChoice | None = None,
    user_metadata: Mapping[str, Any] | None = None,
    artifact_type: ArtifactType | str | None = None,
) -> ArtifactView:
    """Store a value as a version of an artifact; inside a step it belongs to the step's run.

    What is saved inside a step is kept as long as the run; what is saved elsewhere, until it is deleted by name.

    Args:
        data: the value.
        name: the name that all versions share.
        version: the number of the version; the next one if None.
        tags: what the artifact is tagged with.
        materializer: what stores the value, if not what its type asks for.
        user_metadata: what is recorded with it.
        artifact_type: what it is for people who browse, if not what its materializer says.

    Example:
        `save_artifact(frame, "customers", tags=["checked"]).version`

    Raises:
        ConfigurationError: that version exists already, or a tag or a value of the metadata is impossible.
        MaterializerError: the value cannot be stored.
    """
    _check_given(data, name, materializer)
    number, step, identifier = read_version(version), current_step(), ArtifactId(new_id())
    chosen = read_artifact_type(artifact_type)
    target, now = Target("artifact", identifier), microseconds_now()
    tagged = LoggedTags(target, read_tags(tags, f"artifact `{name}`"))
    values = mask_value(read_metadata(user_metadata or {}, f"artifact `{name}`"))
    logged = LoggedMetadata(target, values, now)
    store = open_store()
    if number is not None and store.select(Artifact, name=name, version=number):
        raise ConfigurationError(
            f"Artifact `{name}` has a version {number} already, and versions never change. Leave `version` out "
            "to get the next one, or choose another number."
        )
    try:
        stored = storage.save(
            data,
            artifact_store=artifact_stores(store) if step is None else artifact_stores_of(step.task),
            key_hint=f"{identifier}/value",
            materializer=materializer,
        )
    except MaterializerError as error:
        if type(error) is not MaterializerError:
            raise
        raise MaterializerError(f"Artifact `{name}`: {error}") from error
    artifact = Artifact(
        id=identifier,
        name=name,
        version=number or 0,
        saved_by=OUTSIDE_STEPS if step is None else StepRunId(step.task.step_run_id),
        output="value",
        created_at=now,
        **{**msgspec.structs.asdict(stored), "kind": chosen or stored.kind},
    )
    if step is not None:
        return ArtifactView(_tell(step, artifact, tagged, logged), store)
    artifact = store.insert_artifact(artifact, Notes(metadata=logged.records(), tags=tagged.records()))
    store.wait_durable()
    return ArtifactView(artifact, store)


def load_artifact(name_or_id: str, version: int | str | None = None) -> Any:
    """Return the value of an artifact by name (the newest version unless one is named) or by id.

    Raises:
        NotFoundError: there is no such artifact; close names are listed.
    """
    step, number = current_step(), read_version(version)
    for artifact in reversed(step.saved if step is not None else ()):
        if name_or_id in (artifact.id, artifact.name) and number in (None, artifact.version or None):
            return ArtifactView(artifact, open_store()).load()
    return Client().get_artifact_version(name_or_id, number).load()


def _check_given(data: Any, name: Any, materializer: Any) -> None:
    """Raise for a name, a value or a materializer that an artifact cannot have."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ConfigurationError(
            f"An artifact is to be called {preview(name)}. Give it a name of printable characters, after the value: "
            '`save_artifact(value, "name")`.'
        )
    if isinstance(data, StepHandle):
        raise ConfigurationError(
            f"Artifact `{name}` is to be {preview(data)}. Save it in a step; outputs of steps are stored anyway."
        )
    if materializer is not None and not isinstance(materializer, (str, type, list, tuple)):
        raise ConfigurationError(
            f"The materializer of artifact `{name}` is {preview(materializer)}. Give a subclass of `BaseMaterializer`, or "
            "its dotted path."
        )


def _tell(step: StepSession, artifact: Artifact, tagged: LoggedTags, logged: LoggedMetadata) -> Artifact:
    """Have the owner of the run record an artifact whose bytes are stored."""
    step.emit(SavedArtifact(artifact))
    if tagged.tags:
        step.emit(tagged)
    if logged.values:
        step.emit(logged)
    step.saved.append(artifact)
    return artifact
