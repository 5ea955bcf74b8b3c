"""Keras models in Keras's own `.keras` format. It names classes to import, so loading needs trust."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from zenml.enums import ArtifactType
from zenml.errors import MaterializerError, MissingLibraryError
from zenml.materializers import archives
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import open_new

_FILE = "model.keras"
_ABOUT = "metadata.json"


class KerasMaterializer(BaseMaterializer):
    """Stores a model with its weights and, if it is compiled, its optimizer."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "keras"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    def save(self, data: Any) -> None:
        """Write the model, after loading it."""
        with tempfile.TemporaryDirectory(prefix="zenml-keras-") as folder:
            path = os.path.join(folder, _FILE)
            data.save(path)
            _check_same(data, _load(path))
            with open(path, "rb") as file:
                entries = archives.unpack(file.read())
        with open_new(self, _FILE) as file:
            file.write(archives.pack((name, _without_date(name, content)) for name, content in entries))

    def load(self, data_type: type[Any]) -> Any:  # the file says the class
        """Return the model."""
        return _load(os.path.join(self.uri, _FILE))

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return name, class, number of layers and parameters."""
        return {
            "name": data.name,
            "class": type(data).__qualname__,
            "layers": len(data.layers),
            "parameters": int(data.count_params()) if data.built else None,
        }


def _load(path: str) -> Any:
    try:
        import keras
    except ImportError as error:
        raise MissingLibraryError(
            "The artifact is a Keras model, and Keras is not installed. Install it with"
            " `pip install 'zenml-core[keras]'`, and a backend for it such as `pip install torch`."
        ) from error
    try:
        return keras.models.load_model(path)
    except (TypeError, ValueError) as error:
        raise MaterializerError(
            f"The Keras model cannot be loaded from its own format: {error}. Register its own classes with"
            " `keras.saving.register_keras_serializable` and give them `get_config`."
        ) from error


def _check_same(model: Any, back: Any) -> None:
    import numpy as np

    ours, theirs = model.get_weights(), back.get_weights()
    is_same = len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))
    if type(back) is not type(model) or not is_same:
        raise MaterializerError(
            "The Keras model would come back changed. Build it before it is stored, and give its own layers"
            " `get_config`."
        )


def _without_date(name: str, content: bytes) -> bytes:
    """Return an entry without the time of saving, which would give the same model another digest."""
    if name != _ABOUT:
        return content
    about = {key: value for key, value in json.loads(content).items() if key != "date_saved"}
    return json.dumps(about, sort_keys=True).encode()
