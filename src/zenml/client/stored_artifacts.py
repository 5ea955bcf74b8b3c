"""Artifacts by name, version or id: who made them, who uses them, their bytes as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.client.client import Client
from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ComponentError, ConfigurationError
from zenml.records.ids import short
from zenml.records.run import Artifact, Run
from zenml.reporting.reporter import count
from zenml.store.removal import delete_artifact as delete_row
from zenml.store.removal import stored_keys, uses_of
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from zenml.store.database import Database
    from zenml.store.store import Store


_DELETABLE = ("saved by", "saved by hand")
"""Uses that do not forbid to delete an artifact by name."""


class Use(msgspec.Struct, frozen=True):
    """Something that refers to an artifact, and so keeps it."""

    kind: str
    """`made by`, `saved by`, `saved by hand`, `result of` (a cached step), `input of`, `output of` (a run), `tagged` or
    `part of` (a version of a model)."""
    run: str
    run_id: str
    what: str
    """The step, the tag, or the model and its version; empty for an output of a run."""

    @property
    def text(self) -> str:
        """The use in words: input of step `train` of run `nightly`."""
        if self.kind == "saved by hand":
            return "saved by hand, and kept until it is deleted by name"
        if self.kind == "tagged":
            return f"tagged `{self.what}`"
        if self.kind == "part of":
            return f"part of model version `{self.what}`"
        where = f"run `{self.run}` ({short(self.run_id)})"
        return f"{self.kind} {where}" if not self.what else f"{self.kind} step `{self.what}` of {where}"


def find_artifact(store: Store, text: str) -> ArtifactView:
    """Return the artifact that `NAME`, `NAME@VERSION`, an id, or the last digits of one stand for.

    Raises:
        NotFoundError: nothing fits; close names are listed.
    """
    name, at, version = text.rpartition("@")
    client = Client(store)
    if at and version.isdigit():
        return client.get_artifact_version(name, int(version))
    if len(text) >= 4 and all(letter in "0123456789abcdef" for letter in text):
        fitting = store.with_digits(Artifact, text)
        if len(fitting) == 1 and not store.select(Artifact, name=text):
            return ArtifactView(fitting[0], store)
    return client.get_artifact_version(text)


def uses(store: Database, artifact: ArtifactView) -> list[Use]:
    """Return everything that refers to an artifact; nothing does if it may be collected."""
    rows = uses_of(store, artifact.id)
    names: dict[str, str] = {
        run.id: run.name for run in store.select(Run, id=[row[1] for row in rows if row[1]])
    }
    return [Use(kind, names.get(run, run), run, what) for kind, run, what in rows]


def delete_artifact(store: Database, artifact: ArtifactView) -> int:
    """Delete an artifact that nothing uses, and its files; return the bytes that are free.

    That it was saved by hand keeps it from being collected, not from being deleted by name.

    Raises:
        ConfigurationError: something uses it.
    """
    found = [use for use in uses(store, artifact) if use.kind not in _DELETABLE]
    if found:
        tags = [use.what for use in found if use.kind == "tagged"]
        remedy = (
            f"Take its tags off first: zenml tag remove --artifact {artifact.id} {' '.join(tags)}"
            if len(tags) == len(found)
            else "Delete what uses it first: zenml run delete RUN, zenml model delete MODEL --version VERSION"
            if any(use.kind == "part of" for use in found)
            else "Delete the runs that use it first: zenml run delete RUN"
        )
        more = f" and has {count(len(found) - 1, 'more use')}" if len(found) > 1 else ""
        raise ConfigurationError(
            f"Artifact `{artifact.name}` version {artifact.version} ({short(artifact.id)}) is {found[0].text}"
            f"{more}. {remedy}"
        )
    delete_row(store, artifact.id)
    key = artifact.record.key
    if key is not None and key not in stored_keys(store):
        try:
            artifact_stores(store).of(artifact.record.store_id).delete(key)
        except ComponentError as error:
            raise ComponentError(
                f"The artifact is deleted, and its files are still there. {error}"
            ) from error
    return artifact.size
