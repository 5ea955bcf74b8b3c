"""Steps in processes of their own that do nothing: the first one of a process, and further ones."""

import itertools
import os
import sqlite3
import statistics
import sys

from figures import fresh_store, report, time_of
from floors import fork_and_answer

from zenml import pipeline, step


@step(runtime="isolated")
def isolated(x: int) -> int:
    return x + 1


@step
def inline(x: int) -> int:
    return x + 1


@pipeline
def apart(n: int):
    x = 0
    for _ in range(n):
        x = isolated(x)


@pipeline
def here():
    inline(0)


def gaps(root: str) -> list[float]:
    """Return the seconds between the ends of consecutive steps of the newest run, as recorded."""
    connection = sqlite3.connect(os.path.join(root, "store.db"))
    sql = "SELECT ended_at FROM step_runs WHERE run_id = (SELECT max(id) FROM runs) ORDER BY ended_at"
    ends = [row[0] for row in connection.execute(sql)]
    connection.close()
    return [(after - before) / 1e6 for before, after in itertools.pairwise(ends)]


if __name__ == "__main__":
    count = int(sys.argv[1])
    fresh_store("warm-up")
    here()
    fresh_store("inline")
    without = time_of(here)
    fresh_store("first")
    with_one = time_of(lambda: apart(n=1))
    root = fresh_store("chain")
    apart(n=count + 1)
    report(
        first=with_one - without,
        warm=statistics.median(gaps(root)),
        floor=statistics.median(fork_and_answer() for _ in range(count)),
    )
