"""docs/testing.md is true: its files are written as they stand there, and its tests run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.testing import Lab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    """Write the blocks of the page; those of one file follow each other."""
    for name, text in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        with open(tmp_path / name, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    return tmp_path


def test_its_tests_pass(project):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ZENML"))},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ZENML_CONFIG_PATH": str(project / "outside"),
    }
    plugin = "import importlib.metadata as m\nif not m.entry_points(group='pytest11', name='zenml'):\n"
    with open(project / "conftest.py", "a", encoding="utf-8") as file:  # this tree may not be installed anew
        file.write(f"{plugin}    pytest_plugins = ['zenml.testing.pytest_plugin']\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"],
        cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    written = "".join(path.read_text() for path in project.glob("test_*.py"))
    assert f"{written.count('def test_')} passed" in done.stdout, done.stdout + done.stderr
    assert not (project / "outside").exists()


def test_every_python_block_belongs_to_a_file():
    assert PAGE.count("```python\n") == len(re.findall(r"```python\n# \w+\.py\n", PAGE)) >= 8


def test_the_attributes_that_it_names_exist(zenml_lab):
    named = set(re.findall(r"`lab\.(\w+)", PAGE))

    assert named >= {"runs", "fake", "clock", "client", "store"}
    assert isinstance(zenml_lab, Lab)
    assert [name for name in named if not hasattr(zenml_lab, name)] == []
