"""Imports everything that the other workloads import, so that all bytecode is there before the first figure."""

import numpy as np

from zenml import pipeline, step


@step(enable_cache=False)
def make() -> np.ndarray:
    return np.zeros(100_000)


@step(runtime="isolated", enable_cache=False)
def use(array: np.ndarray) -> float:
    return float(array.sum())


@pipeline
def everything():
    use(make())


if __name__ == "__main__":
    everything()
    everything()
