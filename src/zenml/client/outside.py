"""Arguments of steps that are artifacts already, or are to become artifacts before the run.

An `ExternalArtifact`, and what `Client().get_artifact_version` returns, may be given to a step
wherever an output may. A value is stored once: the same content under the same name is found again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.element_values import ElementValue
from zenml.compile.handles import ArtifactHandle
from zenml.components.artifact_stores import artifact_stores
from zenml.config.external_artifact import ExternalArtifact
from zenml.errors import ArtifactDamagedError
from zenml.materializers import storage
from zenml.records.ids import ArtifactId, microseconds_now, new_id
from zenml.records.run import Artifact
from zenml.views.artifact_view import ArtifactView

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.store.store import Store

_KINDS = (ArtifactHandle, ArtifactView, ExternalArtifact)


class ArtifactsOutside:
    """Tells which artifact an argument stands for; asks the store only if one does."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._found: dict[int, tuple[Any, Artifact]] = {}
        """By the identity of an argument, which is kept alive with it."""

    def find(self, value: Any, name: str) -> Artifact | None:
        """Return the artifact that an argument stands for, stored under `name` if it is not yet."""
        if not isinstance(value, _KINDS):
            return None
        if isinstance(value, ArtifactHandle):
            return value.artifact
        if isinstance(value, ElementValue):  # given once, by one of very many elements
            artifact = self._keep(
                value.value, value.name or name, producer=None
            )  # found by an index, among very many
            return artifact if artifact.key is not None else msgspec.structs.replace(artifact, inline=None)
        known = self._found.get(id(value))
        if known is None:
            known = self._found[id(value)] = (value, self._look_up(value, name))
        return known[1]

    def handle(self, value: Any, name: str) -> ArtifactHandle:
        """Return a handle for any value: the artifact it stands for, or itself as a new one."""
        return ArtifactHandle(self.find(value, name) or self._keep(value, name))

    def _look_up(self, value: Any, name: str) -> Artifact:
        if isinstance(value, ArtifactView):
            return value.record
        if value.has_value:
            return self._keep(value.value, value.name or name)
        from zenml.client.client import Client  # most runs look nothing up

        found = Client(self._open_store()).get_artifact_version(value.id or value.name, value.version)
        return found.record

    def _keep(self, value: Any, name: str, **only: Any) -> Artifact:
        """Store a value, unless the same content is stored under the same name, and with these fields."""
        store, identifier = self._open_store(), ArtifactId(new_id())
        artifacts = artifact_stores(store)
        stored = storage.save(value, artifact_store=artifacts, key_hint=f"{identifier}/value")
        for known in store.select(Artifact, name=name, digest=stored.digest, type=stored.type, **only):
            if known.materializer == stored.materializer and _is_whole(known, artifacts):
                if stored.key is not None:
                    artifacts.delete(stored.key)
                return known
        artifact = Artifact(
            id=identifier,
            name=name,
            output=name.rpartition("::")[2],
            created_at=microseconds_now(),
            **msgspec.structs.asdict(stored),
        )
        return store.insert_artifact(artifact)


def _is_whole(artifact: Artifact, artifacts: ArtifactStore) -> bool:
    try:
        if artifact.key is not None:
            artifacts.check(artifact.stored_value())
    except ArtifactDamagedError:
        return False
    return True
