"""An artifact as a user reads it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ArtifactDamagedError, NotFoundError
from zenml.records.ids import short
from zenml.records.run import Artifact, Run, StepRun
from zenml.store import owners
from zenml.views.noted import TagName, tags_of_artifact
from zenml.views.record_view import RecordView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.records.artifact_data import StoredValue
    from zenml.records.run import NotedKind
    from zenml.views.visualization import Visualization

LONGEST_WAIT = 10.0
"""Seconds until the record of what a step just saved is given up."""


class ArtifactView(RecordView[Artifact]):
    """One version of an artifact.

    Where a list of versions is expected (`outputs["model"][0]`), a view is a list of itself.
    """

    kind: NotedKind = "artifact"

    def __reduce__(self) -> Any:
        """Travel as the record; where it arrives it reads from the store of that process."""
        return _opened, (self.record,)

    @property
    def name(self) -> str:
        """The name that all versions share."""
        return self.record.name

    @property
    def version(self) -> int:
        """The number of this version, from 1."""
        return self._recorded().version

    @property
    def data_type(self) -> str:
        """The dotted name of the value's type."""
        return self.record.type

    @property
    def type(self) -> str:
        """What it is, as its materializer says: one of `zenml.enums.ArtifactType`."""
        return self.record.kind

    @property
    def materializer(self) -> str:
        """What stored the value: a short name of ours, or the dotted path of another one."""
        return self.record.materializer

    @property
    def size(self) -> int:
        """Bytes of the stored value."""
        return self.record.size

    @property
    def digest(self) -> str:
        """The digest of the stored bytes, with its algorithm."""
        return self.record.digest

    @property
    def metadata(self) -> dict[str, Any]:
        """What the materializer told of the value; its preview is in `preview()`."""
        return {name: fact for name, fact in self.record.metadata.items() if name != "preview"}

    @property
    def run_metadata(self) -> dict[str, Any]:
        """What the materializer told, and over it what users have logged."""
        return {**self.metadata, **super().run_metadata}

    @property
    def tags(self) -> list[TagName]:
        """The tags of this version, cascading ones of its run included."""
        return tags_of_artifact(self._store, self.record)

    @property
    def uri(self) -> str:
        """The folder of the stored files, or a text that says that the value lies in the database."""
        if self.record.key is None:
            return f"inline:{self.record.id}"
        return artifact_stores(self._store).of(self.record.store_id).uri(self.record.key)

    @property
    def visualizations(self) -> list[Visualization]:
        """Pictures and pages of the value, made when it was stored."""
        from zenml.views.visualization import visualizations_of

        return visualizations_of(self._with_bytes(), self._folder())

    def preview(self) -> str:
        """Return a short text that shows the value in a terminal; no library and no code of yours is needed."""
        from zenml.views.visualization import preview_of

        return preview_of(self._with_bytes(), self._folder())

    def load(self) -> Any:
        """Return the value, read anew and checked against its digest.

        Raises:
            ArtifactDamagedError: the stored bytes are not those that were written.
            ArtifactNotTrustedError: loading would run code that this store did not record.
        """
        from zenml.materializers import storage

        record = self.record if not self.record.needs_trust else self._recorded()
        # What needs no trust gets none: its row may have been changed to name a type that would be imported.
        is_trusted = record.needs_trust and self._store.is_trusted(record)
        if self._store.is_shared:
            self._refuse_files_of_others(record)
        try:
            return storage.load(
                self._with_bytes(),
                artifact_store=artifact_stores(self._store),
                trusted=is_trusted,
            )
        except ArtifactDamagedError as error:
            raise ArtifactDamagedError(
                f"Artifact `{record.name}` version {record.version} cannot be loaded. {error}"
            ) from error

    def _refuse_files_of_others(self, record: Artifact) -> None:
        """Raise where the files of an artifact lie on another host, which is no damage."""
        folder = os.path.join(self._store.artifact_root, record.key or "")
        if record.key is None or record.store_id is not None or os.path.exists(folder):
            return
        step = self._store.get(StepRun, record.producer or record.saved_by or "")
        run = self._store.get(Run, step.run_id) if step is not None else None
        where = owners.elsewhere(self._store, run.owner_id) if run is not None else None
        if where is not None:
            raise ArtifactDamagedError(
                f"The files of artifact `{record.name}` version {record.version} lie on {where}, which made it: the "
                f"store of a team holds values of up to 64 KiB itself. Load it there, or share the folder {folder}."
            )

    def _recorded(self) -> Artifact:
        """Return the record as it is in the store.

        Inside a step, what was just saved is recorded by the owner of the run, a moment later.
        """
        deadline = time.monotonic() + LONGEST_WAIT
        while not self.record.signature:
            found = self._store.get(Artifact, self.record.id)
            if found is not None:
                self.record = found
            elif time.monotonic() > deadline:
                raise NotFoundError(
                    f"Artifact `{self.name}` (`{self.id}`) is not recorded yet: the process that owns the run is "
                    "busy or gone. Ask again later."
                )
            else:
                time.sleep(0.005)
        return self.record

    def _with_bytes(self) -> StoredValue:
        stored = self.record.stored_value()
        if stored.inline is None and stored.key is None:
            return msgspec.structs.replace(stored, inline=self._store.inline_bytes(self.record.id))
        return stored

    def _folder(self) -> str:
        """Return the folder of the files; those of another store are fetched, and verified."""
        if self.record.store_id is not None:
            return artifact_stores(self._store).fetch(self.record.stored_value())
        return os.path.join(self._store.artifact_root, self.record.key or "")

    def __getitem__(self, index: int) -> ArtifactView:
        return (self,)[index]

    def __iter__(self) -> Iterator[ArtifactView]:
        return iter((self,))

    def __len__(self) -> int:
        return 1

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from zenml.views.html import artifact_html

        return artifact_html(self)

    def __repr__(self) -> str:
        return f"<artifact `{self.name}` version {self.version} ({short(self.id)}), {self.data_type}>"


def _opened(record: Artifact) -> ArtifactView:
    from zenml.store.opening import open_store  # views get their store from who makes them, but for this

    return ArtifactView(record, open_store())
