"""What is installed in an image: what settings say, else what the project says of itself."""

from __future__ import annotations

import os
import shlex
import subprocess
import tomllib
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

import msgspec

from zenml import fs
from zenml.components.dockerfile import LOCAL
from zenml.components.requirements import local_path, requirement_lines
from zenml.components.zenml_wheel import DISTRIBUTION
from zenml.config.fields import nearest
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.config.docker_settings import DockerSettings

_SECONDS = 300  # a command that lists packages may have to resolve them first
_FREEZE = ("pip_freeze", "pip freeze")


class ImageRequirements(msgspec.Struct, frozen=True):
    """Lines for the installer, where they are from, and what a reader should know of them.

    Attributes:
        lines: in order.
        sources: such as `requirements.txt`, or "the stack".
        extras: of this distribution.
        files: by name, packages that lie on this machine and are copied.
    """

    lines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: dict[str, str] = {}


def find_requirements(
    settings: DockerSettings, root: str, what: str, stack: Sequence[str] = ()
) -> ImageRequirements:
    """Return what is to be installed.

    Args:
        settings: what the pipeline or step says.
        root: the folder of the project, which paths are relative to.
        what: names the settings in messages, such as "`settings.docker` of pipeline `train` (flow.py:3)".
        stack: what the components of the stack need.

    Raises:
        ConfigurationError: a file is not there or wrong, a command fails, or there is no such extra.
    """
    lines: tuple[str, ...] = ()
    sources: list[str] = []
    notes: list[str] = []
    if settings.requirements:
        lines += requirement_lines(settings.requirements, root, f"`requirements` of {what}")
        sources.append(settings.requirements if isinstance(settings.requirements, str) else "`requirements`")
    if settings.pyproject_path:
        lines += _of_project(settings, root, what)
        sources.append(settings.pyproject_path)
    if settings.replicate_local_python_environment:
        lines += _of_this_environment(settings.replicate_local_python_environment, root, what, notes)
        sources.append("this environment")
    if not sources and not settings.disable_automatic_requirements_detection:
        lines, sources = _detected(settings, root, what)
    if stack and settings.install_stack_requirements is not False:
        lines += tuple(stack)
        sources.append("the stack")
    files: dict[str, str] = {}
    lines = requirement_lines([_portable(line, root, what, files, notes) for line in lines], root, what)
    return ImageRequirements(lines, tuple(sources), _extras(settings, what), tuple(notes), files)


def _portable(line: str, root: str, what: str, files: dict[str, str], notes: list[str]) -> str:
    """Return a line as it holds in an image: a file that it names goes there too, the project itself does anyway."""
    local = local_path(line)
    if local is None:
        return line
    if os.path.isfile(local.path):
        name = os.path.basename(local.path)
        files[name] = local.path
        return f"/{LOCAL}/{name}{local.rest}"
    if os.path.realpath(local.path) == os.path.realpath(root):
        notes.append(
            "The project itself is among the packages; its files travel anyway, so it is not installed."
        )
        return ""
    raise ConfigurationError(
        f"`{line}`, which {what} installs, is a folder of this machine. Make a wheel of it and name that, or have "
        "the project install it: `local_project_install_command`."
    )


def _detected(settings: DockerSettings, root: str, what: str) -> tuple[tuple[str, ...], list[str]]:
    """Return what the usual files of a project say, if one is there."""
    if os.path.isfile(os.path.join(root, "requirements.txt")):
        return requirement_lines("requirements.txt", root, what), ["requirements.txt (found)"]
    path = os.path.join(root, "pyproject.toml")
    if os.path.isfile(path) and "project" in _read_toml(path, what):
        return _dependencies(path, what), ["pyproject.toml (found)"]
    return (), []


def _of_project(settings: DockerSettings, root: str, what: str) -> tuple[str, ...]:
    path = os.path.join(root, settings.pyproject_path)
    if not os.path.isfile(path):
        raise ConfigurationError(
            f"`pyproject_path` of {what} names `{path}`, which is not there. Correct the path, which is relative to "
            "the folder of the project."
        )
    command = settings.pyproject_export_command
    if not command:
        return _dependencies(path, what)
    return _printed_by(command, os.path.dirname(path), f"`pyproject_export_command` of {what}")


def _dependencies(path: str, what: str) -> tuple[str, ...]:
    project = _read_toml(path, what).get("project") or {}
    if "dependencies" in (project.get("dynamic") or ()):
        raise ConfigurationError(
            f"`{path}`, which {what} installs, leaves `dependencies` to the build (`dynamic`). Give a "
            '`pyproject_export_command` that prints them, such as `["uv", "export", "--no-hashes"]`.'
        )
    return requirement_lines(
        [str(one) for one in project.get("dependencies") or ()], os.path.dirname(path), what
    )


def _read_toml(path: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(fs.read_whole(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"`{path}`, which {what} installs, is no TOML: {error}. Repair it."
        ) from error


def _of_this_environment(
    given: bool | str | Sequence[str],  # noqa: FBT001  a user's value
    root: str,
    what: str,
    notes: list[str],
) -> tuple[str, ...]:
    """Return every package that is installed here, or what a command lists."""
    if given is not True and given not in _FREEZE:
        return _printed_by(given, root, f"`replicate_local_python_environment` of {what}")
    pins, local = [], []
    for one in distributions():
        name = one.metadata["Name"]
        if not name or name == DISTRIBUTION:
            continue
        if one.read_text("direct_url.json"):
            local.append(name)
        else:
            pins.append(f"{name.lower().replace('_', '-')}=={one.version}")
    if local:
        notes.append(
            f"Not in the image, because they were installed from a folder or address: {', '.join(sorted(local))}."
        )
    return tuple(sorted(set(pins)))


def _printed_by(command: Any, folder: str, what: str) -> tuple[str, ...]:
    words = shlex.split(command) if isinstance(command, str) else list(command)
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-3:]
        raise ConfigurationError(
            f"{what}: the command `{shlex.join(words)}` failed: {' '.join(said)} Run it in `{folder}` to see why."
        ) from error
    return requirement_lines(done.stdout.splitlines(), folder, what)


def _extras(settings: DockerSettings, what: str) -> tuple[str, ...]:
    from importlib.metadata import PackageNotFoundError, metadata

    asked = tuple(sorted(set(settings.required_integrations or ())))
    if not asked:
        return ()
    try:
        known = metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return asked
    for name in asked:
        if name not in known:
            close = nearest(name, known)
            hint = f"Did you mean `{close}`? " if close else ""
            raise ConfigurationError(
                f"`required_integrations` of {what} names `{name}`, which is no extra of this distribution. {hint}"
                "List the packages in `requirements` instead."
            )
    return asked
