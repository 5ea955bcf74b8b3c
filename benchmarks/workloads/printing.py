"""What printing 100 MB costs in a step, beside the same prints without one, in the same process."""

import os
import sys
import time

from figures import report

from zenml import pipeline, step
from zenml.views.logs import StepLogs

runtime, width, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def print_all() -> float:
    line = "x" * (width - 1)
    begin = time.perf_counter()
    for _ in range(lines):
        print(line)
    sys.stdout.flush()
    return time.perf_counter() - begin


@step(runtime=runtime, enable_cache=False)
def talk() -> float:
    return print_all()


@pipeline
def flow() -> None:
    talk()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=runtime == "isolated" or sys.stdout.isatty())
    floor = print_all()
    run = flow()
    ours = run.steps["talk"].output.load()
    logs = run.steps["talk"].logs
    assert isinstance(logs, StepLogs)
    assert os.path.getsize(logs.uri) >= 0.9 * width * lines
    begin = time.perf_counter()
    logs.tail(1000)
    tail = time.perf_counter() - begin
    begin = time.perf_counter()
    logs.head(1000)
    head = time.perf_counter() - begin
    report(ours=ours, floor=floor, ends=max(head, tail))
