"""User stories run as scripts: see `kit/lab.py`."""

import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))

from lab import Lab


def pytest_generate_tests(metafunc):
    """Run the tests that are marked with `on_team_store` on PostgreSQL too; with TEAM_STORE=1 all of them, and there only."""
    if "lab" not in metafunc.fixturenames:
        return
    if os.environ.get("TEAM_STORE"):
        metafunc.parametrize("store_kind", ["postgresql"], indirect=True)
    elif metafunc.definition.get_closest_marker("on_team_store") is not None:
        metafunc.parametrize("store_kind", ["file", "postgresql"], indirect=True)


@pytest.fixture
def store_kind(request):
    """What a lab has its records in."""
    return getattr(request, "param", "file")


@pytest.fixture
def lab(request, tmp_path, store_kind):
    address = request.getfixturevalue("team_address") if store_kind == "postgresql" else None
    made = Lab(tmp_path, address)
    yield made
    made.close()


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory):
    """The folder into which a package with flavors of other people is installed."""
    kit = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("kitchen")
    shutil.copytree(os.path.join(kit, "kitchen"), source, dirs_exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "--target", str(target), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def with_kitchen(lab, kitchen, monkeypatch):
    """A lab whose programs, and this process, have that package; its alerter is that of the active stack."""
    shutil.copytree(kitchen, lab.folder, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(lab.folder))
    client = lab.client()
    client.create_stack_component("bell", "marker", "alerter")
    client.create_stack("tested", {"alerter": "bell"})
    client.activate_stack("tested", everywhere=True)
    return lab
