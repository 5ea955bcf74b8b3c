"""The command itself, as a process: what a person does in a terminal and a script relies on."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

ZENML = (os.path.join(os.path.dirname(sys.executable), "zenml"),)
FEATURES = """
THRESHOLD = 0.5

def clean(values):
    return [value for value in values if value > THRESHOLD]
"""
FLOW = """
import os, time
from features import clean
from zenml import pipeline, step

@step
def load(count: int = 4) -> list[float]:
    return [number / count for number in range(count)]

@step
def train(data: list[float], rate: float) -> float:
    print("training")
    return rate * len(clean(data))

@step(runtime="isolated")
def report(score: float) -> str:
    print("in process", os.getpid())
    return f"score {score}"

@step
def nap(marker: str) -> int:
    open(marker, "w").close()
    time.sleep(60)
    return 1

@pipeline
def train_pipeline(rate: float = 1.0):
    report(train(load(), rate))

@pipeline
def sleepy(marker: str):
    nap(marker)

if __name__ == "__main__":
    raise SystemExit("this block must not run")
"""


class Place:
    """A folder with a project and a store."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ZENML_")},
            "ZENML_CONFIG_PATH": str(folder / "store"),
        }
        self.write("features.py", FEATURES, age=100)
        self.write("flow.py", FLOW, age=100)

    def write(self, name, text, *, age):
        """Write a file as if that had been some seconds ago: before the process that runs it began."""
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (time.time() - age, time.time() - age))

    def start(self, *args, **options):
        return subprocess.Popen(
            [*ZENML, *args],
            cwd=self.folder,
            env=self.env,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def zenml(self, *args):
        process = self.start(*args)
        process.out, process.err = process.communicate(timeout=60)
        return process


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_run_edit_a_helper_and_ask_why(place):
    first = place.zenml("pipeline", "run", "flow.py:train_pipeline", "--name", "first")
    again = place.zenml("pipeline", "run", "flow.train_pipeline", "--name", "again")
    place.write("features.py", FEATURES.replace("0.5", "0.7").replace("value >", "value >="), age=50)
    edited = place.zenml("pipeline", "run", "flow:train_pipeline", "--name", "edited")

    assert [first.returncode, again.returncode, edited.returncode] == [0, 0, 0], first.err + edited.err
    assert "3 cached" in again.err
    answer = place.zenml("step", "why", "edited", "train").out
    assert "was executed because 2 things changed" in answer
    assert "`clean()` in features.py:4 changed" in answer
    assert "-    return [value for value in values if value > THRESHOLD]" in answer
    assert "+    return [value for value in values if value >= THRESHOLD]" in answer
    assert "`THRESHOLD` = 0.5 → 0.7" in answer
    assert "cached from step `load` of run `first`" in place.zenml("step", "why", "edited", "load").out
    assert place.zenml("logs", "first", "report").out.startswith("in process ")


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (signal.SIGINT, 130, "interrupted from the keyboard"),
        (signal.SIGTERM, 143, "asked to end by SIGTERM"),
    ],
)
def test_a_signal_ends_the_run_in_good_order(place, number, status, reason):
    process = _start_sleeping(place)

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == status
    run = json.loads(place.zenml("run", "show", "sleepy", "--json").out)
    assert (run["status"], run["reason"]) == ("stopped", reason)


def test_a_killed_run_is_noticed_by_status(place):
    process = _start_sleeping(place)

    process.kill()
    process.communicate(timeout=30)

    assert "marked interrupted: `sleepy`" in place.zenml("status").out
    assert json.loads(place.zenml("run", "show", "sleepy", "--json").out)["status"] == "interrupted"


def test_a_reader_that_goes_away_is_no_error(place):
    place.write("long_flow.py", "from zenml import pipeline, step\n\n@step\ndef talk() -> int:\n"
                "    print('x' * 2_000_000)\n    return 1\n\n@pipeline\ndef talking():\n    talk()\n", age=100)  # fmt: skip
    place.zenml("pipeline", "run", "long_flow.py", "--name", "talking")
    process = place.start("logs", "talking")

    process.stdout.read(1)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()

    assert (process.wait(timeout=30), error) == (0, "")


def test_colours_are_for_terminals_only_and_can_be_switched_off(place):
    place.zenml("pipeline", "run", "flow:train_pipeline")

    assert "\x1b[32m" in _in_terminal(place, "run", "list")
    assert "\x1b[" not in place.zenml("run", "list").out
    place.env["NO_COLOR"] = "1"
    assert "\x1b[" not in _in_terminal(place, "run", "list")


def test_the_module_is_the_command_too(place):
    done = subprocess.run(
        [sys.executable, "-m", "zenml", "version", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env=place.env,
    )

    assert json.loads(done.stdout).keys() == {"version", "python"}


def _start_sleeping(place):
    """Start a run and return when its step sleeps."""
    marker = place.folder / "marker"
    process = place.start("pipeline", "run", "flow:sleepy", "--param", f"marker={marker}", "--name", "sleepy")
    deadline = time.monotonic() + 30
    while not marker.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def _in_terminal(place, *args):
    """Run a command whose standard output is a terminal; return what it shows."""
    ours, theirs = pty.openpty()
    process = place.start(*args, stdout=theirs)
    process.communicate(timeout=30)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    return shown
