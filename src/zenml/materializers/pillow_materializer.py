"""Pillow images as PNG where PNG holds the pixels, else as bare pixels, with everything else that Pillow knows of an image.

An image that Pillow opened from a file is of a class for that file's format; it comes back as
that class, without what only the file has, such as the tags of TIFF. The PNG is also the picture
that viewers show.
"""

from __future__ import annotations

import importlib
from typing import Any

from PIL import Image, ImagePalette

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import FinalRefusalError, open_new
from zenml.records import values

PICTURE = "image.png"
_BARE = "image.pixels"
_ABOUT = "image.json"
_PALETTE, _PIXELS = 3, 4
"""Where Pillow's own state of an image, which is a list, has the palette and the pixels."""
_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_COLOURS = 256


class ImageMaterializer(BaseMaterializer):
    """Stores an image."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "image"
    IS_SAFE = True
    HAS_FALLBACK = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    def save(self, data: Any) -> None:
        """Write the pixels, and beside them what they do not say."""
        kind = type(data)
        if not kind.__module__.startswith("PIL.") or getattr(data, "n_frames", 1) != 1:
            raise MaterializerError("Only single images of Pillow's own classes are stored as PNG.")
        data.load()
        state = list(data.__getstate__())
        state[_PALETTE] = data.palette and (data.palette.mode, bytes(data.palette.palette))
        pixels, state[_PIXELS] = state[_PIXELS], None
        encoded = values.encode([f"{kind.__module__}:{kind.__qualname__}", state, _changed_exif(data)])
        if _is_in_png(data):
            plain = _plain(data)
            with open_new(self, PICTURE) as file:
                plain.save(_Unsought(file), format="PNG")
        else:
            with open_new(self, _BARE) as file:
                file.write(pixels)
        with open_new(self, _ABOUT) as file:
            file.write(encoded)

    def load(self, data_type: type[Any]) -> Any:  # the file says the class
        """Return the image, read whole."""
        try:
            with self.artifact_store.open(_ABOUT, "rb") as file:
                place, state, exif = values.decode(file.read(), allow_types=False)
            if self.artifact_store.exists(_BARE):
                with self.artifact_store.open(_BARE, "rb") as file:
                    state[_PIXELS] = file.read()
            else:
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
        palette, state[_PALETTE] = state[_PALETTE], None
        made = kind.__new__(kind)
        made.__setstate__(state)
        _set_palette(made, palette)
        if exif is not None:
            made.getexif().load(exif)
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return size and mode."""
        return {"width": data.width, "height": data.height, "mode": data.mode, "format": data.format}

    def save_visualizations(self, data: Any) -> dict[str, Any]:  # written with the image
        """Name the picture, if there is one."""
        return {PICTURE: "image"} if _is_in_png(data) else {}


class _Unsought:
    """Lets Pillow write to a file that can only grow."""

    def __init__(self, file: Any) -> None:
        self.write = file.write

    def flush(self) -> None:
        """Do nothing: the file is made durable when it is closed."""


def _is_in_png(image: Any) -> bool:
    return image.mode in _IN_PNG and 0 not in image.size


def _changed_exif(image: Any) -> bytes | None:
    """Return EXIF data that is not that of the file, which is part of the image's information."""
    try:
        exif = image.getexif()
    except (
        SyntaxError
    ):  # what Pillow calls EXIF data that it cannot read: it stays in the information as it is
        return None
    if hasattr(image, "tag_v2") or dict(_read_exif(image.info.get("exif") or b"")) == dict(exif):
        return None
    content: bytes = exif.tobytes()
    if dict(_read_exif(content)) != dict(exif):
        raise FinalRefusalError(
            "The image cannot be stored: its EXIF data holds something that EXIF does not, such as text beyond ASCII."
            " Change it with `image.getexif()`, or keep it in `image.info`."
        )
    return content


def _read_exif(content: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(content)
    return exif


def _plain(image: Any) -> Any:
    """Return the pixels and the colours without what would change how PNG is written.

    With less than 256 colours PNG has fewer bits for a pixel, and drops those that name no colour.
    """
    plain = image.copy()
    plain.info = {}
    if image.mode == "P":
        colours = image.getpalette() or []
        plain.putpalette(colours + [0] * (3 * _COLOURS - len(colours)))
    return plain


def _set_palette(image: Any, palette: Any) -> None:
    if palette is not None:
        mode, content = palette
        if content:
            image.putpalette(content, mode)
            image.load()
        else:
            image.palette = ImagePalette.ImagePalette(mode)
