"""How the image is built that steps run in."""

from __future__ import annotations

from typing import ClassVar

from zenml.config.settings import FieldSettings

_TEXT, _FLAG, _MAPPING = (str,), (bool,), (dict,)
_NAMES = (list, tuple)


class DockerSettings(FieldSettings):
    """Settings of images, kept with the run for components that build some.

    Example:
        `@pipeline(settings={"docker": DockerSettings(requirements=["pandas"])})`

    Attributes:
        parent_image: the image to start from.
        requirements: packages to install, as a list, or the path of a file that lists them.
        apt_packages: packages of the system.
        environment: variables while the image is built and in it.
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
