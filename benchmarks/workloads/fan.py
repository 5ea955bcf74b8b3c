"""Many independent steps, and one that takes all their results."""

import sys

from figures import IS_DURABLE, bare_file, fresh_store, report, time_of
from floors import Recorded

from zenml import pipeline, step

AT_ONCE = 32


@step
def work(i: int) -> int:
    return i * 2


@step
def combine(parts: list[int]) -> int:
    return sum(parts)


@pipeline
def fan(n: int):
    combine([work(i) for i in range(n)])


if __name__ == "__main__":
    count = int(sys.argv[1])
    fresh_store("cold")
    cold = time_of(lambda: fan(n=count))
    root = fresh_store("warm")
    warm = time_of(lambda: fan(n=count))
    floor = Recorded(root).replay_executed(bare_file("fan.db"), is_durable=IS_DURABLE, together=AT_ONCE)
    report(cold=cold, warm=warm, floor=floor)
