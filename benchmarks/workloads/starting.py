"""The same run on two stores in turn, a large one and an empty one: three steps, executed and cached."""

import os
import sys

from figures import report, time_of

from zenml import pipeline, step


@step
def start() -> int:
    return 0


@step
def increment(x: int) -> int:
    return x + 1


@pipeline
def three():
    increment(increment(start()))


uncached = three.with_options(enable_cache=False)


def on(root: str, run) -> float:
    os.environ["ZENML_CONFIG_PATH"] = root
    return time_of(run)


if __name__ == "__main__":
    large, pairs = sys.argv[1], int(sys.argv[2])
    empty = os.path.join(os.environ["BENCH_FOLDER"], "empty")
    times: dict[str, list[float]] = {}
    for number in range(-3, pairs):
        for name, run in (("executed", uncached), ("cached", three)):
            # Whichever comes first, the other one finds the processor as it left it.
            roots = {"large": large, "empty": empty}
            for which in sorted(roots, reverse=bool(number % 2)):
                took = on(roots[which], run)
                if number >= 0:
                    times.setdefault(f"{name}_{which}", []).append(took)
    report(**times)
