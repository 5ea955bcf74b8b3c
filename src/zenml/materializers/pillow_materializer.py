"""Pillow images as PNG, where that is lossless, with everything else that Pillow knows of an image.

An image that Pillow opened from a file is of a class for that file's format; it comes back as
that class. The PNG is also the picture that viewers show.
"""

from __future__ import annotations

import importlib
from typing import Any

from PIL import Image

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import open_new
from zenml.records import values

PICTURE = "image.png"
_ABOUT = "image.json"
_PIXELS = 4
"""Where Pillow's own state of an image, which is a list, has the pixels."""
_LOSSLESS = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


class ImageMaterializer(BaseMaterializer):
    """Stores an image."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "image"
    IS_SAFE = True
    HAS_FALLBACK = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    def save(self, data: Any) -> None:
        """Write the picture, and beside it what PNG does not hold."""
        kind = type(data)
        if data.mode not in _LOSSLESS:
            raise MaterializerError(f"PNG cannot hold the mode `{data.mode}` exactly.")
        if not kind.__module__.startswith("PIL.") or getattr(data, "n_frames", 1) != 1:
            raise MaterializerError("Only single images of Pillow's own classes are stored as PNG.")
        if data.mode == "P" and data.palette.mode != "RGB":
            raise MaterializerError(f"A palette of the mode `{data.palette.mode}` is not kept exactly.")
        data.load()
        state = list(data.__getstate__())
        state[_PIXELS] = None
        encoded = values.encode([f"{kind.__module__}:{kind.__qualname__}", state])
        plain = _plain(data)
        with open_new(self, PICTURE) as file:
            plain.save(_Unsought(file), format="PNG")
        with open_new(self, _ABOUT) as file:
            file.write(encoded)

    def load(self, data_type: type[Any]) -> Any:  # the file says the class
        """Return the image, read whole."""
        try:
            with self.artifact_store.open(_ABOUT, "rb") as file:
                place, state = values.decode(file.read(), allow_types=False)
            with self.artifact_store.open(PICTURE, "rb") as file, Image.open(file) as picture:
                state[_PIXELS] = picture.tobytes()
        except (OSError, ValueError) as error:
            raise ArtifactDamagedError(
                f"A stored image cannot be read: {error}. Run the producing step again."
            ) from error
        module, _, name = place.partition(":")
        if not module.startswith("PIL."):
            raise ArtifactDamagedError(
                f"A stored image names the class `{place}`, which is none of Pillow's. Run the producing step again."
            )
        kind = getattr(importlib.import_module(module), name)
        made = kind.__new__(kind)
        made.__setstate__(state)
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return size and mode."""
        return {"width": data.width, "height": data.height, "mode": data.mode, "format": data.format}

    def save_visualizations(self, data: Any) -> dict[str, Any]:  # written with the image
        """Name the picture."""
        return {PICTURE: "image"}


class _Unsought:
    """Lets Pillow write to a file that can only grow."""

    def __init__(self, file: Any) -> None:
        self.write = file.write

    def flush(self) -> None:
        """Do nothing: the file is made durable when it is closed."""


def _plain(image: Any) -> Any:
    """Return the pixels and the palette without the information that would change how PNG is written."""
    plain = image.copy()
    plain.info = {}
    return plain
