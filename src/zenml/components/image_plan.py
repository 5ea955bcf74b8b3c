"""The image of a pipeline or step as a value: Dockerfile, build context, and a name made of their digest.

    plan = plan_image(settings, root, what="`settings.docker` of pipeline `train`")
    plan.write("image")          # a folder that `docker build` takes

The same project gives the same bytes on every machine. When only code has changed the plan is the same, as long as
code may travel as an archive (`zenml.components.code_archive`): nothing is built then.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml import fs
from zenml.components import dockerfile
from zenml.components.code_archive import read_tree
from zenml.components.image_context import ImageFile, build_files, code_files, first_layers
from zenml.components.image_options import HOW, build_options
from zenml.components.image_requirements import find_requirements
from zenml.components.zenml_wheel import wheel_name
from zenml.config.docker_settings import DockerSettings
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY = "zenml"
_SECRETIVE = ("PASSWORD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "CREDENTIAL")


class ImagePlan(msgspec.Struct, frozen=True):
    """What is built, and what it is called.

    Attributes:
        name: `repository:tag`; what runs if nothing is to be built.
        dockerfile: its text, "" if nothing is built.
        files: what else is in the context.
        options: of the builder, by flag; several values are a tuple.
        is_build: something is to be built, unless an image of that name is there.
        is_reusable: an image of that name has this content, so it need not be built again.
        has_code: the project's files are in the image.
        sources: where the packages come from.
        notes: what a reader should know.
        left_out: files of the project that may hold secrets.
        environment: variables of containers that are not in the image.
    """

    name: str
    dockerfile: str = ""
    files: tuple[ImageFile, ...] = ()
    options: dict[str, str | tuple[str, ...]] = {}
    is_build: bool = True
    is_reusable: bool = True
    has_code: bool = False
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    environment: dict[str, str] = {}

    @property
    def parts(self) -> dict[str, str]:
        """What the image depends on, by part: comparing them with those of another plan says why it is built."""
        parts = {f"line: {layer}": "" for layer in self.dockerfile.splitlines() if layer.strip()}
        parts |= {f"file: {file.path}": file.digest[:16] for file in self.files}
        return parts | {f"option: {flag}": str(value) for flag, value in self.options.items()}

    def write(self, folder: str) -> None:
        """Write the build context: a Dockerfile and what it copies, without times or owners of ours.

        Raises:
            ConfigurationError: there is something in the folder.
        """
        folder = os.path.abspath(folder)
        if os.path.isdir(folder) and os.listdir(folder):
            raise ConfigurationError(f"The folder `{folder}` is not empty. Name one that is not there yet.")
        for file in (ImageFile("Dockerfile", self.dockerfile.encode()), *self.files):
            path = os.path.join(folder, file.path)
            fs.make_folder(os.path.dirname(path))
            with os.fdopen(fs.create(path), "wb") as opened:
                opened.write(file.content)
                fs.set_mode(opened.fileno(), 0o755 if file.is_executable else 0o644)
            os.utime(path, (0, 0))


def plan_image(
    settings: DockerSettings,
    root: str,
    *,
    what: str = "the DockerSettings",
    stack: Sequence[str] = (),
    without: tuple[str, ...] = (),
) -> ImagePlan:
    """Return the plan of an image.

    Args:
        settings: what the pipeline or step says.
        root: the folder of the project.
        what: names the settings in messages.
        stack: what the components of the stack need, from their flavors.
        without: folders that stay on this machine, such as that of the store.

    Raises:
        ConfigurationError: a file is not there, or something contradicts something else.
    """
    environment = {name: str(value) for name, value in (settings.runtime_environment or {}).items()}
    if settings.skip_build:
        return ImagePlan(
            settings.parent_image, is_build=False, environment=environment, notes=_skipped_notes(settings)
        )
    found = find_requirements(settings, root, what, stack)
    tree = read_tree(root, dockerignore=dockerignore_of(settings), without=without)
    has_code = includes_code(settings)
    begin, user, own_files = first_layers(settings, root, what, without)
    files = [*own_files, *build_files(found)]
    paths = [file.path for file in files]
    lines = [*begin, *_layers(settings, found.extras, user, paths, has_code=has_code)]
    if has_code:
        files += code_files(tree)
    text = "\n".join(lines).rstrip() + "\n"
    options = build_options(settings)
    digest = _digest(text, files, options)
    return ImagePlan(
        f"{settings.target_repository or REPOSITORY}:{settings.image_tag or digest[:20]}",
        text,
        tuple(sorted(files, key=lambda file: file.path)),
        options,
        is_reusable=not settings.image_tag and not settings.prevent_build_reuse,
        has_code=has_code,
        sources=found.sources,
        notes=(*found.notes, *_notes(settings)),
        left_out=tree.secret,
        environment=environment,
    )


def includes_code(settings: DockerSettings) -> bool:
    """Tell whether the project's files go into the image, because they cannot travel by themselves or have to be there.

    Raises:
        ConfigurationError: they may go nowhere.
    """
    if settings.local_project_install_command:
        return True
    mode = settings.source_files
    if mode in ("ignore", "download", "include"):
        return bool(mode == "include")
    if settings.allow_download_from_artifact_store is not False:
        return False
    if settings.allow_including_files_in_images is False:
        raise ConfigurationError(
            "DockerSettings let the project's files neither into the image (`allow_including_files_in_images`) nor travel "
            'as an archive (`allow_download_from_artifact_store`). Allow one, or set `source_files="ignore"` if the '
            "image has them already."
        )
    return True


def travels(settings: DockerSettings) -> bool:
    """Tell whether the project's files travel as an archive."""
    return not settings.skip_build and settings.source_files != "ignore" and not includes_code(settings)


