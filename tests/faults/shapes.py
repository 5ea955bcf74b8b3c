"""The shapes of runs that are killed and resumed: one table; a new shape is a pipeline and a line in it.

Each step leaves a mark when it begins and when it is about to return. But for a few shapes nothing is cached, so
whatever is not executed again was found among what the run itself has recorded.
"""

import os
import signal
import time

from seam import watch_if_apart

from zenml import add_tags, get_step_context, log_metadata, pipeline, step, unmapped, wait
from zenml.config.retry_config import StepRetryConfig

watch_if_apart()


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
    context = get_step_context()
    name = f"{context.pipeline_run.id}/{context.step_run.name}"
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


@step(enable_cache=False)
def broken() -> int:
    marked()
    raise ValueError("every attempt fails")


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


@step(enable_cache=False, runtime="isolated")
def telling(x: int) -> int:
    done = marked()
    log_metadata({"seen": x})
    add_tags("told", run=get_step_context().pipeline_run.id)
    done()
    return x


@pipeline
def told() -> int:
    return telling(start())


@step(enable_cache=False, runtime="isolated", retry=StepRetryConfig(max_retries=3, delay=0))
def sturdy(x: int) -> int:
    done = marked()
    done()
    return x + 1


@pipeline
def isolated_retried() -> int:
    return add(sturdy(sturdy(start())))


@step(enable_cache=False, runtime="isolated")
def big_apart(x: int) -> bytes:
    done = marked()
    print("this is logged")
    done()
    return bytes([x]) * 100_000


@pipeline
def isolated_files() -> int:
    return size(big_apart(add(start())))


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


@pipeline(dynamic=True)
def loop() -> int:
    x = start()
    while x.load() < 4:
        x = add(x)
    return x


@pipeline(dynamic=True)
def submitted() -> int:
    x = start.submit()
    first = [add.submit(x, i) for i in range(4)]
    return total([add.submit(one) for one in first])


@pipeline(dynamic=True, max_parallelism=1)
def handled() -> int:
    x = broken.submit()
    try:
        x.load()
    except ValueError:
        x = add.submit(1)
    return total([x, add(x)])


@pipeline(dynamic=True)
def submitted_apart() -> int:
    apart = add.with_options(runtime="isolated")
    return total([apart.submit(start(), i) for i in range(3)])


# Maps: elements before and after each other, of what is there and of what is made as it is asked for.


@step(enable_cache=False)
def picky(x: int) -> int:
    done = marked()
    if x == 3:
        raise ValueError("no threes")
    done()
    return x


def numbers():
    yield from range(9)


@pipeline(dynamic=True)
def mapped() -> int:
    return total(add.map(add.map(list(range(12))), unmapped(2)))


@pipeline(dynamic=True)
def mapped_lazily() -> int:
    return total(add.map(numbers(), max_concurrency=3))


@pipeline(dynamic=True)
def mapped_apart() -> int:
    return total(add.with_options(runtime="isolated").map([1, 2, 3]))


@pipeline(dynamic=True)
def mapped_some() -> int:
    found = picky.map(list(range(8)), on_error="collect")
    assert [type(one).__name__ for one in found.load()].count("Failure") == 1
    return add(total(found))


# Children: called and submitted, static and dynamic, and one inside another.


@pipeline(dynamic=True)
def middle(x: int) -> int:
    return total([inner(x), add.submit(x)])


@pipeline(dynamic=True)
def nested() -> int:
    x = start()
    later = middle.submit(x, id="later")
    now = middle(add(x))
    return total([now, later, inner.submit(now)])


@pipeline(dynamic=True)
def embedded() -> int:
    x = start()
    return total([inner.embed(x), middle.embed(add.submit(x)), middle(x)])


@pipeline(dynamic=True)
def inner_apart(x: int) -> int:
    return add.with_options(runtime="isolated")(x)


@pipeline(dynamic=True)
def nested_apart() -> int:
    later = inner_apart.submit(start())
    return total([inner_apart(2), later])


# Questions: in the function itself, in a loop, with work in flight, and in children.


@pipeline(dynamic=True)
def asking() -> int:
    x = start.submit()
    sums = [add.submit(x, i) for i in range(3)]
    for _ in range(2):
        sums.append(add(total(sums), wait(int, "How many?")))
    return sums[-1]


@pipeline(dynamic=True)
def asking_child(x: int) -> int:
    more = wait(int, "How many?")
    return add(x, more)


@pipeline(dynamic=True)
def asking_inside() -> int:
    asked = [asking_child.submit(start(), id=name) for name in ("left", "right")]
    other = inner.submit(1)
    return total([asking_child(add(1)), other, *asked])


# Async: tasks of their own, in a loop of the run's, and where a loop runs already.


@pipeline(dynamic=True)
async def tasks() -> int:
    import asyncio  # here, since each isolated step imports this module

    async def chain(x):
        return await add((await add(x)).load())

    parts = await asyncio.gather(*[chain(x) for x in range(3)])
    return await total(parts)


