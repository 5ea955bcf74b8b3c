"""What hooks ask of the database, and that a run without hooks asks and loads nothing for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_statements import Asked, asked, counted

from zenml import pipeline, step
from zenml.store.database import Database

__all__ = ["asked"]

STATEMENTS_A_HOOK = 2
"""Its row, and what became of it."""


@step(enable_cache=False)
def work(x: int) -> int:
    return x


@pipeline
def chain(n: int) -> None:
    x = 0
    for _ in range(n):
        x = work(x)


def hook() -> None: ...


hooked = chain.with_options(on_success=hook)


def test_a_run_without_hooks_never_names_their_table(asked: Asked, store: Database) -> None:
    chain(n=3)
    asked.all.clear()

    chain(n=3)

    assert [text for text in asked.all if "hook_runs" in text] == []


@pytest.mark.parametrize("n", [1, 10])
def test_a_hook_is_two_statements_and_one_transaction(store: Database, n: int) -> None:
    chain(n=n)
    hooked(n=n)
    plain = counted(store, lambda: chain(n=n))

    with_hooks = counted(store, lambda: hooked(n=n))

    assert with_hooks[0] - plain[0] <= STATEMENTS_A_HOOK * n
    assert with_hooks[1] - plain[1] <= n + 1, "one for each hook, and one for the end of the run"


def test_a_run_without_hooks_loads_no_module_for_them(tmp_path: Path) -> None:
    code = """
from zenml import pipeline, step

@step
def work() -> int:
    return 1

@pipeline
def flow():
    work()

flow()
import sys
print(*(name for name in sys.modules if name.startswith("zenml.") and "hook" in name))
"""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path)}
    loaded = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()

    assert set(loaded) <= {"zenml.compile.hook_options", "zenml.records.hooks"}
