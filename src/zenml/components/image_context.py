"""The files of a build context: what a user's Dockerfile copies, what is installed, and the project's own files."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.components import dockerfile
from zenml.components.code_archive import SourceTree, read_tree
from zenml.components.requirements import split_constraints
from zenml.components.zenml_wheel import wheel_name, zenml_wheel
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from zenml.components.image_requirements import ImageRequirements
    from zenml.config.docker_settings import DockerSettings


class ImageFile(msgspec.Struct, frozen=True):
    """A file of a build context, by its path there; of its content only the digest is compared."""

    path: str
    content: bytes
    is_executable: bool = False

    @property
    def digest(self) -> str:
        """The digest of content and mode."""
        return hashlib.sha256(b"%d" % self.is_executable + self.content).hexdigest()


def first_layers(
    settings: DockerSettings, root: str, what: str, without: tuple[str, ...]
) -> tuple[list[str], str | None, list[ImageFile]]:
    """Return the first lines, the user that they end with, and what they copy.

    Raises:
        ConfigurationError: what they are made of is not there, or nothing can be added to it.
    """
    if not settings.dockerfile:
        image = settings.parent_image or f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
        return dockerfile.parent_layers(image, settings.build_args or ()), None, []
    path = os.path.join(root, settings.dockerfile)
    try:
        text = fs.read_whole(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"`dockerfile` of {what} names `{path}`, which cannot be read: {error}. Correct the path, which is "
            "relative to the folder of the project."
        ) from error
    lines, user = dockerfile.custom_layers(text, path)
    return lines, user, context_files(settings, root, what, without)


def context_files(
    settings: DockerSettings, root: str, what: str, without: tuple[str, ...]
) -> list[ImageFile]:
    """Return what a user's Dockerfile copies from."""
    if not settings.build_context_root:
        return []
    folder = os.path.join(root, settings.build_context_root)
    if not os.path.isdir(folder):
        raise ConfigurationError(
            f"`build_context_root` of {what} names `{folder}`, which is no folder. Correct the path, which is "
            "relative to the folder of the project."
        )
    ignore = (settings.parent_image_build_config or {}).get("dockerignore")
    tree = read_tree(folder, dockerignore=ignore, without=without)
    return [
        ImageFile(file.path, fs.read_whole(file.source), file.is_executable)
        for file in tree.files
        if file.link is None
        and file.path != "Dockerfile"
        and not file.path.startswith(dockerfile.BELOW + "/")
    ]


def build_files(found: ImageRequirements) -> list[ImageFile]:
    """Return what the layers of packages copy."""
    requirements, constraints = split_constraints(found.lines)
    files = [ImageFile(f"{dockerfile.BELOW}/{wheel_name()}", zenml_wheel())]
    for path, lines in ((dockerfile.REQUIREMENTS, requirements), (dockerfile.CONSTRAINTS, constraints)):
        if lines:
            files.append(ImageFile(path, "\n".join((*lines, "")).encode()))
    files += [
        ImageFile(f"{dockerfile.LOCAL}/{name}", fs.read_whole(path)) for name, path in found.files.items()
    ]
    return files


def code_files(tree: SourceTree) -> list[ImageFile]:
    """Return the project's files; a link becomes what it points to."""
    return [
        ImageFile(f"{dockerfile.CODE}/{file.path}", fs.read_whole(file.source), file.is_executable)
        for file in tree.files
        if os.path.isfile(file.source)
    ]
