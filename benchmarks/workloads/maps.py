"""A map of very many elements that do nothing: whether the last ones cost more than the first ones."""

import os
import sqlite3
import sys

from figures import IS_DURABLE, bare_file, fresh_store, peak_memory, report, time_of
from floors import Recorded

from zenml import pipeline, step


@step
def nothing(i: int) -> int:
    return i


@pipeline(dynamic=True, enable_cache=False)
def mapped(n: int):
    nothing.map(range(n))


@pipeline(dynamic=True, enable_cache=False)
def mapped_lazily(n: int):
    nothing.map(i for i in range(n))


@pipeline(dynamic=True)
def mapped_again(n: int):
    nothing.map(range(n))


def span(root: str, first: int, last: int) -> float:
    """Return the seconds from the end of one element to the end of another, as recorded."""
    connection = sqlite3.connect(os.path.join(root, "store.db"))
    ends = [row[0] for row in connection.execute("SELECT ended_at FROM step_runs ORDER BY ended_at")]
    connection.close()
    return (ends[last] - ends[first]) / 1e6


if __name__ == "__main__":
    count, part = int(sys.argv[1]), int(sys.argv[2])
    fresh_store("warm-up")
    mapped(n=100)
    root = fresh_store("many")
    total = time_of(lambda: mapped(n=count))
    peak = peak_memory()
    first, last = span(root, 0, part - 1), span(root, count - part, count - 1)
    figures = {}
    if count <= 10_000:
        figures["floor"] = Recorded(root).replay_executed(bare_file("many.db"), is_durable=IS_DURABLE)
        fresh_store("one")
        figures["one"] = time_of(lambda: mapped.with_options(max_parallelism=1)(n=count))
        fresh_store("lazily")
        figures["lazily"] = time_of(lambda: mapped_lazily(n=count))
        fresh_store("again")
        mapped_again(n=count)
        figures["cached"] = time_of(lambda: mapped_again(n=count))
    report(total=total, first=first, last=last, megabytes=peak, **figures)