@pipeline(dynamic=True)
async def tasks_asking() -> int:
    first = add(1)
    more = wait(int, "How many?")
    return await total([await first, add((await first).load(), more)])


@pipeline(dynamic=True)
async def tasks_in_a_loop() -> int:
    first = add(1)
    more = wait(int, "How many?")
    return await total([await first, add(more)])


# Failures: a step fails until it is mended, and meanwhile others go on, or do not.

BROKEN = "it is broken"


@step(enable_cache=False)
def mendable(x: int) -> int:
    done = marked()
    if not os.path.exists(os.environ["FAULTS_TRACE"] + ".mended"):
        raise ValueError(BROKEN)
    done()
    return x


def around(failing_step):
    x = start()
    failed = add(failing_step(x))
    return total([add(x, 1), add(add(x, 2)), failed])


@pipeline
def failing() -> int:
    return around(mendable)


@pipeline(execution_mode="stop_on_failure")
def failing_stop() -> int:
    return around(mendable)


@pipeline(execution_mode="fail_fast")
def failing_fast() -> int:
    return around(mendable)


@pipeline
def failing_apart() -> int:
    return around(mendable.with_options(runtime="isolated"))


@pipeline(dynamic=True)
def failing_submitted() -> int:
    failed = mendable.submit(1)
    return total([*[add.submit(1, i) for i in range(3)], failed])


# Caching: the second run of an unchanged pipeline; and two runs that want the same result.


@step
def first(x: int) -> int:
    done = marked()
    done()
    return x


@step
def second(x: int, y: int = 1) -> int:
    done = marked()
    done()
    return x + y


@pipeline
def cached() -> int:
    x = first(1)
    return second(second(second(x, 1), 2), second(x, 3))


@pipeline(dynamic=True)
def cached_submitted() -> int:
    x = first(1)
    parts = [second.submit(x, i) for i in range(3)]
    return second(second(parts[0], parts[1]), parts[2])


@step
def wanted(x: int) -> int:
    done = marked()
    while os.environ.get("FAULTS_ROLE") == "leader" and not is_wanted_by_another():
        time.sleep(0.002)
    time.sleep(0.01)  # it has begun, and finds this step in flight
    done()
    return x + 1


def is_wanted_by_another():
    """Tell whether the other run waits for this very step, or its process is gone."""
    from zenml.client import Client  # here, since each isolated step imports this module

    trace = os.environ["FAULTS_TRACE"]
    runs = Client().list_pipeline_runs(status="running").total
    return os.path.exists(trace + ".follower gone") or runs == 2


@pipeline
def flight() -> int:
    return second(wanted(second(1)), 2)


ANSWERS = {"How many?": 10}
"""What questions are answered with."""
IN_A_LOOP = {"tasks_in_a_loop"}
"""Shapes whose pipeline is called where an event loop runs already."""

PREPARED = {"cached", "cached_submitted"}
"""Shapes whose run is the second one of its pipeline: everything is answered by the cache."""
APART = {
    "told",
    "isolated",
    "isolated_fan",
    "isolated_files",
    "isolated_retried",
    "failing_apart",
    "submitted_apart",
    "mapped_apart",
    "nested_apart",
}
"""Shapes with steps in processes of their own."""
OPENING = {"fresh"}
"""Shapes whose store is made under watch."""

SHAPES = {
    "fresh": (chain, 5),
    "chain": (chain, 5),
    "files": (files, 100_002),
    "fan": (fan, 21),
    "narrow": (narrow, 9),
    "retried": (retried, 3),
    "composed": (composed, 6),
    "hooked": (hooked, 3),
    "told": (told, 1),
    "isolated": (isolated, 3),
    "isolated_fan": (isolated_fan, 6),
    "isolated_files": (isolated_files, 100_002),
    "isolated_retried": (isolated_retried, 4),
    "cached": (cached, 8),
    "cached_submitted": (cached_submitted, 6),
    "failing": (failing, 8),
    "failing_stop": (failing_stop, 8),
    "failing_fast": (failing_fast, 8),
    "failing_apart": (failing_apart, 8),
    "failing_submitted": (failing_submitted, 7),
    "loop": (loop, 4),
    "submitted": (submitted, 14),
    "handled": (handled, 5),
    "submitted_apart": (submitted_apart, 6),
    "mapped": (mapped, 102),
    "mapped_lazily": (mapped_lazily, 45),
    "mapped_some": (mapped_some, 26),
    "mapped_apart": (mapped_apart, 9),
    "nested": (nested, 21),
    "nested_apart": (nested_apart, 5),
    "embedded": (embedded, 15),
    "asking": (asking, 32),
    "asking_inside": (asking_inside, 37),
    "tasks": (tasks, 9),
    "tasks_asking": (tasks_asking, 14),
    "tasks_in_a_loop": (tasks_in_a_loop, 13),
}
"""By name: a pipeline, and what it returns."""
