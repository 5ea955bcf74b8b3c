"""A large array made in one step and read in the next."""

import os
import sys

import numpy as np
from figures import bare_file, fresh_store, report, time_of
from floors import write_and_hash

from zenml import pipeline, step


@step
def make(megabytes: int) -> np.ndarray:
    return np.arange(megabytes * 125_000, dtype=np.float64)


@step
def use(array: np.ndarray) -> float:
    return float(array.sum())


@pipeline
def hand_over(megabytes: int):
    use(make(megabytes))


if __name__ == "__main__":
    size = int(sys.argv[1])
    # Once with a small array, so that imports are not counted, neither ours nor numpy's.
    fresh_store("warm-up")
    hand_over(megabytes=1)
    data = memoryview(np.arange(size * 125_000, dtype=np.float64)).cast("B")
    os.sync()
    floor = write_and_hash(bare_file("bare"), data)
    work = time_of(lambda: make.entrypoint(size)) + time_of(lambda: use.entrypoint(np.frombuffer(data)))
    del data
    os.sync()
    fresh_store("array")
    report(ours=time_of(lambda: hand_over(megabytes=size)), floor=floor, work=work)
