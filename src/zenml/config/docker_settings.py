"""How the image is built that steps run in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.config.settings import FieldSettings
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT, _FLAG, _MAPPING = (str,), (bool,), (dict,)
_NAMES = (list, tuple)

INSTALLERS = ("uv", "pip")
SOURCE_FILES = ("download_or_include", "include", "download", "ignore")
BUILD_OPTIONS = ("buildargs", "labels", "network_mode", "nocache", "platform", "pull", "target")
"""What `build_options` may say; as the libraries of Docker call it."""
_PATTERNS = {
    "image_tag": (r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "letters, digits, `_`, `.` and `-`"),
    "parent_image": (r"[^\s$]+", "the name of an image, such as `python:3.11-slim`, without blanks"),
    "target_repository": (
        r"[a-z0-9]+(?:(?:[._-]|__|[/:])[a-z0-9]+)*",
        "the name of a repository in small letters, without a tag, such as `team/training`",
    ),
    "user": (r"(?:[a-z_][a-z0-9_-]*|\d+)(?::(?:[a-z_][a-z0-9_-]*|\d+))?", "a user, or `user:group`"),
}
"""By field: what fits it, and how that is said."""
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?(?:[=/][A-Za-z0-9.+~:-]+)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILES_IN_IMAGE = ("local_project_install_command",)


class DockerSettings(FieldSettings):
    """Settings of images, kept with the run for components that build some; `zenml pipeline image` shows what comes of them.

    Example:
        `@pipeline(settings={"docker": DockerSettings(requirements=["pandas"])})`

    Attributes:
        parent_image: the image to start from; by default the Python of this process, slim. With a `dockerfile` it
            does not count.
        dockerfile: a Dockerfile to start from; what else is set comes after it.
        build_context_root: the folder that the `dockerfile` copies from; by default it gets none.
        build_config: `build_options` (buildargs, platform, target …) and `dockerignore` of the build.
        parent_image_build_config: the same for the `dockerfile`, which is built together with the rest.
        skip_build: nothing is built; `parent_image` is used as it is.
        prevent_build_reuse: it is built even if an image of the same content is there.
        target_repository: what the image is called, before the colon.
        image_tag: what it is called after the colon; by default the digest of its content.
        requirements: packages to install, as a list, or the path of a file that lists them.
        pyproject_path: a `pyproject.toml` whose dependencies are installed.
        pyproject_export_command: a command that prints them instead, such as `["uv", "export", "--no-hashes"]`.
        replicate_local_python_environment: whether everything is installed that is installed here, or the
            command that lists it.
        disable_automatic_requirements_detection: whether `requirements.txt` and `pyproject.toml` are left alone
            where none of the four fields before says something.
        required_integrations: extras of this distribution, such as `pandas`.
        install_stack_requirements: whether what the components of the stack need is installed; it is by default.
        python_package_installer: `uv`, as by default, or `pip`.
        python_package_installer_args: options of it, by name; None for one without a value.
        local_project_install_command: a command that installs the project; its files are in the image then.
        apt_packages: packages of the system.
        environment: variables while the image is built and in it; they can be read by everybody who has the image.
        runtime_environment: variables of containers; they are not in the image.
        build_args: arguments of the build, by name.
        user: who runs the steps, and owns the files.
        dockerignore: a file of patterns, by default `.dockerignore`: what they match is in no image and no archive.
        source_files: `download_or_include`, `include`, `download` or `ignore`; short for the three fields below.
        allow_including_files_in_images: whether the project's files may be put into the image.
        allow_download_from_artifact_store: whether they may travel as an archive, so that no image is built when only
            code has changed.
        allow_download_from_code_repository: kept; there are no code repositories here.
    """

    FIELDS: ClassVar[dict[str, tuple[type, ...]]] = {
        "parent_image": _TEXT,
        "image_tag": _TEXT,
        "dockerfile": _TEXT,
        "build_context_root": _TEXT,
        "parent_image_build_config": _MAPPING,
        "build_config": _MAPPING,
        "skip_build": _FLAG,
        "prevent_build_reuse": _FLAG,
        "target_repository": _TEXT,
        "python_package_installer": _TEXT,
        "python_package_installer_args": _MAPPING,
        "disable_automatic_requirements_detection": _FLAG,
        "replicate_local_python_environment": (bool, str, list, tuple),
        "pyproject_path": _TEXT,
        "pyproject_export_command": (str, list, tuple),
        "requirements": (str, list, tuple),
        "required_integrations": _NAMES,
        "install_stack_requirements": _FLAG,
        "install_deployment_requirements": _FLAG,
        "local_project_install_command": _TEXT,
        "apt_packages": _NAMES,
        "environment": _MAPPING,
        "build_args": _MAPPING,
        "runtime_environment": _MAPPING,
        "user": _TEXT,
        "dockerignore": _TEXT,
        "source_files": _TEXT,
        "allow_including_files_in_images": _FLAG,
        "allow_download_from_code_repository": _FLAG,
        "allow_download_from_artifact_store": _FLAG,
    }

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        for name, problem in _problems(self._given):
            raise ConfigurationError(f"`{name}` of DockerSettings {problem}")


def _problems(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields that say something impossible, and what that is; values with placeholders are left for later."""
    for name, (pattern, words) in _PATTERNS.items():
        value = given.get(name)
        if value is not None and not _is_open(value) and not re.fullmatch(pattern, value):
            yield name, f"is {preview(value)}; it must be {words}."
    for name, known in (("python_package_installer", INSTALLERS), ("source_files", SOURCE_FILES)):
        value = given.get(name)
        if value is not None and not _is_open(value) and value not in known:
            close = nearest(value, known)
            hint = f" Did you mean `{close}`?" if close else ""
            yield name, f"is {preview(value)}; it can be {', '.join(f'`{one}`' for one in known)}.{hint}"
    yield from _list_problems(given)
    yield from _mapping_problems(given)
    for name in ("build_config", "parent_image_build_config"):
        yield from _build_problems(name, given.get(name) or {})
    yield from _contradictions(given)


