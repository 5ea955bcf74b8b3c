"""`zenml store`: check, backup and restore as people and programs see them."""

import json
import os

import pytest
from click.testing import CliRunner

from zenml import pipeline, step
from zenml.cli.main import cli
from zenml.client import Client


@step
def large() -> bytes:
    return b"x" * 200_000


@pipeline
def flow():
    return large()


@pytest.fixture
def root(zenml_store):
    flow()
    return Client().store.root


def zenml(*words, status=0):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == status, done.output
    return done.output


def test_a_whole_store(root):
    assert "1 artifact" in zenml("store", "check")
    assert "all are what was written" in zenml("store", "check")


def test_a_damaged_artifact_is_named(root):
    for at, _, names in os.walk(os.path.join(root, "artifacts")):
        for name in names:
            if name != "manifest.json":
                os.chmod(os.path.join(at, name), 0o600)
                os.truncate(os.path.join(at, name), 3)

    assert "of step `large`" in zenml("store", "check", status=1)
    found = json.loads(zenml("store", "check", "--json", status=1))
    assert not found["is_whole"]
    assert (found["damaged"][0]["step"], found["artifacts"]) == ("large", 1)


def test_backup_and_restore(root, tmp_path):
    made = json.loads(zenml("store", "backup", str(tmp_path / "copy"), "--json"))
    flow.with_options(enable_cache=False)()
    assert Client().list_pipeline_runs().total == 2

    put = json.loads(zenml("store", "restore", str(tmp_path / "copy"), "--json"))

    assert put["made_at"] == made["made_at"]
    assert os.path.isdir(put["kept"])
    assert Client().list_pipeline_runs().total == 1


def test_restoring_asks_first(root, tmp_path):
    zenml("store", "backup", str(tmp_path / "copy"))

    done = CliRunner().invoke(cli, ["store", "restore", str(tmp_path / "copy")], input="n\n")

    assert done.exit_code == 1
    assert Client().list_pipeline_runs().total == 1
    assert not [name for name in os.listdir(os.path.dirname(root)) if "before" in name]
