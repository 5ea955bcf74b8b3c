"""Isolated steps that compute for a second each, against bare forks that do the same work."""

import os
import sys
import time

from figures import fresh_store, report, time_of
from floors import fork_each

from zenml import pipeline, step


def compute(rounds: int) -> int:
    total = 0
    for i in range(rounds):
        total = (total * 31 + i) % 1_000_003
    return total


@step(runtime="isolated")
def busy(rounds: int, number: int) -> int:
    return compute(rounds) + number


@pipeline
def all_busy(rounds: int, n: int):
    for number in range(n):
        busy(rounds, number)


def rounds_for(seconds: float) -> int:
    """Return how many rounds one process alone does in this time."""
    probe, taken = 200_000, 0.0
    while taken < 0.1:
        probe *= 2
        begin = time.process_time()
        compute(probe)
        taken = time.process_time() - begin
    return int(probe * seconds / taken)


if __name__ == "__main__":
    count, length = int(sys.argv[1]), float(sys.argv[2])
    is_floor_first = sys.argv[3] == "1"
    rounds, cores = rounds_for(length), len(os.sched_getaffinity(0))
    fresh_store("computing")
    all_busy(rounds=1, n=1)  # what a process imports once is not what is measured
    calls = {
        "ours": lambda: all_busy(rounds=rounds, n=count),
        "floor": lambda: fork_each(lambda: compute(rounds), count, cores),
    }
    report(cores=cores, **{name: time_of(calls[name]) for name in sorted(calls, reverse=not is_floor_first)})
