"""This installation as a wheel with the same bytes everywhere, so that an image has the very same `zenml` as the run."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile
from importlib.metadata import PackageNotFoundError, distribution

import zenml
from zenml import fs
from zenml.errors import ConfigurationError

DISTRIBUTION = "zenml-core"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that the format knows


def wheel_name() -> str:
    """Return the file name of the wheel."""
    return f"zenml_core-{zenml.__version__}-py3-none-any.whl"


def zenml_wheel() -> bytes:
    """Return the wheel of what is imported as `zenml` in this process.

    Raises:
        ConfigurationError: it was never installed, so what it needs is not known.
    """
    about = f"zenml_core-{zenml.__version__}.dist-info"
    folder = os.path.dirname(os.path.abspath(zenml.__file__))
    files = {
        f"zenml/{path}": fs.read_whole(os.path.join(folder, path))
        for path, _ in fs.walk(folder)
        if "__pycache__" not in path.split("/") and not path.endswith(".pyc")
    }
    try:
        installed = distribution(DISTRIBUTION)
    except PackageNotFoundError as error:
        raise ConfigurationError(
            f"`zenml` is imported from `{folder}` and is not installed, so what it needs is not known. Install it "
            "with `pip install -e` in the folder of its project."
        ) from error
    files[f"{about}/METADATA"] = (installed.read_text("METADATA") or "").encode()
    files[f"{about}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    files[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: zenml-core\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in sorted(files.items())]
    files[f"{about}/RECORD"] = "\n".join((*lines, f"{about}/RECORD,,", "")).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(
        packed, "w", zipfile.ZIP_STORED
    ) as wheel:  # compressed bytes differ between libraries
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            wheel.writestr(entry, content)
    return packed.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
