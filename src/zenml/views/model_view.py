"""A model and its versions as a user reads them: `run.model_version.get_artifact("model").load()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.enums import ArtifactType
from zenml.errors import AmbiguousNameError, NotFoundError
from zenml.records.ids import short
from zenml.records.models import Model, ModelLink, ModelVersion, StageChange
from zenml.records.run import Run
from zenml.views.artifact_view import ArtifactView
from zenml.views.named import Named
from zenml.views.noted import tags_of
from zenml.views.record_view import RecordView, instant
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from datetime import datetime

    from zenml.records.models import Stage
    from zenml.records.run import NotedKind
    from zenml.store.store import Store
    from zenml.views.noted import TagName

APART = (ArtifactType.MODEL, ArtifactType.SERVICE)
"""Kinds of artifacts that are listed by themselves; all others are data."""


class ModelView:
    """A model by name.

    What was said of it in words is an attribute each: `license`, `description`, `audience`, `use_cases`,
    `limitations`, `trade_offs`, `ethics`; None where nothing was said.
    """

    def __init__(self, record: Model, store: Store) -> None:
        self.record = record
        self._store = store

    @property
    def id(self) -> str:
        """The id."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name that all versions share."""
        return self.record.name

    @property
    def created(self) -> datetime:
        """When it was created, UTC."""
        return instant(self.record.created_at)

    @property
    def tags(self) -> list[TagName]:
        """The tags of the model; versions have tags of their own."""
        return tags_of(self._store, "model", self.id)

    @property
    def versions(self) -> list[ModelVersionView]:
        """All versions, the newest first."""
        found = self._store.select(ModelVersion, model_id=self.id)
        found.sort(key=lambda version: version.number, reverse=True)
        return [ModelVersionView(version, self._store) for version in found]

    @property
    def latest_version(self) -> ModelVersionView:
        """The newest version."""
        return self.get_version()

    def get_version(self, version: str | int | None = None) -> ModelVersionView:
        """Return a version by number, name, stage or "latest"; the newest if none is named.

        Raises:
            NotFoundError: there is no such version; what there is, is listed.
        """
        asked = None if version is None else str(version)
        return ModelVersionView(self._store.models.find(self.name, asked), self._store)

    def __getattr__(self, word: str) -> str | None:
        from zenml.config.model import ABOUT

        if word not in ABOUT:
            raise AttributeError(f"a model has no attribute `{word}`")
        return self.record.about.get(word)

    def __repr__(self) -> str:
        return f"<model `{self.name}` ({short(self.id)})>"


