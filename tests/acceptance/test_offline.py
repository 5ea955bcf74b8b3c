"""Nothing asks the network: not the import, not a run, not looking at it."""

import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import sys
asked = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        if not (event == "socket.connect" and isinstance(arguments[1], (str, bytes))):  # a socket of this machine
            asked.append((event, str(arguments)))
sys.addaudithook(hear)

from zenml import pipeline, step
from zenml.client import Client

@step
def load() -> list[int]:
    return [1, 2]

@step(runtime="isolated")
def total(xs: list[int]) -> int:
    return sum(xs)

@pipeline(dynamic=True)
def flow():
    return total(load.submit())

if __name__ == "__main__":
    run = flow()
    assert run.outputs[0].load() == 3
    assert Client().get_pipeline_run(run.id).status == "completed"
    assert asked == [], asked
    print("done")
"""


def environment(tmp_path):
    return {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "store"), "ZENML_QUIET": "1"}


def test_no_process_of_a_run_asks_the_network(tmp_path):
    (tmp_path / "flow.py").write_text(PROGRAM)

    done = subprocess.run(
        [sys.executable, "flow.py"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "done\n", done.stderr


def without_network():
    """Return the words that run a command where there is no network, None where that is not allowed."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    return None


def test_everything_works_where_there_is_no_network(tmp_path):
    words = without_network()
    if words is None:
        pytest.skip("network namespaces are not allowed here")
    (tmp_path / "flow.py").write_text(PROGRAM)
    for command in (
        ["flow.py"],
        ["-m", "zenml.cli.main", "run", "show", "latest"],
        ["-m", "zenml.cli.main", "doctor"],
    ):
        program = [sys.executable, *command]
        if command[0] == "-m":
            program = [
                sys.executable,
                "-c",
                "import sys; from zenml.cli.main import main; main()",
                *command[2:],
            ]
        done = subprocess.run(
            [*words, *program],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
