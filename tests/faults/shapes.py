"""The shapes of runs that are killed and resumed: one table; a new shape is a pipeline and a line in it.

Each step leaves a mark when it begins and when it is about to return. Nothing is cached, so whatever is not
executed again was found among what the run itself has recorded.
"""

import os
import signal

from zenml import get_step_context, pipeline, step
from zenml.config.retry_config import StepRetryConfig


def mark(name, what):
    """Append a line to the trace; the process that owns the run is killed if it is that line's turn."""
    descriptor = os.open(os.environ["FAULTS_TRACE"], os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{name} {what}\n".encode())
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        number = os.pread(descriptor, end, 0).count(b"\n")
    finally:
        os.close(descriptor)
    if str(number) == os.environ.get("FAULTS_KILL_AT"):
        os.kill(int(os.environ["FAULTS_OWNER"]), signal.SIGKILL)


def marked():
    """Leave the first mark of the step that runs; return a function that leaves the last one."""
    name = get_step_context().step_run.name
    mark(name, "begins")
    return lambda: mark(name, "returns")


@step(enable_cache=False)
def start() -> int:
    done = marked()
    done()
    return 1


@step(enable_cache=False)
def add(x: int, y: int = 1) -> int:
    done = marked()
    done()
    return x + y


@step(enable_cache=False)
def total(xs: list[int]) -> int:
    done = marked()
    done()
    return sum(xs)


@step(enable_cache=False)
def big(x: int) -> bytes:
    done = marked()
    done()
    return bytes([x]) * 100_000


@step(enable_cache=False)
def size(data: bytes) -> int:
    done = marked()
    done()
    return len(data) + data[0]


@step(enable_cache=False, retry=StepRetryConfig(max_retries=3, delay=0))
def shaky(x: int) -> int:
    done = marked()
    if not os.path.exists(os.environ["FAULTS_TRACE"] + ".shaken"):
        with open(os.environ["FAULTS_TRACE"] + ".shaken", "w"):
            raise ValueError("the first attempt fails")
    done()
    return x + 1


@pipeline
def chain() -> int:
    x = start()
    for _ in range(4):
        x = add(x)
    return x


@pipeline
def files() -> int:
    return size(big(add(start())))


@pipeline
def fan() -> int:
    x = start()
    return total([add(x, i) for i in range(6)])


@pipeline(max_parallelism=2)
def narrow() -> int:
    x = start()
    return total([add(add(x, i), i) for i in range(3)])


@pipeline
def retried() -> int:
    return add(shaky(start()))


@pipeline
def isolated() -> int:
    apart = add.with_options(runtime="isolated")
    return apart(apart(start()))


@pipeline
def isolated_fan() -> int:
    x = start()
    return total([add.with_options(runtime="isolated")(x, i) for i in range(3)])


def began():
    mark("run", "init")
    return {"state": 1}


def succeeded(step_name):
    mark(step_name, "success")


def ended():
    mark("run", "cleanup")


@pipeline(on_init=began, on_success=succeeded, on_cleanup=ended)
def hooked() -> int:
    return add(add(start()))


@pipeline
def inner(x: int) -> int:
    return add(add(x))


@pipeline
def composed() -> int:
    return total([inner(start()), inner(start())])


SHAPES = {
    "chain": (chain, 5),
    "files": (files, 100_002),
    "fan": (fan, 21),
    "narrow": (narrow, 9),
    "retried": (retried, 3),
    "composed": (composed, 6),
    "hooked": (hooked, 3),
    "isolated": (isolated, 3),
    "isolated_fan": (isolated_fan, 6),
}
"""By name: a pipeline, and what it returns."""
