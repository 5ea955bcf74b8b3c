"""scipy's sparse matrices and arrays of every format, as the arrays they consist of."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from zenml.enums import ArtifactType
from zenml.errors import MaterializerError
from zenml.materializers.composite_materializer import CompositeMaterializer

_FIELDS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"),
    "coo": ("data", "coords"),
}


class SparseMaterializer(CompositeMaterializer):
    """Stores a sparse matrix or array in its own format, with its own index type."""

    SHORT_NAME = "scipy-sparse"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def take_apart(cls, value: Any) -> Any:
        """Return the class, the shape and the arrays."""
        kind = type(value).__name__
        if getattr(scipy.sparse, kind, None) is not type(value):
            raise MaterializerError(f"`{kind}` is not one of scipy's own sparse classes.")
        if value.dtype.hasobject:
            raise MaterializerError("Elements are Python objects.")
        fields = _FIELDS.get(value.format)
        if fields is None:  # `dok` and `lil` hold Python objects; their entries are those of a `coo`
            entries = value.tocoo()
            if type(entries.asformat(value.format)) is not type(value):
                raise MaterializerError(f"`{kind}` would come back as another class.")
            return [kind, value.shape, _coo_parts(entries)]
        parts = {name: _part(value, name) for name in fields}
        return [kind, value.shape, parts]

    @classmethod
    def put_together(cls, content: Any) -> Any:
        """Return the matrix."""
        name, shape, parts = content
        kind = getattr(scipy.sparse, name)
        form = name.partition("_")[0]
        if form in _FIELDS:
            return _with_parts(kind, shape, parts)
        suffix = name.partition("_")[2]
        entries = _with_parts(getattr(scipy.sparse, f"coo_{suffix}"), shape, parts)
        return entries.asformat(form)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return format, shape, element type and number of entries."""
        return {
            "format": data.format,
            "shape": list(data.shape),
            "dtype": str(data.dtype),
            "entries": int(data.nnz),
        }


def _part(value: Any, name: str) -> Any:
    if name == "coords":
        return tuple(np.asarray(axis) for axis in getattr(value, "coords", (value.row, value.col)))
    return getattr(value, name)


def _coo_parts(value: Any) -> dict[str, Any]:
    return {"data": value.data, "coords": _part(value, "coords")}


def _with_parts(kind: Any, shape: Any, parts: dict[str, Any]) -> Any:
    """Make the matrix around the arrays; the constructor may choose smaller index types, so they are set again."""
    names = list(parts)
    made = kind(tuple(parts[name] for name in names), shape=shape)
    for name in names:
        setattr(made, name, parts[name])
    return made
