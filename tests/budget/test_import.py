"""Importing the decorators, and declaring with them, loads next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

MOST_MODULES = 80
HEAVY = (
    "asyncio",
    "click",
    "httpx",
    "logging.config",
    "msgspec",
    "numpy",
    "pandas",
    "psycopg",
    "pydantic",
    "rich",
)

IMPORT = "from zenml import step, pipeline\n"
DECLARE = (
    IMPORT
    + '''
@step
def load(rows: int = 10) -> list[int]:
    """Return rows."""
    return list(range(rows))

@step(enable_cache=False, name="total", settings={"alerter": {"a": 1}})
def add(numbers: list[int]) -> int:
    return sum(numbers)

@pipeline(tags=["nightly"], enable_cache=True)
def nightly(rows: int = 3):
    add(load(rows))

other = nightly.with_options(run_name="tonight")
add.configure(enable_cache=True)
'''
)


@cache
def modules_after(code: str) -> frozenset[str]:
    """Return what a process has loaded after some code, as a user's process without our test tools."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZENML_", "COV"))
    }
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return frozenset(done.stdout.split())


@pytest.mark.parametrize("code", [IMPORT, DECLARE], ids=["import", "declare"])
def test_import_and_declaration_load_few_modules(code: str) -> None:
    added = modules_after(code) - modules_after("")

    assert len(added) <= MOST_MODULES, sorted(added)


@pytest.mark.parametrize("code", [IMPORT, DECLARE], ids=["import", "declare"])
@pytest.mark.parametrize("name", HEAVY)
def test_import_and_declaration_leave_heavy_modules_alone(name: str, code: str) -> None:
    loaded = modules_after(code)

    assert name not in loaded


@pytest.mark.parametrize("code", [IMPORT, DECLARE], ids=["import", "declare"])
def test_import_and_declaration_touch_no_part_that_runs(code: str) -> None:
    """The layers below declaration are loaded when a run starts."""
    parts = {name.split(".")[1] for name in modules_after(code) if name.startswith("zenml.")}

    assert parts <= {"config", "context", "declare", "errors"}


def test_import_writes_nothing(tmp_path: Path) -> None:
    """Nothing happens at import: no store, no folder, no cache beside bytecode."""
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "ZENML_CONFIG_PATH": str(tmp_path / "store"),
        "XDG_DATA_HOME": "",
    }

    subprocess.run([sys.executable, "-c", DECLARE], env=env, cwd=tmp_path, check=True)

    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_file_loads_no_yaml(tmp_path: Path) -> None:
    code = f"import os\nos.environ['ZENML_CONFIG_PATH'] = {str(tmp_path / 'store')!r}\n" + DECLARE
    loaded = modules_after(code + "nightly()\nnightly.with_options(enable_cache=False)()\n")

    assert "zenml.execute.engine" in loaded
    assert not {"yaml", "cronsim", "zenml.config.run_file"} & loaded
