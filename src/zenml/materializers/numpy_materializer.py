"""NumPy arrays, scalars and memory maps, in NumPy's own format without pickle.

Large arrays are written without a copy and hashed at the same time. They are loaded as
copy-on-write maps of the stored file: only what is touched is read, and a step that changes
its array changes nobody else's.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers import previews
from zenml.materializers.blob_materializer import Appending, BlobMaterializer, open_new
from zenml.materializers.facts import array_facts


class NumpyMaterializer(BlobMaterializer):
    """Stores arrays whose type the npy format describes exactly; refuses the others."""

    SHORT_NAME = "numpy"
    EXTENSION = "npy"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: np.ndarray[Any, Any]) -> int:
        """Return the size of the array's data."""
        return value.nbytes

    @classmethod
    def to_bytes(cls, value: np.ndarray[Any, Any]) -> bytes:
        """Return the array as an npy file."""
        header, data = _parts(value)
        return header + data.tobytes()

    def from_bytes(self, data: bytes) -> Any:
        """Read an npy file."""
        try:
            return np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _not_an_array(error) from error

    def save(self, data: np.ndarray[Any, Any]) -> None:
        """Write the array straight from its memory."""
        header, content = _parts(data)
        with open_new(self, self.file_name()) as file:
            file.write(header)
            Appending(file).write(content)

    def read_file(self) -> Any:
        """Map the file into memory, copy-on-write."""
        return np.asarray(self._map())

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return shape, element type, and figures of numbers."""
        return array_facts(np.asarray(data))

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return how numpy prints it, in short."""
        return previews.text(np.array2string(np.asarray(data), threshold=100, edgeitems=3))

    def _map(self) -> Any:
        try:
            return np.load(os.path.join(self.uri, self.file_name()), mmap_mode="c", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _not_an_array(error) from error


class NumpyMemmapMaterializer(NumpyMaterializer):
    """Stores the content of a memory map; it comes back as a map of the stored file."""

    SHORT_NAME = "numpy-memmap"

    @classmethod
    def estimated_size(cls, value: Any) -> int:  # noqa: ARG003  # whatever its size
        """Call every map large: it must become a file to be mapped again."""
        return 1 << 62

    def read_file(self) -> Any:
        """Map the file into memory, copy-on-write."""
        return self._map()


class NumpyScalarMaterializer(NumpyMaterializer):
    """Stores a NumPy scalar as an array without dimensions."""

    SHORT_NAME = "numpy-scalar"
    HAS_FALLBACK = False  # pickle changes the same scalars, such as text with zeros at its end

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the scalar as an npy file, if it comes back exactly."""
        data = super().to_bytes(np.asarray(value))
        back = cls("").from_bytes(data)
        if type(back) is not type(value) or back.dtype != value.dtype or back.tobytes() != value.tobytes():
            raise MaterializerError(
                f"The NumPy scalar {value!r} cannot be stored: neither npy nor pickle holds it exactly. Return"
                " `value.item()`, or an array."
            )
        return data

    def from_bytes(self, data: bytes) -> Any:
        """Read an npy file; return its only element."""
        return super().from_bytes(data)[()]

    def save(self, data: Any) -> None:
        """Write the checked bytes."""
        self.write_blob(self.to_bytes(data))

    def read_file(self) -> Any:
        """Read the scalar."""
        return np.load(os.path.join(self.uri, self.file_name()), allow_pickle=False)[()]


def _parts(array: np.ndarray[Any, Any]) -> tuple[bytes, np.ndarray[Any, Any]]:
    """Return the npy header, and the data as a flat array of bytes, without a copy where memory is contiguous."""
    _check_dtype(array.dtype)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    header = io.BytesIO()
    description = np.lib.format.header_data_from_array_1_0(array)
    try:
        np.lib.format.write_array_header_1_0(header, description)
    except ValueError:  # a description of more than 64 KiB
        header = io.BytesIO()
        np.lib.format.write_array_header_2_0(header, description)
    except UnicodeEncodeError as error:
        raise MaterializerError("The npy format cannot hold field names outside Latin-1.") from error
    flat = array.reshape(-1, order="F" if description["fortran_order"] else "C")
    return header.getvalue(), flat.view(np.uint8) if array.nbytes else np.empty(0, np.uint8)


def _check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse element types that the npy format stores by pickling, or in a simpler form."""
    if dtype.hasobject:
        raise MaterializerError("The npy format cannot hold elements that are Python objects.")
    try:
        back = np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype))
    except (TypeError, ValueError, UserWarning) as error:
        raise MaterializerError(f"The npy format cannot describe its element type `{dtype}`.") from error
    if back != dtype or repr(back) != repr(dtype) or dtype.metadata is not None:
        raise MaterializerError(f"The npy format cannot describe its element type `{dtype}` exactly.")


def _not_an_array(error: Exception) -> ArtifactDamagedError:
    return ArtifactDamagedError(f"A stored array is no npy file: {error}. Run the producing step again.")
