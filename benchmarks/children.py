"""Child processes: a clean environment, a fresh store, and the figures a workload reports.

A benchmark measures what a user's process does, so every workload is a process of its own. Its
environment is the caller's without anything that changes how Python or the package works;
`PYTHONDONTWRITEBYTECODE` above all, which would have every process compile all sources again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
WORKLOADS = os.path.join(HERE, "workloads")
TIME_LIMIT = 600


class ChildError(Exception):
    """A child did not do its work; the message holds the end of what it said."""


@dataclass(frozen=True)
class Done:
    """A child that did its work."""

    seconds: float
    """From before its start until after its end, as its parent saw it."""
    figures: dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZENML_"))}
    return {**kept, **more}


@contextmanager
def fresh_folder() -> Iterator[str]:
    """Make an empty folder, which goes when the block ends."""
    folder = tempfile.mkdtemp(prefix="zenml-bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_workload(script: str, *arguments: object, **variables: str) -> Done:
    """Run a script of `workloads/` in a fresh folder with a fresh store; return what it reported."""
    with fresh_folder() as folder:
        result = os.path.join(folder, "result.json")
        env = workload_environment(folder, result, **variables)
        command = [sys.executable, os.path.join(WORKLOADS, f"{script}.py"), *map(str, arguments)]
        seconds = time_command(command, env, folder)
        figures: dict[str, Any] = {}
        if os.path.exists(result):
            with open(result, encoding="utf-8") as file:
                figures = json.load(file)
        return Done(seconds, figures)


def workload_environment(folder: str, result: str, **variables: str) -> dict[str, str]:
    """Return the environment of a workload: its store, where it reports to, and the way to the floors."""
    return environment(
        ZENML_CONFIG_PATH=os.path.join(folder, "store"),
        BENCH_FOLDER=folder,
        BENCH_RESULT=result,
        PYTHONPATH=HERE,
        **variables,
    )


def time_command(command: list[str], env: dict[str, str], folder: str | None = None) -> float:
    """Run a command to its end; return the seconds it took. What it prints goes to a file."""
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=output, stderr=output)
        # Not `wait(timeout)`: that looks again after 7.5, 15.5, 31.5, 63.5 ms, and so rounds up to those.
        guard = threading.Timer(TIME_LIMIT, process.kill)
        guard.start()
        code = process.wait()
        seconds = time.perf_counter() - begin
        guard.cancel()
        if code != 0:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
            raise ChildError(f"{' '.join(command[1:])} left with {code}: {said[-600:]}")
    return seconds


def time_code(code: str) -> float:
    """Run a line of Python in a process of its own; return the seconds it took."""
    return time_command([sys.executable, "-c", code], environment())


def output_of(code: str) -> str:
    """Run a line of Python in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    return done.stdout.strip()
