"""One of many processes on one bare SQLite file: as many transactions as the runs would need."""

import os
import sys

from floors import BareStore, time_of

TRANSACTIONS = 6
"""A run's: its start, the start of its first step, the ends of three steps, its end."""


def all_runs(store: BareStore, count: int) -> None:
    for _ in range(count):
        for _ in range(TRANSACTIONS):
            store.transaction(
                lambda connection: connection.executemany(
                    "INSERT INTO bare (body) VALUES (?)", [("x" * 400,)] * 3
                )
            )
        store.wait_durable()


if __name__ == "__main__":
    bare = BareStore(os.path.join(os.environ["BENCH_FOLDER"], "bare.db"), is_durable=True)
    bare.transaction(
        lambda c: c.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, body TEXT)")
    )
    print("ready", flush=True)
    sys.stdin.readline()
    print(time_of(lambda: all_runs(bare, int(sys.argv[1]))), flush=True)
    bare.close()
