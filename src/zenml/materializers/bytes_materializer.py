"""Bytes and bytearrays, as they are."""

from __future__ import annotations

from typing import Any

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError
from zenml.materializers.blob_materializer import BlobMaterializer, open_new

_KINDS = {b"b": bytes, b"a": bytearray}


class BytesMaterializer(BlobMaterializer):
    """Stores the bytes, followed by one letter for the type, so that the file can be mapped as it is."""

    SHORT_NAME = "bytes"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: bytes | bytearray) -> int:
        """Return the exact size."""
        return len(value) + 1

    @classmethod
    def to_bytes(cls, value: bytes | bytearray) -> bytes:
        """Return the bytes and the letter."""
        return bytes(value) + _letter(value)

    def from_bytes(self, data: bytes) -> Any:
        """Return the bytes without the letter."""
        kind = _KINDS.get(data[-1:])
        if kind is None:
            raise ArtifactDamagedError(
                "Stored bytes do not end with their type. Run the producing step again."
            )
        return kind(memoryview(data)[:-1])

    def save(self, data: bytes | bytearray) -> None:
        """Write the bytes without a copy."""
        with open_new(self, self.file_name()) as file:
            file.write(data)
            file.write(_letter(data))

    def extract_metadata(self, data: bytes | bytearray) -> dict[str, Any]:
        """Return the length."""
        return {"length": len(data)}


def _letter(value: bytes | bytearray) -> bytes:
    return b"b" if type(value) is bytes else b"a"
