"""Files and folders, given as `pathlib.Path`: their content is stored, not their place.

Storing copies the content (sharing blocks where the file system can), so a later change of
the original changes nothing. Loading gives the path of a private copy with the same name, in a
temporary folder that lasts as long as the process, so an edit never reaches the store. A path
that is itself a symbolic link stands for what it points to; links inside a folder are refused,
since what they point to may be anywhere. Modes are kept as far as files can be executed.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import msgspec

from zenml import fs
from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import open_new

_CONTENT = "content"
_TREE = "tree.json"
_temporary: Any = None


class _Tree(msgspec.Struct):
    """What a folder of plain files cannot say."""

    name: str
    is_folder: bool
    folders: list[str] = []
    executables: list[str] = []


class PathMaterializer(BaseMaterializer):
    """Stores the file or folder that a path names."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "path"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    def save(self, data: pathlib.Path) -> None:
        """Copy the file, or everything in the folder."""
        if not data.exists():
            raise MaterializerError(
                f"The path `{data}` cannot be stored: nothing is there. Write the file before the step returns its"
                " path, or return `str(path)` to store the path as text."
            )
        source = os.path.realpath(data)
        tree = _Tree(
            name=os.path.basename(os.path.abspath(data)) or "folder", is_folder=os.path.isdir(source)
        )
        fs.make_folder(os.path.join(self.uri, _CONTENT))
        for path, status in _entries(source) if tree.is_folder else [("", os.stat(source))]:
            target = os.path.join(self.uri, _CONTENT, path or tree.name)
            if path.endswith("/"):
                tree.folders.append(path)
                fs.make_folder(target[:-1])
                continue
            if not fs.is_regular(status):
                raise MaterializerError(
                    f"The path `{os.path.join(source, path)}` cannot be stored: it is a link, pipe, socket or device."
                    " Put a copy of the content in its place."
                )
            if status.st_mode & 0o100:
                tree.executables.append(path)
            _copy(os.path.join(source, path) if path else source, target, mode=0o600)
        with open_new(self, _TREE) as file:
            file.write(msgspec.json.encode(tree))

    def load(self, data_type: type[Any]) -> pathlib.Path:  # always a path
        """Return the path of a private copy."""
        try:
            with self.artifact_store.open(_TREE, "rb") as file:
                tree = msgspec.json.decode(file.read(), type=_Tree)
        except (OSError, msgspec.MsgspecError) as error:
            raise ArtifactDamagedError(
                f"A stored path has no readable `{_TREE}`. Run the producing step again."
            ) from error
        target = os.path.join(_temporary_folder(), os.path.basename(tree.name))
        content = os.path.join(self.uri, _CONTENT)
        executables = set(tree.executables)
        if not tree.is_folder:
            _copy(os.path.join(content, tree.name), target, mode=0o700 if executables else 0o600)
            return pathlib.Path(target)
        fs.make_folder(target)
        for folder in tree.folders:
            fs.make_folder(os.path.join(target, _inside(folder)))
        for path, _ in fs.walk(content):
            _copy(
                os.path.join(content, path),
                os.path.join(target, path),
                mode=0o700 if path in executables else 0o600,
            )
        return pathlib.Path(target)

    def extract_metadata(self, data: pathlib.Path) -> dict[str, Any]:
        """Return the name, what it is, and how much there is of it."""
        if not data.is_dir():
            return {"name": data.name, "kind": "file", "size": data.stat().st_size}
        sizes = [status.st_size for _, status in fs.walk(os.path.realpath(data))]
        return {"name": data.name, "kind": "folder", "files": len(sizes), "size": sum(sizes)}


def _entries(folder: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a folder, folders with a slash at the end and before their content."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        status = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield f"{prefix}{entry.name}/", status
            yield from _entries(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, status


def _copy(source: str, target: str, *, mode: int) -> None:
    source_fd = fs.open_to_read(source)
    try:
        target_fd = fs.create(target)
        try:
            fs.copy(source_fd, target_fd)
            fs.set_mode(target_fd, mode)
        finally:
            os.close(target_fd)
    finally:
        os.close(source_fd)


def _inside(folder: str) -> str:
    """Return a recorded folder path, if it stays inside."""
    if folder.startswith("/") or ".." in folder.split("/"):
        raise ArtifactDamagedError(
            f"A stored path leads out of its folder: `{folder}`. Run the producing step again."
        )
    return folder.rstrip("/")


def _temporary_folder() -> str:
    """Make a new folder that is removed when the process ends."""
    global _temporary
    import tempfile

    if _temporary is None:
        _temporary = tempfile.TemporaryDirectory(prefix="zenml-paths-")
    return str(tempfile.mkdtemp(dir=_temporary.name))
