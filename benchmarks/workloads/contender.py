"""One of many processes on one store: several runs of three steps, begun when the parent says so."""

import sys

from figures import time_of

from zenml import pipeline, step


@step(enable_cache=False)
def start(i: int) -> int:
    return i


@step(enable_cache=False)
def increment(x: int) -> int:
    return x + 1


@pipeline
def three(i: int):
    increment(increment(start(i)))


def all_runs(count: int) -> None:
    for i in range(count):
        three(i=i)


if __name__ == "__main__":
    three(i=-1)  # opens the store, so that only the contention is measured
    print("ready", flush=True)
    sys.stdin.readline()
    print(time_of(lambda: all_runs(int(sys.argv[1]))), flush=True)
