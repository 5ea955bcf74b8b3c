"""An artifact as files of its own, checked against its digest."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from zenml.store.store import Store
    from zenml.views.artifact_view import ArtifactView

EXTENSIONS = {
    "json": ".json",
    "json-text": ".json",
    "html": ".html",
    "markdown": ".md",
    "csv": ".csv",
    "numpy": ".npy",
    "cloudpickle": ".pickle",
}
"""What a value that lies in the database is called as a file, by materializer."""


def export_artifact(artifact: ArtifactView, store: Store, target: str) -> list[str]:
    """Write an artifact as files, checked against its digest; return their paths.

    A stored folder is copied into the folder `target`; a small value becomes one file: `target`
    itself, or a file of the artifact's name in it if that is a folder.

    Raises:
        ConfigurationError: a file of that name is there already.
        ArtifactDamagedError: the stored bytes are not those that were written.
    """
    record = artifact.record
    if record.key is None:
        from zenml.artifacts.verification import verify_inline

        body = store.inline_bytes(record.id)
        verify_inline(msgspec.structs.replace(record.stored_value(), inline=body))
        return [_write(_file_name(artifact, target), body)]
    folder = artifact_stores(store).fetch(record.stored_value())
    written = []
    for entry in record.files:
        path = _free(os.path.join(target, *entry.path.split("/")))
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        shutil.copyfile(os.path.join(folder, entry.path), path)
        written.append(path)
    return written


def _file_name(artifact: ArtifactView, target: str) -> str:
    if target.endswith(os.sep) or os.path.isdir(target):
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in artifact.name)
        return os.path.join(target, f"{name}{EXTENSIONS.get(artifact.materializer, '.bin')}")
    return target if os.path.splitext(target)[1] else target + EXTENSIONS.get(artifact.materializer, ".bin")


def _free(path: str) -> str:
    if os.path.lexists(path):
        raise ConfigurationError(f"`{path}` is there already and is not written over. Choose another place.")
    return path


def _write(path: str, body: bytes) -> str:
    os.makedirs(os.path.dirname(_free(path)) or ".", exist_ok=True)
    with open(path, "xb") as file:
        file.write(body)
    return path
