"""Models and their versions in the store: finding, creating, promoting, deleting.

All writes go through the one writer of the store, so a number that is read and raised inside a
transaction is given once, however many processes ask for one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.ids import microseconds_now
from zenml.records.models import HELD_BY_ONE, LATEST, STAGES, Model, ModelVersion, StageChange
from zenml.records.run import Artifact, tag_on
from zenml.store import queries
from zenml.store.model_versions import (
    create_model,
    create_version,
    find_model,
    find_version,
    link_run,
    missing_version,
    version_in,
    version_named,
    versions_of,
)
from zenml.store.note_writing import write_notes
from zenml.store.schema import table_of
from zenml.store.store import Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.models import ModelKey, Stage
    from zenml.records.plan import ModelSpec, TagSpec
    from zenml.records.run import Run
    from zenml.store.file import StoreFile, Transaction

_VERSION = f"{table_of(ModelVersion).select} WHERE id = :id"
_SET_STAGE = "UPDATE model_versions SET stage = :stage WHERE id = :id"
_COLUMNS = ", ".join(f"v.{name}" for name in table_of(ModelVersion).names)
_OF_RUN = (
    f"SELECT l.asked, {_COLUMNS} FROM model_links l JOIN model_versions v ON v.id = l.version_id"  # noqa: S608  names of our own fields
    " WHERE l.kind = 'run' AND l.target_id = :run"
)
_SUMMARIES = """
SELECT m.id, (SELECT count(*) FROM model_versions WHERE model_id = m.id),
    (SELECT name FROM model_versions WHERE model_id = m.id ORDER BY number DESC LIMIT 1),
    (SELECT name FROM model_versions WHERE model_id = m.id AND stage = 'production')
