"""What DockerSettings take, and what they refuse."""

import pytest

from zenml.config import DockerSettings
from zenml.errors import ConfigurationError


def test_every_field_may_be_given():
    DockerSettings(
        parent_image="registry.host:5000/team/python:3.11@sha256:" + "0" * 64,
        image_tag="v1.0",
        prevent_build_reuse=True,
        target_repository="registry.host:5000/team/training",
        python_package_installer="pip",
        python_package_installer_args={"no-deps": None, "index-url": "https://host/simple"},
        disable_automatic_requirements_detection=True,
        requirements=["pandas>=2", "-c numpy<2"],
        required_integrations=["pandas"],
        install_stack_requirements=False,
        apt_packages=["git", "libgl1:amd64", "curl=7.88.1-10+deb12u5", "g++"],
        environment={"PORT": 8080, "MODE": "fast"},
        runtime_environment={"LINES": "a\nb"},
        build_args={"A": "b"},
        build_config={"build_options": {"platform": "linux/amd64"}, "dockerignore": ".ignored"},
        user="runner:1000",
        source_files="include",
    )


@pytest.mark.parametrize("value", ["${IMAGE}", "team/${IMAGE}:1"])
def test_what_is_filled_in_later_is_checked_later(value):
    DockerSettings(parent_image=value, image_tag=value, target_repository=value, user=value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"requirement": []}, "DockerSettings has no `requirement`. Did you mean `requirements`?"),
        ({"image_tag": "a b"}, "`image_tag` of DockerSettings is 'a b'; it must be letters, digits"),
        (
            {"parent_image": "python 3"},
            "`parent_image` of DockerSettings is 'python 3'; it must be the name of",
        ),
        ({"target_repository": "Team/a"}, "it must be the name of a repository in small letters"),
        ({"target_repository": "team/a:1.0 "}, "without a tag"),
        ({"user": "a b"}, "`user` of DockerSettings is 'a b'; it must be a user, or `user:group`."),
        ({"python_package_installer": "uvx"}, "it can be `uv`, `pip`. Did you mean `uv`?"),
        ({"source_files": "includes"}, "Did you mean `include`?"),
        ({"requirements": ["a", 1]}, "`requirements` of DockerSettings has 1 in its list"),
        ({"requirements": ["a\nb"]}, "each is text of one line"),
        ({"apt_packages": ["git curl"]}, "has 'git curl', which is no name of a package"),
        ({"apt_packages": ["-o Debug"]}, "which is no name of a package"),
        ({"environment": {"A-B": "1"}}, "has the name 'A-B'; names have letters, digits and `_`."),
        ({"environment": {"A": True}}, "sets `A` to True; write it as text."),
        ({"environment": {"A": None}}, "sets `A` to None; write it as text."),
        ({"environment": {"A": "1\n2"}}, "Set it in `runtime_environment`."),
        ({"runtime_environment": {"A": "1\0"}}, "`runtime_environment` of DockerSettings sets `A`"),
        ({"python_package_installer_args": {"a": ["b"]}}, "sets `a` to ['b']; write text, or None."),
        ({"build_config": {"build_option": {}}}, "has no `build_option`. Did you mean `build_options`?"),
        ({"build_config": {"build_options": ["a"]}}, "has ['a'] as `build_options`; it must be a mapping."),
        ({"build_config": {"build_options": {"platforms": "x"}}}, "Did you mean `platform`?"),
        ({"skip_build": True}, "`skip_build` of DockerSettings is True without a `parent_image`."),
        (
            {"skip_build": True, "parent_image": "a", "dockerfile": "b"},
            "is True, and there is a `dockerfile` to build",
        ),
        ({"build_context_root": "."}, "is what a `dockerfile` copies from, and none is named"),
        ({"pyproject_export_command": ["uv"]}, "needs the `pyproject_path`"),
        (
            {"replicate_local_python_environment": True, "requirements": ["a"]},
            "installs what is installed here, and `requirements` something else",
        ),
        (
            {"local_project_install_command": "pip install .", "allow_including_files_in_images": False},
            "needs the project's files in the image",
        ),
    ],
)
def test_what_is_impossible_is_refused_with_what_to_do(fields, words):
    with pytest.raises(ConfigurationError) as refused:
        DockerSettings(**fields)

    assert words in str(refused.value)
