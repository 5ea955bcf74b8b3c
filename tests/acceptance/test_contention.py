"""Many processes and threads use one store: no error, no lost run, no number or name given twice."""

import os
import subprocess
import sys

import pytest

from zenml.client import Client
from zenml.records.run import Artifact, Run

PROCESSES = int(os.environ.get("CONTENTION_PROCESSES", "16"))
RUNS = int(os.environ.get("CONTENTION_RUNS", "3"))
SECONDS = 120

WORK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated
from zenml import pipeline, step

@step(enable_cache=False)
def shared(x: int) -> Annotated[int, "shared"]:
    return x

@step
def same() -> Annotated[int, "same"]:
    with open(sys.argv[3], "a") as file:
        file.write("computed\\n")
    return 7

@pipeline
def busy(x: int):
    shared(x)
    same()

def work(first):
    for number in range(int(sys.argv[2])):
        busy(first + number)

if __name__ == "__main__":
    own = int(sys.argv[1]) * 100_000
    with ThreadPoolExecutor(int(sys.argv[4])) as pool:
        list(pool.map(work, range(own, own + 1000 * int(sys.argv[4]), 1000)))
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(WORK)
    return str(path)


def run_together(program, log, *, processes, threads):
    """Have processes do their runs at the same time, each in so many threads; return what each of them said."""
    started = [
        subprocess.Popen(
            [sys.executable, program, str(number), str(RUNS), str(log), str(threads)],
            stderr=subprocess.PIPE,
            env={**os.environ, "ZENML_QUIET": "1"},
            text=True,
        )
        for number in range(processes)
    ]
    said = [process.communicate(timeout=SECONDS)[1] for process in started]
    assert [process.returncode for process in started] == [0] * processes, said
    return said


def check_records(count):
    """Nothing is lost and nothing was given twice."""
    store = Client().store
    runs = store.select(Run)
    assert len(runs) == count
    assert {run.status for run in runs} == {"completed"}
    assert len({run.name for run in runs}) == count
    versions = [one.version for one in store.select(Artifact, name="shared")]
    assert sorted(versions) == list(range(1, count + 1))


def test_processes_that_open_a_fresh_store_at_once(zenml_store, program, tmp_path):
    """The first of them makes the database; all of them run, and the same work is done once."""
    log = tmp_path / "computed"

    said = run_together(program, log, processes=PROCESSES, threads=1)

    assert said == [""] * PROCESSES
    check_records(PROCESSES * RUNS)
    assert log.read_text().splitlines() == ["computed"]


def test_processes_with_threads(zenml_store, program, tmp_path):
    log = tmp_path / "computed"

    said = run_together(program, log, processes=4, threads=8)

    assert said == [""] * 4
    check_records(4 * 8 * RUNS)
    assert log.read_text().splitlines() == ["computed"]
