"""What the scripts of a lab import: leave traces, hand values to the test, wait for others."""

import json
import os
import time

DEADLINE = 30.0


def mark(name, **details):
    """Leave a line in the trace: user code really ran, here and now."""
    _append("LAB_TRACE", {"mark": name, "time": time.monotonic(), "pid": os.getpid(), **details})


def fact(**values):
    """Hand values to the test."""
    _append("LAB_FACTS", values)


def marks(name):
    """Return the traces of this name, of all processes of the lab so far."""
    return [line for line in read(os.environ["LAB_TRACE"]) if line["mark"] == name]


def wait_until(condition, what="a condition"):
    """Return the first true answer of `condition`; raise after a long time."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.005)
    raise TimeoutError(f"{what} did not come in {DEADLINE} s")


def wait_for_mark(name, count=1):
    """Return when the trace holds `count` lines of this name."""
    return wait_until(lambda: len(marks(name)) >= count, f"mark {name}, {count} of them")


def hang():
    """Wait for somebody to end this code, in naps that signals can interrupt; give up after a long time."""
    end = time.monotonic() + 4 * DEADLINE
    while time.monotonic() < end:
        time.sleep(0.02)


def outcome(function):
    """Call a function; return what it raised, or None."""
    try:
        function()
    except BaseException as error:
        return error
    return None


def statuses(run):
    """Return the status of each step of a run."""
    return {name: str(step.status) for name, step in run.steps.items()}


def value(run, step):
    """Return the value of the only output of a step."""
    return run.steps[step].output.load()


def last_run():
    """Return the newest run of the store."""
    from zenml.client import Client

    return Client().list_pipeline_runs(size=1).items[0]


def read(path):
    """Return the lines of a trace; a line that is being written does not count yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def _append(variable, values):
    data = (json.dumps(values, default=str) + "\n").encode()
    file = os.open(os.environ[variable], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
