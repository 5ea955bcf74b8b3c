"""The source tree of a project as one archive that is the same on every machine, and back.

Code travels beside the image and not in it, so no image is built when only a step has changed. Files are sorted,
belong to nobody, and have no times. What may hold secrets is left out, whatever `.dockerignore` says.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.components.ignore_patterns import IgnorePatterns
from zenml.errors import ArtifactDamagedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKS = (".zen", "pyproject.toml", "setup.py", ".git")
"""What stands in the outermost folder of a project."""
SECRET = (
    *(
        "**/.env",
        "**/.env.*",
        "**/*.pem",
        "**/*.key",
        "**/id_rsa*",
        "**/id_ed25519*",
        "**/.netrc",
        "**/.pypirc",
    ),
    *("**/.aws", "**/.ssh", "**/.docker/config.json", "**/secrets.key"),
)
"""What is likely to hold secrets: never in an image or archive."""
WORTHLESS = (
    *(
        "**/.git",
        "**/.hg",
        "**/.svn",
        "**/__pycache__",
        "**/*.pyc",
        "**/.venv",
        "**/venv",
        "**/.tox",
        "**/.nox",
    ),
    *("**/.mypy_cache", "**/.ruff_cache", "**/.pytest_cache", "**/.ipynb_checkpoints", "**/node_modules"),
    *("**/*.egg-info", "**/.DS_Store"),
)
"""What no step needs: it is made anew, or says where the code was."""
MOST_BYTES = 200 * 1024 * 1024
"""More than that is data that was forgotten, and not code."""
EXPORT_MARK = ".zenml-export"
"""A file that stands in a folder that was exported: it is no part of the project."""
_STORE_MARKS = frozenset(("store.db", "store.key"))


class SourceFile(msgspec.Struct, frozen=True, order=True):
    """A file of a project, by its path from the outermost folder."""

    path: str
    source: str
    is_executable: bool = False
    link: str | None = None
    """What it points to, if it is a symbolic link."""


class SourceTree(msgspec.Struct, frozen=True):
    """The files of a project that may leave this machine.

    Attributes:
        root: the outermost folder.
        files: in order.
        secret: paths that were left out because they may hold secrets.
    """

    root: str
    files: tuple[SourceFile, ...]
    secret: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of all paths and contents."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.path}\0{file.is_executable:d}\0{file.link or ''}\0".encode())
            digest.update(hashlib.sha256(_content(file)).digest())
        return digest.hexdigest()


def find_root(file: str) -> str:
    """Return the outermost folder of the project that a file is in: the nearest that looks like one, else its own."""
    own = folder = os.path.dirname(os.path.abspath(file))
    home = os.path.expanduser("~")
    while folder != os.path.dirname(folder) and folder != home:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in MARKS):
            return folder
        folder = os.path.dirname(folder)
    while os.path.isfile(os.path.join(own, "__init__.py")):
        own = os.path.dirname(own)
    return own


def read_tree(root: str, *, dockerignore: str | None = None, without: tuple[str, ...] = ()) -> SourceTree:
    """Return the files of a project.

    Args:
        root: its outermost folder.
        dockerignore: a file of patterns; by default `.dockerignore` in the folder, if there is one.
        without: folders that stay here, such as that of the store.

    Raises:
        ConfigurationError: the file of patterns is not there or wrong, or there is far too much.
    """
    ignored, secret, worthless = (
        _ignored(root, dockerignore),
        IgnorePatterns(SECRET),
        IgnorePatterns(WORTHLESS),
    )
    apart = {os.path.realpath(folder) for folder in without}
    files: list[SourceFile] = []
    held_back: list[str] = []
    total = 0
    for path, entry in _walk(root, "", ignored, worthless, apart):
        if secret.match(path):
            if not ignored.match(path):
                held_back.append(path)
            continue
        if ignored.match(path):
            continue
        status = entry.stat(follow_symlinks=False)
        total += status.st_size
        if total > MOST_BYTES:
            raise ConfigurationError(
                f"The project in `{root}` has more than {MOST_BYTES >> 20} MiB of files, up to `{path}`: that is more "
                "than code. List data in `.dockerignore`, or set `dockerignore` of DockerSettings."
            )
        link = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None
        if link is not None and _leads_out(root, entry.path, link):
            continue
        files.append(SourceFile(path, entry.path, bool(status.st_mode & stat.S_IXUSR) and link is None, link))
    return SourceTree(root, tuple(sorted(files)), tuple(sorted(held_back)))


def pack(tree: SourceTree) -> bytes:
    """Return the archive of a project: a `tar.gz` with the same bytes wherever the files are the same."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in tree.files:
            about = tarfile.TarInfo(file.path)
            about.mode = 0o755 if file.is_executable else 0o644
            if file.link is not None:
                about.type, about.linkname = tarfile.SYMTYPE, file.link
                archive.addfile(about)
                continue
            content = _content(file)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return packed.getvalue()


def unpack(archive: str, folder: str, *, digest: str | None = None) -> None:
    """Write the files of an archive into a folder.

    Args:
        archive: the path of what `pack` has made.
        folder: where the files go; it is made if it is not there.
        digest: the SHA-256 of the archive, if it is known.

    Raises:
        ArtifactDamagedError: it has another digest, or is no archive, or holds a path that leads out of the folder.
    """
    content = fs.read_whole(archive)
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise ArtifactDamagedError(
            f"The code archive `{archive}` is not what was packed: its digest is another one. Pack and send it again."
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
            opened.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ArtifactDamagedError(f"The code archive `{archive}` cannot be unpacked: {error}.") from error


def _ignored(root: str, dockerignore: str | None) -> IgnorePatterns:
    path = os.path.join(root, dockerignore or ".dockerignore")
    try:
        lines = fs.read_whole(path).decode(errors="replace").splitlines()
    except FileNotFoundError:
        if dockerignore is None:
            return IgnorePatterns(())
        raise ConfigurationError(
            f"`dockerignore` of DockerSettings names `{path}`, which is not there. Correct the path, which is "
            "relative to the folder of the project."
        ) from None
    return IgnorePatterns(lines, path)


def _walk(
    folder: str, prefix: str, ignored: IgnorePatterns, worthless: IgnorePatterns, apart: set[str]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield files in order; folders that hold nothing for anybody are not entered."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    names = {entry.name for entry in entries}
    if prefix and (names >= _STORE_MARKS or EXPORT_MARK in names):
        return  # a store or an export, whatever it is called
    for entry in entries:
        path = prefix + entry.name
        if worthless.match(path):
            continue
        if not entry.is_dir(follow_symlinks=False):
            if entry.is_file() or entry.is_symlink():
                yield path, entry
        elif os.path.realpath(entry.path) not in apart and (
            ignored.has_exceptions or not ignored.match(path)
        ):
            yield from _walk(entry.path, f"{path}/", ignored, worthless, apart)


def _leads_out(root: str, path: str, link: str) -> bool:
    target = os.path.realpath(os.path.join(os.path.dirname(path), link))
    return os.path.isabs(link) or os.path.commonpath((os.path.realpath(root), target)) != os.path.realpath(
        root
    )


def _content(file: SourceFile) -> bytes:
    return b"" if file.link is not None else fs.read_whole(file.source)