FROM models m WHERE m.id IN ({ids})
"""
_ARTIFACTS = (
    f"SELECT {queries.ARTIFACT_COLUMNS} FROM artifacts a JOIN model_links l ON l.target_id = a.id"  # noqa: S608  names of our own fields
    " WHERE l.kind = 'artifact' AND l.version_id = :version ORDER BY a.id"
)
# Links, stages and versions go with what they belong to; tags and metadata have no reference.
_DELETE_VERSION = "DELETE FROM model_versions WHERE id = :id"
_DELETE_MODEL = "DELETE FROM models WHERE id = :id"
_FORGET = (
    "DELETE FROM tags WHERE kind = :kind AND target_id = :id",
    "DELETE FROM metadata WHERE kind = :kind AND target_id = :id",
)


class ModelSummary(msgspec.Struct, frozen=True):
    """What a list says of a model."""

    versions: int
    newest: str | None
    """The name of its newest version."""
    production: str | None
    """The name of the version that is in production."""


class ModelTables:
    """The models of a store."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def find(self, model: str, asked: str | None = None) -> ModelVersion:
        """Return a version by number, name, stage or "latest"; the newest if nothing is asked.

        Raises:
            NotFoundError: there is no such model or version; what there is, is listed.
        """
        name = self.model(model).name
        found = find_version(self._file.read, name, asked or LATEST)
        if found is None:
            raise missing_version(self._file.read, name, asked or LATEST)
        return found

    def model(self, name: str) -> Model:
        """Return a model by name or id.

        Raises:
            NotFoundError: there is none; close names are listed.
        """
        found = find_model(self._file.read, name)
        if found is None:
            by_id = self._file.read(f"{table_of(Model).select} WHERE id = :id", {"id": name})
            if by_id:
                return table_of(Model).record(by_id[0])  # type: ignore[no-any-return]  # its own kind of record
            names = [row[0] for row in self._file.read("SELECT name FROM models ORDER BY name")]
            import difflib

            close = difflib.get_close_matches(name, names, 3) or names[:10]
            listed = ", ".join(f"`{one}`" for one in close)
            raise NotFoundError(f"There is no model `{name}`. There is: {listed or 'none'}.")
        return found

    def summaries(self, model_ids: Sequence[str]) -> dict[str, ModelSummary]:
        """Return what a list says of models, by id: of a whole page with one statement."""
        found = {}
        for start in range(0, len(model_ids), queries.CHUNK):
            chunk = model_ids[start : start + queries.CHUNK]
            for identifier, *said in self._file.read(_SUMMARIES.format(ids=queries.marks(len(chunk))), chunk):
                found[identifier] = ModelSummary(*said)
        return found

    def of_run(self, run_id: str) -> dict[ModelKey, ModelVersion]:
        """Return the versions that a run works on, by what its code calls them."""
        table = table_of(ModelVersion)
        found = {}
        for asked, *row in self._file.read(_OF_RUN, {"run": run_id}):
            version = table.record(tuple(row))
            found[version.model_name, asked] = version
        return found

    def link_run(self, run: Run, specs: Sequence[ModelSpec]) -> None:
        """Find or make versions that a step of a run works on which came after the run began."""
        with self._file.write() as transaction:
            link_run(transaction, run, specs)

    def artifacts(self, version_id: str) -> list[Artifact]:
        """Return the artifacts of a version, oldest first, without their inline bytes."""
        table = table_of(Artifact)
        return [table.record(row) for row in self._file.read(_ARTIFACTS, {"version": version_id})]

    def create(self, name: str, about: dict[str, str], tags: Sequence[TagSpec] = ()) -> Model:
        """Create a model; raises `ConfigurationError` if there is one of that name."""
        with self._file.write() as transaction:
            if find_model(transaction.read, name) is not None:
                raise ConfigurationError(
                    f"There is a model `{name}` already. Choose another name, or change it with `update_model`."
                )
            return create_model(transaction, name, about, tags)

    def create_version(
        self, model: str, name: str | None, description: str | None = None, tags: Sequence[TagSpec] = ()
    ) -> ModelVersion:
        """Create the next version of a model, called by its number unless it is named."""
        owner = self.model(model)
        with self._file.write() as transaction:
            if name is not None and version_named(transaction.read, model, name) is not None:
                raise ConfigurationError(
                    f"Model `{model}` has a version `{name}` already. Choose another name, or leave it out."
                )
            version = create_version(transaction, owner, name, description=description)
            write_notes(transaction, Notes(tags=[tag_on("model_version", version.id, tag) for tag in tags]))
            return version

    def set_stage(self, version_id: str, stage: Stage, *, force: bool = False) -> ModelVersion:
        """Give a version a stage; with `force`, the one that is in it is archived.

        Raises:
            ConfigurationError: there is no such stage, or another version is in it.
        """
        if stage not in STAGES:
            raise ConfigurationError(f"There is no stage `{stage}`. There is: {', '.join(STAGES)}.")
        with self._file.write() as transaction:
            table = table_of(ModelVersion)
            rows = transaction.read(_VERSION, {"id": version_id})
            if not rows:
                raise NotFoundError(f"There is no model version with the id `{version_id}`; it was deleted.")
            version: ModelVersion = table.record(rows[0])
            if stage in HELD_BY_ONE:
                holder = version_in(transaction.read, version.model_name, stage)
                if holder is not None and holder.id != version.id:
                    if not force:
                        raise ConfigurationError(
                            f"Version `{holder.name}` of model `{version.model_name}` is in {stage}. Give "
                            f"`force=True` (`--force`) to put `{version.name}` in its place and archive it."
                        )
                    _change_stage(transaction, holder, "archived")
            if stage != version.stage:
                _change_stage(transaction, version, stage)
            return msgspec.structs.replace(version, stage=stage)

    def delete_version(self, version_id: str) -> None:
        """Delete a version with its links, stages, tags and metadata; runs and artifacts stay."""
        with self._file.write() as transaction:
            _forget_version(transaction, version_id)
            transaction.run(_DELETE_VERSION, {"id": version_id})

    def delete(self, model: Model) -> None:
        """Delete a model with all its versions; runs and artifacts stay."""
        with self._file.write() as transaction:
            for version in versions_of(transaction.read, model.name):
                _forget_version(transaction, version.id)
            for sql in _FORGET:
                transaction.run(sql, {"kind": "model", "id": model.id})
            transaction.run(_DELETE_MODEL, {"id": model.id})


def _change_stage(transaction: Transaction, version: ModelVersion, stage: Stage) -> None:
    transaction.run(_SET_STAGE, {"id": version.id, "stage": stage})
    change = StageChange(
        version_id=version.id, stage=stage, changed_by=_user(), created_at=microseconds_now()
    )
    table = table_of(StageChange)
    transaction.run(table.insert, table.row(change))


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        return str(os.getuid())


def _forget_version(transaction: Transaction, version_id: str) -> None:
    for sql in _FORGET:
        transaction.run(sql, {"kind": "model_version", "id": version_id})
