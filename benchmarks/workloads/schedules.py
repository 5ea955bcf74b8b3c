"""Ten thousand schedules that are not due, a scheduler that serves them, and twenty fires in one second."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import msgspec
from figures import report, time_of

from zenml import pipeline, step
from zenml.client import Client
from zenml.config import Schedule
from zenml.records.ids import microseconds_now, new_id
from zenml.store.opening import open_store

IDLE_SECONDS = 10.0
FIRES = 20


@step(enable_cache=False)
def work(x: int) -> int:
    return x


@pipeline
def flow(x: int = 0):
    work(x)


def fill(count: int) -> None:
    """Store schedules of which none is due for a day, and one that is."""
    flow.with_options(schedule=Schedule(name="s", interval_second=86_400))()
    store = open_store()
    first = store.select(type(Client().get_schedule("s").record))[0]
    others = [
        msgspec.structs.replace(first, id=new_id(), name=f"s{number}", next_at=(first.next_at or 0) + number)
        for number in range(count - 1)
    ]
    store.insert(others)


def time_due() -> tuple[float, float]:
    store, now = open_store(), microseconds_now()
    tables = store.schedules
    times = [time_of(lambda: (tables.due(now, 200), tables.next_at())) for _ in range(200)]
    bare = sqlite3.connect(store.file.path)
    some = store.schedules.names()[-1][0]
    floors = [
        time_of(lambda: bare.execute("SELECT * FROM schedules WHERE id = ?", (some,)).fetchall())
        for _ in range(200)
    ]
    return sorted(times)[100], sorted(floors)[100]


def cpu_of(pid: int) -> float:
    """Return the processor time of a process, in seconds."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def lateness() -> list[float]:
    at = datetime.now(UTC) + timedelta(seconds=2)
    for number in range(FIRES):
        moment = at + timedelta(milliseconds=1000 / FIRES * number)
        flow.with_options(schedule=Schedule(name=f"fire{number}", run_once_start_time=moment))(number)
    client, end = Client(), time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.5)
        ticks = [tick for number in range(FIRES) for tick in client.get_schedule(f"fire{number}").history()]
        late = [tick.lateness for tick in ticks]
        if len(late) == FIRES and all(late):
            return [one.total_seconds() for one in late]
    raise RuntimeError("not all fires have begun")


if __name__ == "__main__":
    fill(int(sys.argv[1]))
    due, floor = time_due()
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "zenml", "schedule", "serve"], stdout=subprocess.DEVNULL
    )
    try:
        time.sleep(3)  # it has begun
        before, began = cpu_of(scheduler.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        idle = (cpu_of(scheduler.pid) - before) / (time.monotonic() - began)
        late = lateness()
    finally:
        scheduler.send_signal(signal.SIGTERM)
        scheduler.wait(30)
    report(due=due, floor=floor, idle=idle, lateness=late)
