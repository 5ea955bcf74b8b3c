"""`zenml pipeline image`: the image is shown, exported, built with a fake of `docker`, and explained."""

import json
import os
import sys

import pytest

FAKE = os.path.join(os.path.dirname(__file__), "..", "..", "flavors", "fake_docker.py")
FLOW = """
from zenml import pipeline, step

@step
def load() -> int:
    return 1

@step(settings={"docker": %(step)s})
def train(x: int) -> int:
    return x

@pipeline(settings={"docker": %(pipeline)s})
def flow():
    train(load())
"""


@pytest.fixture
def project(tmp_path):
    """Write a project's flow with other settings."""
    root = tmp_path / "project"
    root.mkdir()

    def write(pipeline=None, step=None, more=""):
        text = FLOW % {"pipeline": pipeline or {}, "step": step or {}}
        (root / "flow.py").write_text(text + more)
        sys.modules.pop("flow", None)
        return str(root / "flow.py")

    return write


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A fake `docker`, found as the real one is; returns the commands that built something."""
    home = tmp_path / "docker"
    monkeypatch.setenv("FAKE_DOCKER_HOME", str(home))
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "docker"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {FAKE} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def builds():
        commands = [json.loads(line) for line in (home / "commands").read_text().splitlines()]
        return [words for words in commands if words[0] == "build"]

    return builds


def shape(zenml, *arguments):
    result = zenml("pipeline", "image", *arguments, "--json")
    assert result.status == 0, result.err
    return json.loads(result.out)["images"]


def test_it_is_shown_with_dockerfile_name_and_reason(zenml, project):
    result = zenml("pipeline", "image", project({"apt_packages": ["git"], "requirements": ["pandas"]}))

    assert result.status == 0
    for words in (
        "Image of pipeline `flow`: zenml:",
        "it would be built: none was built or exported from here before",
        "packages from `requirements`",
        "code travels beside it: 1 files",
        "  FROM python:",
        "          git",
    ):
        assert words in result.out


def test_steps_with_settings_of_their_own_have_an_image_of_their_own(zenml, project):
    own, other = shape(zenml, project({"apt_packages": ["git"]}, {"requirements": ["torch"]}))

    assert (own["of"], other["of"]) == (["load"], ["train"])
    assert "git" in own["dockerfile"]
    assert "git" in other["dockerfile"]
    assert other["sources"] == ["`requirements`"]


def test_steps_without_settings_share_the_image_of_the_pipeline(zenml, project):
    (own,) = shape(zenml, project({"apt_packages": ["git"]}))

    assert own["of"] == ["load", "train"]


def test_variables_of_the_environment_are_filled_in(zenml, project, monkeypatch):
    monkeypatch.setenv("IMAGE", "python:3.12")

    (own,) = shape(zenml, project({"parent_image": "${IMAGE}-slim"}))

    assert own["dockerfile"].startswith("FROM python:3.12-slim\n")


def test_it_is_built_once_and_again_when_something_changed_but_code(zenml, project, docker):
    first = shape(zenml, project({"apt_packages": ["git"]}), "--build")
    again = shape(zenml, project({"apt_packages": ["git"]}, more="# other code\n"), "--build")
    changed = shape(zenml, project({"apt_packages": ["curl"]}), "--build")

    assert [one["built"] for (one,) in (first, again, changed)] == [True, False, True]
    assert again[0]["why"].startswith("it would not be built again: nothing of it has changed")
    assert again[0]["code"]["digest"] != first[0]["code"]["digest"]
    assert changed[0]["why"] == ("it would be built again: the line `curl` is new; the line `git` is gone")
    assert len(docker()) == 2
    assert docker()[0][:3] == ["build", "--tag", first[0]["name"]]


def test_an_image_whose_tag_says_nothing_is_built_each_time(zenml, project, docker):
    for _ in range(2):
        (made,) = shape(zenml, project({"image_tag": "v1"}), "--build")

    assert made["name"] == "zenml:v1"
    assert "since settings ask for it or name the tag" in made["why"]
    assert len(docker()) == 2


def test_nothing_is_built_of_an_image_that_is_used_as_it_is(zenml, project, docker):
    (made,) = shape(zenml, project({"skip_build": True, "parent_image": "ready:1"}), "--build")

    assert (made["name"], made["built"], made["code"]) == ("ready:1", False, None)


def test_without_an_engine_it_says_how_to_export(zenml, project, docker, monkeypatch):
    monkeypatch.setenv("FAKE_DOCKER_ENGINE", "none")

    result = zenml("pipeline", "image", project(), "--build")

    assert result.status == 1
    assert "zenml pipeline image PIPELINE --export FOLDER" in result.err


def test_an_export_has_all_that_an_engine_elsewhere_needs(zenml, project, tmp_path):
    file = project({"requirements": ["pandas"], "build_args": {"A": "x y"}})
    (tmp_path / "project" / ".env").write_text("PASSWORD=1")

    result = zenml("pipeline", "image", file, "--export", "project/out")

    assert result.status == 0, result.err
    written = sorted(
        path.relative_to(tmp_path / "project" / "out").as_posix()
        for path in (tmp_path / "project" / "out").rglob("*")
        if path.is_file()
    )
    assert [path.partition("-")[0] for path in written] == [
        *(".zenml", "code", "image/.zenml/requirements.txt", "image/.zenml/zenml_core", "image/Dockerfile"),
    ]
    assert "docker build --tag zenml:" in result.out
    assert "--build-arg 'A=x y' project/out/image" in result.out
    assert "left out, because they may hold secrets: .env" in result.out
    (after,) = shape(zenml, file)
    assert after["code"]["files"] == ["flow.py"]  # what was exported is no part of the project
    assert after["why"].startswith("it would not be built again")


def test_a_folder_that_holds_something_is_not_written_to(zenml, project, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()

    result = zenml("pipeline", "image", project(), "--export", "out")

    assert result.status == 1
    assert "is not empty" in result.err


def test_what_is_wrong_is_said_with_the_place_of_the_pipeline(zenml, project):
    result = zenml("pipeline", "image", project({"requirements": "gone.txt"}))

    assert result.status == 1
    assert "`requirements` of `settings.docker` of pipeline `flow` (flow.py:" in result.err


def test_settings_of_a_step_are_said_with_its_place(zenml, project):
    result = zenml("pipeline", "image", project(None, {"dockerfile": "gone"}))

    assert "`dockerfile` of `settings.docker` of step `train` (flow.py:" in result.err
