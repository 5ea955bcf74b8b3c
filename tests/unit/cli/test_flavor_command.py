"""A flavor from the template: it can be installed, is found, and its methods are those of the interface."""

import inspect
import json
import subprocess
import sys

import pytest

from zenml.components.kinds import INTERFACES

ASK = """
import importlib, inspect, json, sys
from zenml.components.registry import flavor_names, load_flavor
kind, interface = sys.argv[1:]
module, _, name = interface.partition(":")
base = getattr(importlib.import_module(module), name)
flavor = load_flavor(kind, "my-own")
print(json.dumps({
    "names": flavor_names(kind),
    "first": flavor.docs.splitlines()[0],
    "missing": sorted(flavor.component.__abstractmethods__),
    "is_one": issubclass(flavor.component, base),
}))
"""


def install(folder, target):
    """Install a package into a folder, without a network."""
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
    done = subprocess.run([*command, "--target", target, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", INTERFACES)
def test_a_new_flavor_is_whole(zenml, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    command = kind.replace("_", "-")

    result = zenml("flavor", "new", command, "my-own", "--json")

    written = json.loads(result.out)
    assert written["files"] == ["pyproject.toml", f"my_own_{kind}.py", f"tests/test_my_own_{kind}.py"]
    lint = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--line-length",
        "110",
        "--select",
        "E,F,I,UP",
        ".",
    ]
    checked = subprocess.run(lint, cwd=written["folder"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", ["alerter", "experiment_tracker", "image_builder", "step_operator"])
def test_the_check_of_a_new_flavor_asks_for_its_methods_and_nothing_else(zenml, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    folder = f"my-own-{kind.replace('_', '-')}"
    zenml("flavor", "new", kind.replace("_", "-"), "my-own")
    install(f"./{folder}", "installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))

    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert done.returncode == 1
    assert "NotImplementedError" in done.stdout
    assert "TypeError" not in done.stdout


@pytest.mark.parametrize("kind", ["alerter", "step_operator"])
def test_an_installed_one_is_found_by_its_entry_point(zenml, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    zenml("flavor", "new", kind.replace("_", "-"), "my-own")
    install(f"./my-own-{kind.replace('_', '-')}", "installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))

    asked = [sys.executable, "-c", ASK, kind, INTERFACES[kind]]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)

    said = json.loads(done.stdout)
    assert "my-own" in said["names"]
    assert said["missing"] == []
    assert said["is_one"]
    assert said["first"].endswith("with NAME OF THE SERVICE.")


@pytest.mark.parametrize("name", ["Upper", "two words", "1st", "ü", "a.b"])
def test_names_that_no_module_can_have_are_refused(zenml, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)

    result = zenml("flavor", "new", "alerter", name)

    assert result.status == 2
    assert "no name for a flavor" in result.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(zenml, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zenml("flavor", "new", "alerter", "own")
    (tmp_path / "own-alerter" / "own_alerter.py").write_text("mine")

    result = zenml("flavor", "new", "alerter", "own")

    assert result.status == 2
    assert "is there already" in result.err
    assert (tmp_path / "own-alerter" / "own_alerter.py").read_text() == "mine"


def test_every_interface_has_a_check():
    from importlib import import_module

    for target in INTERFACES.values():
        module = import_module(f"zenml.components.{target.partition(':')[0].rpartition('.')[2]}_check")
        assert module.CHECKS
        assert all(inspect.getdoc(check) for check in module.CHECKS)
