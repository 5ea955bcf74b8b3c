"""An artifact as a user reads it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.registry import load_flavor
from zenml.records.ids import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.records.run import Artifact
    from zenml.store.store import Store


class ArtifactView:
    """One version of an artifact.

    Where a list of versions is expected (`outputs["model"][0]`), a view is a list of itself.
    """

    def __init__(self, record: Artifact, store: Store) -> None:
        self.record = record
        self._store = store

    @property
    def id(self) -> str:
        """The id of this version."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name that all versions share."""
        return self.record.name

    @property
    def version(self) -> int:
        """The number of this version, from 1."""
        return self.record.version

    @property
    def data_type(self) -> str:
        """The dotted name of the value's type."""
        return self.record.type

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
        """What the materializer told of the value."""
        return dict(self.record.metadata)

    run_metadata = metadata

    @property
    def uri(self) -> str:
        """The folder of the stored files, or a text that says that the value lies in the database."""
        if self.record.key is None:
            return f"inline:{self.record.id}"
        return os.path.join(self._store.root, "artifacts", self.record.key)

    def load(self) -> Any:
        """Return the value, read anew and checked against its digest.

        Raises:
            ArtifactDamagedError: the stored bytes are not those that were written.
            ArtifactNotTrustedError: loading would run code that this store did not record.
        """
        from zenml.materializers import storage

        record = self.record
        stored = record.stored_value()
        if stored.inline is None and stored.key is None:
            stored = msgspec.structs.replace(stored, inline=self._store.inline_bytes(record.id))
        root = os.path.join(self._store.root, "artifacts")
        is_trusted = not record.needs_trust or self._store.is_trusted(record)
        return storage.load(
            stored, artifact_store=load_flavor("artifact_store", "local")(root), trusted=is_trusted
        )

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
