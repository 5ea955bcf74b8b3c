"""The fixtures as a user gets them: through the entry point, in a pytest of their own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = """
import os, subprocess, sys
import pytest
from zenml import pipeline, step
from zenml.client import Client
from zenml.store.opening import open_store

@step
def one() -> int:
    return 1

@pipeline
def flow():
    one()

@pytest.mark.parametrize("number", range(3))
def test_lab(zenml_lab, number):
    assert flow().steps["one"].status == "completed"

@pytest.mark.parametrize("number", range(3))
def test_store(zenml_store, number, tmp_path):
    assert flow().steps["one"].status == "completed"
    assert os.environ["ZENML_CONFIG_PATH"] == str(zenml_store)
    assert zenml_store.is_relative_to(tmp_path) and (zenml_store / "store.db").exists()
    code = "from zenml.client import Client; print(len(Client().list_pipeline_runs()))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\\n"

def test_the_environment_is_as_before():
    assert os.environ["ZENML_CONFIG_PATH"] == "outside"
    assert "ZENML_DURABILITY" not in os.environ

def test_nothing_of_ours_stays_open():
    from zenml.store import opening, owners
    assert opening._open == {} and owners._leases.keys() <= {":memory:"}
"""


@pytest.fixture
def run_pytest(tmp_path):
    """Run pytest in a folder of its own, with this package installed as its metadata says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / "zenml_core_of_a_test-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zenml-core-of-a-test\nVersion: 1\n")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    folder = tmp_path / "project"
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ZENML", "PYTEST"))}
    environment |= {"PYTHONPATH": f"{info.parent}:{ROOT / 'src'}", "ZENML_CONFIG_PATH": "outside"}

    def run(text, *options):
        (folder / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_fixtures(run_pytest, options):
    done = run_pytest(TESTS, *options)

    assert "8 passed" in done.stdout, done.stdout + done.stderr


def test_they_are_listed_with_what_they_are_for(run_pytest):
    shown = run_pytest("", "--fixtures").stdout

    assert "zenml_lab" in shown
    assert "zenml_store" in shown
    assert "A lab: a store in memory" in shown


def test_unused_it_loads_nothing(run_pytest):
    done = run_pytest(
        "import sys\ndef test_it():\n    print('LOADED', *[name for name in sys.modules if 'zenml' in name])\n",
        "-s",
    )

    (line,) = [line for line in done.stdout.splitlines() if "LOADED" in line]
    assert set(line.split("LOADED ")[1].split()) <= {
        "zenml", "zenml.testing", "zenml.testing.pytest_plugin",
    }  # fmt: skip
    assert "zenml.testing.pytest_plugin" in line


def test_importing_the_package_does_not_import_the_kit():
    code = "import sys, zenml\nfrom zenml import step, pipeline\nprint([name for name in sys.modules if 'testing' in name])"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
