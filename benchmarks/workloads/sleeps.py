"""Independent steps that only wait, at the same time."""

import sys
import threading
import time

from figures import fresh_store, report, time_of

from zenml import pipeline, step


@step
def nap(i: int, seconds: float) -> int:
    time.sleep(seconds)
    return i


@pipeline
def naps(n: int, seconds: float):
    for i in range(n):
        nap(i, seconds)


def bare(n: int, seconds: float) -> None:
    threads = [threading.Thread(target=time.sleep, args=(seconds,)) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    count, length = int(sys.argv[1]), float(sys.argv[2])
    fresh_store("cold")
    cold = time_of(lambda: naps(n=count, seconds=length))
    fresh_store("warm")
    warm = time_of(lambda: naps(n=count, seconds=length))
    report(cold=cold, warm=warm, floor=time_of(lambda: bare(count, length)))
