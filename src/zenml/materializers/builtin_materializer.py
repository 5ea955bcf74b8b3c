"""Built-in scalars and containers, times, paths as text, enums, dataclasses, pydantic models: as JSON."""

from __future__ import annotations

from typing import Any

from zenml.enums import ArtifactType
from zenml.materializers.blob_materializer import BlobMaterializer
from zenml.records import values

_SIZED = (str, list, tuple, dict, set, frozenset)


class BuiltinMaterializer(BlobMaterializer):
    """Stores what `zenml.records.values` can encode exactly."""

    SHORT_NAME = "json"
    EXTENSION = "json"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as tagged JSON."""
        return values.encode(value)

    def from_bytes(self, data: bytes) -> Any:
        """Read tagged JSON."""
        return values.decode(data, allow_types=self.is_trusted)

    @classmethod
    def needs_trust(cls, data: bytes) -> bool:
        """Tell whether the JSON names an enum, a dataclass or a model."""
        return values.names_types(data)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the length of text and containers."""
        return {"length": len(data)} if isinstance(data, _SIZED) else {}
