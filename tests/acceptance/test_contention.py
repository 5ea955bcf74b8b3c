"""Many processes and threads use one store: no error, no lost run, no number or name given twice."""

import os
import subprocess
import sys
import threading

import pytest

from zenml.client import Client
from zenml.records.run import Artifact, Run

PROCESSES = int(os.environ.get("CONTENTION_PROCESSES", "8"))
RUNS = int(os.environ.get("CONTENTION_RUNS", "4"))
SECONDS = 120

WORK = """
import sys
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

if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        busy(int(sys.argv[1]) * 1000 + number)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(WORK)
    return str(path)


def test_processes_that_open_a_fresh_store_at_once(zenml_store, program, tmp_path):
    """The first of them makes the database; all of them run, and the same work is done once."""
    log = tmp_path / "computed"
    processes = [
        subprocess.Popen(
            [sys.executable, program, str(number), str(RUNS), str(log)],
            stderr=subprocess.PIPE,
            env={**os.environ, "ZENML_QUIET": "1"},
            text=True,
        )
        for number in range(PROCESSES)
    ]
    said = [process.communicate(timeout=SECONDS)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * PROCESSES, said
    store = Client().store
    runs = store.select(Run)
    assert len(runs) == PROCESSES * RUNS
    assert {run.status for run in runs} == {"completed"}
    assert len({run.name for run in runs}) == len(runs)
    versions = [one.version for one in store.select(Artifact, name="shared")]
    assert sorted(versions) == list(range(1, PROCESSES * RUNS + 1))
    assert log.read_text().splitlines() == ["computed"]


def test_threads_of_one_process(zenml_store, program, tmp_path, monkeypatch):
    import runpy

    monkeypatch.setattr(sys, "argv", [program, "0", "0", str(tmp_path / "computed")])
    busy = runpy.run_path(program)["busy"]
    problems = []

    def work(number):
        try:
            for turn in range(RUNS):
                busy(number * 1000 + turn)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert problems == []
    store = Client().store
    assert {run.status for run in store.select(Run)} == {"completed"}
    assert sorted(one.version for one in store.select(Artifact, name="shared")) == list(
        range(1, 8 * RUNS + 1)
    )
    assert (tmp_path / "computed").read_text().splitlines() == ["computed"]
