"""scikit-learn estimators, in the format of skops, which loads only types it is told to trust.

skops trusts scikit-learn's own types. An estimator that holds others, such as your own
transformer, is marked as needing trust, and those types are trusted when the artifact is.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from typing import Any

from zenml.enums import ArtifactType
from zenml.errors import ArtifactNotTrustedError, MaterializerError, MissingLibraryError, ZenMLError
from zenml.materializers import archives
from zenml.materializers.blob_materializer import BlobMaterializer

_SCHEMA = "schema.json"


class SklearnMaterializer(BlobMaterializer):
    """Stores estimators whose parts skops can hold."""

    SHORT_NAME = "sklearn"
    EXTENSION = "skops"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the estimator as a skops file, after loading it."""
        io = _skops()
        try:
            data = _normalised(io.dumps(value))
            foreign = io.get_untrusted_types(data=data)
            if any(name.startswith("__main__.") or "<" in name for name in foreign):
                raise MaterializerError(
                    "it holds types of the running script, which cannot be imported elsewhere"
                )
            back = io.loads(data, trusted=foreign)
        except Exception as error:  # skops raises anything at what it does not know
            raise MaterializerError(
                f"skops cannot hold this `{type(value).__name__}`: {str(error).rstrip('.')}."
            ) from error
        if type(back) is not type(value) or vars(back).keys() != vars(value).keys():
            raise MaterializerError(f"skops cannot hold this `{type(value).__name__}` exactly.")
        return data

    def from_bytes(self, data: bytes) -> Any:
        """Load a skops file."""
        io = _skops()
        try:
            foreign = io.get_untrusted_types(data=data)
            if foreign and not self.is_trusted:
                raise ArtifactNotTrustedError(
                    f"The estimator holds types that skops does not trust ({', '.join(foreign)}), and this store did not"
                    " record it itself. Load it from the store that recorded it."
                )
            return io.loads(data, trusted=foreign)
        except ZenMLError:
            raise
        except Exception as error:  # missing packages and changed classes raise anything
            raise MaterializerError(
                f"A stored estimator cannot be loaded: {type(error).__name__}: {error}. Install the versions it was"
                " stored with, or run the producing step again."
            ) from error

    @classmethod
    def needs_trust(cls, data: bytes) -> bool:
        """Tell whether the file names types that skops does not trust by itself."""
        return bool(_skops().get_untrusted_types(data=data))

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the estimator's class and its parameters as text."""
        return {
            "class": type(data).__name__,
            "parameters": {name: repr(value) for name, value in data.get_params(deep=False).items()},
        }


def _normalised(data: bytes) -> bytes:
    """Return the file in the form that the same estimator has in every process.

    skops names parts by their address in memory or by chance, and a zip archive notes the time.
    Here parts are numbered as they occur, so that training the same model again gives the same
    digest, and what follows from it stays valid.
    """
    entries = dict(archives.unpack(data))
    schema = json.loads(entries.pop(_SCHEMA))
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, ids, files, itertools.count())
    parts = [(new, entries[old]) for old, new in files.items()]
    return archives.pack([*parts, (_SCHEMA, json.dumps(schema, separators=(",", ":")).encode())])


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str], numbers: Iterator[int]) -> None:
    """Number the nodes of a schema and their files, in their order; a key of a stored dict is no id."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files, numbers)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("__id__"), int):
        # Whether equal plain values are one object depends on the process, and means nothing.
        is_plain = node.get("__loader__") == "JsonNode"
        node["__id__"] = next(numbers) if is_plain else ids.setdefault(node["__id__"], next(numbers))
    name = node.get("file")
    if isinstance(name, str) and "__loader__" in node:
        node["file"] = files.setdefault(name, f"{len(files)}{os.path.splitext(name)[1]}")
    for item in node.values():
        _renumber(item, ids, files, numbers)


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingLibraryError(
            "Estimators are stored safely by skops, which is not installed. Install it with"
            " `pip install 'zenml-core[sklearn]'`."
        ) from error
    return skops.io