def _layers(
    settings: DockerSettings, extras: Sequence[str], user: str | None, paths: Sequence[str], *, has_code: bool
) -> list[str]:
    """Return the lines after the first ones."""
    restored = None if user in {"root", "0"} else user
    lines = ["USER root"] if restored else []
    lines += dockerfile.apt_layers(settings.apt_packages or ())
    lines += dockerfile.environment_layers(settings.environment or {})
    lines += dockerfile.install_layers(
        wheel_name(),
        installer=settings.python_package_installer or "uv",
        arguments=settings.python_package_installer_args or {},
        extras=extras,
        has=paths,
    )
    lines.append(f"WORKDIR {dockerfile.FOLDER}")
    lines += dockerfile.code_layers(settings.local_project_install_command) if has_code else []
    if settings.user:
        return [*lines, *dockerfile.user_layers(settings.user)]
    return [*lines, f"USER {restored}"] if restored else lines


def dockerignore_of(settings: DockerSettings) -> str | None:
    """Return the file of patterns of what stays here; None for the usual one."""
    ignore: str | None = settings.dockerignore or (settings.build_config or {}).get("dockerignore")
    return ignore


def _digest(text: str, files: Sequence[ImageFile], options: Mapping[str, Any]) -> str:
    """Return the digest of an image's content; options that only say how it is built are left out."""
    digest = hashlib.sha256(text.encode())
    for file in sorted(files, key=lambda file: file.path):
        digest.update(f"\n{file.path} {file.digest}".encode())
    what = {flag: value for flag, value in options.items() if flag not in HOW}
    digest.update(msgspec.json.encode(sorted(what.items())))
    return digest.hexdigest()


def _notes(settings: DockerSettings) -> list[str]:
    notes = []
    if settings.dockerfile and settings.parent_image:
        notes.append(f"`parent_image` does not count: the image starts from `{settings.dockerfile}`.")
    open_values = [
        name
        for name in {**(settings.environment or {}), **(settings.build_args or {})}
        if any(word in name.upper() for word in _SECRETIVE)
    ]
    if open_values:
        notes.append(
            f"Everybody who has the image can read {', '.join(f'`{name}`' for name in open_values)}. Use "
            "`runtime_environment`, or `secrets` of the step."
        )
    if settings.allow_download_from_code_repository and settings.allow_download_from_artifact_store is False:
        notes.append(
            "`allow_download_from_code_repository` has no effect: there are no code repositories here."
        )
    return notes


def _skipped_notes(settings: DockerSettings) -> tuple[str, ...]:
    unused = [
        name
        for name in (
            *("requirements", "pyproject_path", "apt_packages", "environment", "user", "build_args"),
            *("required_integrations", "local_project_install_command", "image_tag", "target_repository"),
        )
        if settings.to_dict().get(name)
    ]
    listed = ", ".join(f"`{name}`" for name in unused)
    return (f"`skip_build` is True, so these have no effect: {listed}.",) if unused else ()