def _list_problems(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = ("requirements", "apt_packages", "required_integrations")
    for name in (*names, "pyproject_export_command", "replicate_local_python_environment"):
        value = given.get(name)
        for one in value if isinstance(value, (list, tuple)) else ():
            if not isinstance(one, str) or not one.strip() or "\n" in one:
                yield name, f"has {preview(one)} in its list; each is text of one line."
            elif name == "apt_packages" and not _is_open(one) and not _PACKAGE.fullmatch(one):
                yield (
                    name,
                    f"has {preview(one)}, which is no name of a package, such as `git` or `curl=7.88.1-10`.",
                )


def _mapping_problems(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("environment", "runtime_environment", "build_args"):
        for key, value in (given.get(name) or {}).items():
            if not _VARIABLE.fullmatch(str(key)):
                yield name, f"has the name {preview(key)}; names have letters, digits and `_`."
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                yield name, f"sets `{key}` to {preview(value)}; write it as text."
            elif "\0" in str(value) or (name == "environment" and {"\n", "\r"} & set(str(value))):
                yield (
                    name,
                    f"sets `{key}` to text of several lines, which a Dockerfile has no form for. Set it in `runtime_environment`.",
                )
    for key, value in (given.get("python_package_installer_args") or {}).items():
        if isinstance(value, (dict, list)):
            yield "python_package_installer_args", f"sets `{key}` to {preview(value)}; write text, or None."


def _build_problems(name: str, config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    known: tuple[str, ...] = ("build_options", "dockerignore")
    for key in config:
        if key not in known:
            close = nearest(key, known)
            yield (
                name,
                f"has no `{key}`. "
                + (f"Did you mean `{close}`?" if close else f"It has: {', '.join(known)}."),
            )
    options = config.get("build_options") or {}
    if not isinstance(options, dict):
        yield name, f"has {preview(options)} as `build_options`; it must be a mapping."
        return
    for key in options:
        if key not in BUILD_OPTIONS:
            close = nearest(key, BUILD_OPTIONS)
            hint = f"Did you mean `{close}`?" if close else f"There are: {', '.join(BUILD_OPTIONS)}."
            yield name, f"has the build option `{key}`, which there is not. {hint}"


def _contradictions(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if given.get("skip_build") and not given.get("parent_image"):
        yield "skip_build", "is True without a `parent_image`. Name the image that is to be used as it is."
    if given.get("skip_build") and given.get("dockerfile"):
        yield "skip_build", "is True, and there is a `dockerfile` to build. Leave one of them out."
    if given.get("build_context_root") and not given.get("dockerfile"):
        yield "build_context_root", "is what a `dockerfile` copies from, and none is named. Name it."
    if given.get("pyproject_export_command") and not given.get("pyproject_path"):
        yield "pyproject_export_command", "needs the `pyproject_path` that it is run for. Name it."
    if given.get("replicate_local_python_environment") and (
        given.get("requirements") or given.get("pyproject_path")
    ):
        other = "requirements" if given.get("requirements") else "pyproject_path"
        yield (
            "replicate_local_python_environment",
            f"installs what is installed here, and `{other}` something else. Leave one of them out.",
        )
    for name in _FILES_IN_IMAGE:
        if given.get(name) and given.get("allow_including_files_in_images") is False:
            yield (
                name,
                "needs the project's files in the image, and `allow_including_files_in_images` is False.",
            )


def _is_open(value: Any) -> bool:
    return isinstance(value, str) and "${" in value
