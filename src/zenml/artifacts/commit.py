"""How a folder of files becomes an artifact: durable, read-only and whole, or not there at all.

    stage    a private folder `.staging/<attempt>/<output>`
    write    its files, by any means
    seal     every file hashed, made durable, read-only; then the manifest; then the folders
    rename   to its final key, and make the name durable

A process that dies before the rename leaves only a staging folder behind, which garbage
collection removes. Rows are written after this returns: no row ever precedes its bytes.
"""

from __future__ import annotations

import os
import re
from typing import Any

import msgspec

from zenml import fs
from zenml.artifacts import verification
from zenml.artifacts.folder import Staging
from zenml.artifacts.hashing import BESIDE_SIZE, Beside, digest_fd, file_algorithm
from zenml.errors import ArtifactError, MaterializerError
from zenml.records.artifact_data import FileEntry

STAGING = ".staging"
MANIFEST_FORMAT = 1

_MAX_KEY_LENGTH = 200
_KEY = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9_.%-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def key_for(hint: str) -> str:
    """Return the key for `<attempt id>/<output name>`: a file name that no other hint gives.

    A dot stands for the slash; every other unusual character is written as a percent code.
    """
    parts = [_UNSAFE.sub(lambda found: f"%{ord(found[0]):x}%", part) for part in hint.split("/")]
    key = ".".join(parts)
    if not all(parts):
        raise ArtifactError(f"`{hint}` is no key for an artifact. Give `<attempt id>/<output name>`.")
    if len(key) > _MAX_KEY_LENGTH:
        import hashlib

        key = f"{key[:100]}%{hashlib.sha256(hint.encode()).hexdigest()[:32]}"
    return key


def checked_key(key: str) -> str:
    """Return the key if it is the name of one folder and nothing else; keys in rows are not trusted."""
    if not _KEY.fullmatch(key):
        raise ArtifactError(
            f"`{key}` is no key of an artifact. The row that names it was changed; restore a backup."
        )
    return key


def stage(root: str, hint: str) -> Staging:
    """Make the private folder in which an output is written; an earlier try under the same hint is removed."""
    key = key_for(hint)
    path = os.path.join(root, STAGING, key.partition(".")[0], key)
    fs.remove_tree(path)
    fs.make_folder(path)
    return Staging(path, key)


def publish(staging: Staging, root: str, about: dict[str, Any]) -> tuple[FileEntry, ...]:
    """Seal a staged folder and give it its final key; return its files."""
    files = seal(staging)
    with staging.create(verification.MANIFEST) as manifest:
        manifest.write(msgspec.json.encode({"format": MANIFEST_FORMAT, **about, "files": files}))
    for folder, _, _ in os.walk(staging.path, topdown=False):
        fs.sync_folder(folder)
    target = os.path.join(root, staging.key)
    try:
        fs.rename(staging.path, target)
    except OSError as error:
        raise ArtifactError(
            f"The artifact `{staging.key}` cannot be put into `{root}`: {error.strerror}. Stored artifacts are never"
            " overwritten; check the disk, then run the step again."
        ) from error
    fs.remove_if_empty(os.path.dirname(staging.path))
    fs.sync_folder(root)
    for entry in files:
        verification.remember(os.path.join(target, entry.path), entry.digest)
    return files


def seal(staging: Staging) -> tuple[FileEntry, ...]:
    """Hash every file and make it durable and read-only."""
    files = []
    for path, status in fs.walk(staging.path):
        if not fs.is_regular(status):
            raise MaterializerError(
                f"The materializer wrote `{path}`, which is not a plain file (a link, pipe or socket). Write a copy"
                " of the content instead."
            )
        if path == verification.MANIFEST:
            raise MaterializerError(
                f"The materializer wrote `{path}`, a reserved name. Choose another file name."
            )
        files.append(
            staging.sealed.get(path) or _seal_file(os.path.join(staging.path, path), path, status.st_size)
        )
    return tuple(sorted(files, key=lambda entry: entry.path))


def _seal_file(full_path: str, path: str, size: int) -> FileEntry:
    fd = fs.open_to_read(full_path)
    try:
        fs.protect(fd)
        if size >= BESIDE_SIZE:
            hashing = Beside(lambda: digest_fd(fd, file_algorithm()))
            try:
                fs.sync(fd)
            finally:
                digest = hashing.result()  # also after a failed sync: the thread still reads the descriptor
        else:
            digest = digest_fd(fd, file_algorithm())
            fs.sync(fd)
    finally:
        os.close(fd)
    return FileEntry(path, size, digest)
