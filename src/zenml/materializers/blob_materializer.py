"""Materializers that turn a value into one run of bytes, without touching the disk.

Small blobs are kept in the artifact's row, so no file is written for them. Larger ones become
the file `data.<extension>` of a folder.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

from zenml.artifacts.folder import Staging
from zenml.artifacts.hashing import HashingWriter
from zenml.errors import MaterializerError
from zenml.materializers.base_materializer import BaseMaterializer


class FinalRefusalError(MaterializerError):
    """A refusal after which a pickle must not be tried: it would change the value, or is no data either."""


class BlobMaterializer(BaseMaterializer):
    """The inner protocol of built-in materializers; it raises `MaterializerError` for what it cannot hold."""

    SKIP_REGISTRATION = True
    HAS_FALLBACK = True
    EXTENSION: ClassVar[str] = "bin"

    @classmethod
    def estimated_size(cls, value: Any) -> int | None:  # noqa: ARG003  # for those that know
        """Return about how many bytes the value takes, if that is cheap to know.

        A value known to be large is not turned into bytes in memory: `save` streams it.
        """
        return None

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as bytes."""
        raise NotImplementedError

    def from_bytes(self, data: bytes) -> Any:
        """Return the value."""
        raise NotImplementedError

    @classmethod
    def needs_trust(cls, data: bytes) -> bool:  # noqa: ARG003  # for those whose data decides
        """Tell whether loading these bytes runs code or imports a type that they name."""
        return not cls.IS_SAFE

    def save(self, data: Any) -> None:
        """Write the blob as a file."""
        self.write_blob(self.to_bytes(data))

    def write_blob(self, data: bytes) -> None:
        """Write bytes that `to_bytes` has made as the file."""
        with open_new(self, self.file_name()) as file:
            file.write(data)

    def load(self, data_type: type[Any]) -> Any:  # the bytes say the type
        """Read the value from the file."""
        return self.read_file()

    def read_file(self) -> Any:
        """Return the value whose blob is in the file."""
        with self.artifact_store.open(self.file_name(), "rb") as file:
            return self.from_bytes(file.read())

    @classmethod
    def file_name(cls) -> str:
        """Return the name of the file in the folder."""
        return f"data.{cls.EXTENSION}"


def open_new(materializer: BaseMaterializer, name: str) -> Any:
    """Open a new file in a materializer's folder, hashed while it is written where that is possible."""
    folder = materializer.artifact_store
    return folder.create(name) if isinstance(folder, Staging) else folder.open(name, "xb")


class Appending(io.RawIOBase):
    """What a library writes the memory of a value to: it can neither close nor rewind the file.

    The memory is the value being stored, and nobody changes it until that is done; so it is hashed while more is
    written.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._write = file.write_stable if isinstance(file, HashingWriter) else file.write
        self._tell = file.tell

    def writable(self) -> bool:
        """Say that this is a file to write."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data."""
        size: int = self._write(data)
        return size

    def tell(self) -> int:
        """Return how much has been written."""
        size: int = self._tell()
        return size
