"""A chain of steps that hand over a number: first run in the process, again on a fresh store, then cached."""

import sys

from figures import IS_DURABLE, bare_file, fresh_store, report, time_of
from floors import Recorded, call_chain

from zenml import pipeline, step


@step
def start() -> int:
    return 0


@step
def increment(x: int) -> int:
    return x + 1


@pipeline
def chain(n: int):
    x = start()
    for _ in range(n - 1):
        x = increment(x)


if __name__ == "__main__":
    count = int(sys.argv[1])
    fresh_store("cold")
    cold = time_of(lambda: chain(n=count))
    root = fresh_store("warm")
    warm = time_of(lambda: chain(n=count))
    executed = Recorded(root)
    cached = time_of(lambda: chain(n=count))
    hits = Recorded(root)
    report(
        cold=cold,
        warm=warm,
        cached=cached,
        calls=call_chain(increment.entrypoint, count),
        executed_floor=executed.replay_executed(bare_file("executed.db"), is_durable=IS_DURABLE),
        cached_floor=hits.replay_cached(bare_file("cached.db"), is_durable=IS_DURABLE),
        statuses=[executed.statuses(), hits.statuses()],
    )
