"""Submitted steps: some that wait at the same time, very many that do nothing, some in processes of their own."""

import sys
import threading
import time

from figures import IS_DURABLE, bare_file, fresh_store, peak_memory, report, time_of
from floors import Recorded

from zenml import pipeline, step


@step
def nap(i: int, seconds: float) -> int:
    time.sleep(seconds)
    return i


@step
def nothing(i: int) -> int:
    return i


@step(runtime="isolated")
def apart(i: int) -> int:
    return i


@pipeline(dynamic=True, enable_cache=False)
def naps(n: int, seconds: float):
    for future in [nap.submit(i, seconds) for i in range(n)]:
        future.result()


@pipeline(dynamic=True, enable_cache=False)
def nothings(n: int):
    for future in [nothing.submit(i) for i in range(n)]:
        future.result()


@pipeline(dynamic=True, enable_cache=False)
def processes(n: int):
    for future in [apart.submit(i) for i in range(n)]:
        future.result()


def bare(n: int, seconds: float) -> None:
    """Wait as often in as many threads as a run has."""
    gate = threading.Semaphore(32)

    def wait() -> None:
        with gate:
            time.sleep(seconds)

    threads = [threading.Thread(target=wait) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    count = int(sys.argv[1])
    fresh_store("warm-up")
    nothings(n=100)
    processes(n=2)
    fresh_store("naps")
    figures = {"naps": time_of(lambda: naps(n=50, seconds=0.1)), "naps_floor": time_of(lambda: bare(50, 0.1))}
    root = fresh_store("many")
    figures["many"] = time_of(lambda: nothings(n=count))
    figures["megabytes"] = peak_memory()
    figures["floor"] = Recorded(root).replay_executed(bare_file("many.db"), is_durable=IS_DURABLE)
    fresh_store("one")
    figures["one"] = time_of(lambda: nothings.with_options(max_parallelism=1)(n=count))
    fresh_store("processes")
    figures["processes"] = time_of(lambda: processes(n=50))
    figures["processes_one"] = time_of(lambda: processes.with_options(max_parallelism=1)(n=50))
    report(**figures)
