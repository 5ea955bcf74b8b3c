"""The image builder `docker`, with a fake of the program; with the real one where it has no engine."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from zenml.components.flavor import Place
from zenml.components.image_builder_check import CHECKS, Subject
from zenml.components.registry import load_flavor, open_component
from zenml.errors import ComponentError
from zenml.flavors.docker_image_builder import DockerImageBuilderConfig

FAKE = os.path.join(os.path.dirname(__file__), "fake_docker.py")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """The path of a fake `docker`."""
    monkeypatch.setenv("FAKE_DOCKER_HOME", str(tmp_path / "docker"))
    path = tmp_path / "bin" / "docker"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {FAKE} "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return str(folder)


def builder(executable, **config):
    flavor = load_flavor("image_builder", "docker")
    config = DockerImageBuilderConfig(executable=executable, **config)
    return open_component(flavor, config, Place(name="images", folder=""))


def commands(tmp_path):
    return [json.loads(line) for line in (tmp_path / "docker" / "commands").read_text().splitlines()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_docker_image_builder_conforms(check, fake):
    check(lambda: Subject(builder(fake), "localhost:5000/team/check"))


def test_options_of_plan_and_builder_become_flags(fake, context, tmp_path):
    subject = builder(fake, use_buildx=True, platform="linux/arm64", build_args=("--pull",))

    subject.build(context, "a:1", options={"no-cache": "", "build-arg": ("A=1", "B=x y")})
    subject.build(context, "a:1", options={"platform": "linux/amd64"})

    first, second = commands(tmp_path)
    file = ["--tag", "a:1", "--file", os.path.join(context, "Dockerfile")]
    assert first == [
        *("buildx", "build", "--load", *file, "--no-cache", "--build-arg", "A=1", "--build-arg", "B=x y"),
        *("--platform", "linux/arm64", "--pull", context),
    ]
    assert second[:-2] == ["buildx", "build", "--load", *file, "--platform", "linux/amd64"]


@pytest.mark.parametrize("verb", ["build", "has", "push"])
def test_without_an_engine_it_says_how_to_do_without(fake, context, verb, monkeypatch):
    monkeypatch.setenv("FAKE_DOCKER_ENGINE", "none")
    arguments = (context, "a:1") if verb == "build" else ("a:1",)

    with pytest.raises(ComponentError) as refused:
        getattr(builder(fake), verb)(*arguments)

    for words in ("`a:1`", "`images`", "No engine answers", "zenml pipeline image PIPELINE --export FOLDER"):
        assert words in str(refused.value)


def test_without_the_program_it_says_how_to_do_without():
    with pytest.raises(
        ComponentError, match=r"`/no/docker` of the image builder `images` cannot be run: No such"
    ):
        builder("/no/docker").has("a:1")


def test_the_real_program_without_an_engine_is_understood():
    program = shutil.which("docker")
    if program is None or subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0:
        pytest.skip("there is no `docker`, or it has an engine")

    with pytest.raises(ComponentError, match="No engine answers"):
        builder(program).has("zenml-check:never")


def test_a_build_that_takes_too_long_is_ended(fake, context, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv("FAKE_DOCKER_ENGINE", "hangs")
    monkeypatch.setenv("FAKE_DOCKER_FIFO", str(tmp_path / "fifo"))

    with pytest.raises(ComponentError, match=r"took longer than 0\.5 s and was ended\. Raise its `timeout`"):
        builder(fake, timeout=0.5).build(context, "a:1")