class ModelVersionView(RecordView[ModelVersion]):
    """One version of a model, with what belongs to it: runs, artifacts, metrics."""

    kind: NotedKind = "model_version"

    @property
    def name(self) -> str:
        """The name of the version: its number, unless it was named."""
        return self.record.name

    @property
    def number(self) -> int:
        """The number of the version, from 1."""
        return self.record.number

    @property
    def stage(self) -> str:
        """Where it stands, as of when it was asked for: none, staging, production or archived."""
        return self.record.stage

    @property
    def description(self) -> str | None:
        """What was said of this version."""
        return self.record.description

    @property
    def created(self) -> datetime:
        """When it was created, UTC."""
        return instant(self.record.created_at)

    @property
    def model(self) -> ModelView:
        """The model."""
        return ModelView(self._store.models.model(self.record.model_name), self._store)

    @property
    def tags(self) -> list[TagName]:
        """The tags of this version."""
        return tags_of(self._store, "model_version", self.id)

    @property
    def runs(self) -> list[RunView]:
        """The runs that worked on this version and are still there, the newest first."""
        links = self._store.select(ModelLink, version_id=self.id, kind="run")
        found = self._store.select(Run, id=tuple({link.target_id for link in links}))
        return [RunView(run, self._store) for run in reversed(found)]

    @property
    def run(self) -> RunView | None:
        """The run that created this version; None if it was deleted, or no run did."""
        record = self._store.get(Run, self.record.run_id) if self.record.run_id is not None else None
        return None if record is None else RunView(record, self._store)

    @property
    def stage_history(self) -> list[StageChange]:
        """The stages that it was given: each with `stage`, `changed_by` and `created_at`, the oldest first."""
        changes = self._store.select(StageChange, version_id=self.id)
        return sorted(changes, key=lambda change: change.created_at)

    # Artifacts

    @property
    def artifacts(self) -> Named[ArtifactView]:
        """The newest version of each artifact that belongs to this version, by name."""
        return self._named(self._all())

    @property
    def data_artifacts(self) -> Named[ArtifactView]:
        """Those of the artifacts that are neither models nor services."""
        return self._named([one for one in self._all() if one.record.kind not in APART])

    @property
    def model_artifacts(self) -> Named[ArtifactView]:
        """Those of the artifacts that are models: what their materializer says they are."""
        return self._named([one for one in self._all() if one.record.kind == ArtifactType.MODEL])

    @property
    def deployment_artifacts(self) -> Named[ArtifactView]:
        """Those of the artifacts that are services."""
        return self._named([one for one in self._all() if one.record.kind == ArtifactType.SERVICE])

    def get_artifact(self, name: str, version: int | str | None = None) -> ArtifactView:
        """Return an artifact of this version by name: the newest of that name, unless its version is given.

        The name of an output that was not named, `pipeline::step::output`, can be cut to its end.

        Raises:
            NotFoundError: there is none; close names are listed.
            AmbiguousNameError: the end of a name fits several artifacts.
        """
        return self._choose(self._all(), name, version)

    def get_data_artifact(self, name: str, version: int | str | None = None) -> ArtifactView:
        """Return an artifact that is neither a model nor a service; see `get_artifact`."""
        return self._choose([one for one in self._all() if one.record.kind not in APART], name, version)

    def get_model_artifact(self, name: str, version: int | str | None = None) -> ArtifactView:
        """Return an artifact that is a model; see `get_artifact`."""
        found = [one for one in self._all() if one.record.kind == ArtifactType.MODEL]
        return self._choose(found, name, version)

    def get_deployment_artifact(self, name: str, version: int | str | None = None) -> ArtifactView:
        """Return an artifact that is a service; see `get_artifact`."""
        found = [one for one in self._all() if one.record.kind == ArtifactType.SERVICE]
        return self._choose(found, name, version)

    def load_artifact(self, name: str, version: int | str | None = None) -> Any:
        """Return the value of an artifact; see `get_artifact`."""
        return self.get_artifact(name, version).load()

    # Promotion

    def set_stage(self, stage: Stage, *, force: bool = False) -> None:
        """Promote this version; with `force`, the version that is in the stage is archived.

        Raises:
            ConfigurationError: there is no such stage, or another version is in it.
            ComponentError: it has the stage here, and the model registry of the stack did not take it.
        """
        from zenml.views.registering import tell_stage

        self.record = self._store.models.set_stage(self.id, stage, force=force)
        self._store.wait_durable()
        tell_stage(self, stage, self._store)

    def _all(self) -> list[ArtifactView]:
        return [ArtifactView(artifact, self._store) for artifact in self._store.models.artifacts(self.id)]

    def _named(self, found: list[ArtifactView]) -> Named[ArtifactView]:
        return Named({artifact.name: artifact for artifact in found}, f"artifact of {self._spelt()}")

    def _choose(self, found: list[ArtifactView], name: str, version: int | str | None) -> ArtifactView:
        fitting = [one for one in found if one.name == name]
        fitting = fitting or [one for one in found if one.name.rpartition("::")[2] == name]
        names = dict.fromkeys(one.name for one in fitting)
        if len(names) > 1:
            listed = ", ".join(f"`{one}`" for one in names)
            raise AmbiguousNameError(f"`{name}` fits {len(names)} artifacts of {self._spelt()}: {listed}.")
        numbers = [one.version for one in fitting]
        if version is not None:
            fitting = [one for one in fitting if str(one.version) == str(version)]
        if numbers and not fitting:
            listed = ", ".join(map(str, numbers))
            raise NotFoundError(
                f"Artifact `{name}` of {self._spelt()} has no version {version}. It has: {listed}."
            )
        return fitting[-1] if fitting else self._named(found)[name]

    def _spelt(self) -> str:
        return f"model `{self.record.model_name}` version `{self.record.name}`"

    def __repr__(self) -> str:
        stage = f", {self.stage}" if self.stage != "none" else ""
        return f"<{self._spelt()}{stage} ({short(self.id)})>"
