"""A chain of very many steps in one run: whether the last ones cost more than the first ones."""

import os
import sqlite3
import sys

from figures import fresh_store, peak_memory, report, time_of

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


def span(root: str, first: int, last: int) -> float:
    """Return the seconds from the end of one step to the end of another, as recorded."""
    connection = sqlite3.connect(os.path.join(root, "store.db"))
    ends = [row[0] for row in connection.execute("SELECT ended_at FROM step_runs ORDER BY ended_at")]
    connection.close()
    return (ends[last] - ends[first]) / 1e6


if __name__ == "__main__":
    count, part = int(sys.argv[1]), int(sys.argv[2])
    fresh_store("warm-up")
    chain(n=10)
    root = fresh_store("many")
    total = time_of(lambda: chain(n=count))
    report(
        total=total,
        executing=span(root, 0, count - 1),
        first=span(root, 0, part - 1),
        last=span(root, count - part, count - 1),
        megabytes=peak_memory(),
    )
