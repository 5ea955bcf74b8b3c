"""`resources` of steps: what they need is counted, kept, and what they used is told."""

import json

import pytest

HEAD = """
from zenml.config import ResourceSettings
from zenml.components.cpu_count import usable_cpus
from zenml.errors import StepOutOfMemoryError
"""


def overlaps(lab):
    """Return the largest number of steps that were between their marks `in` and `out` at once."""
    with open(lab.trace) as file:
        lines = sorted((json.loads(line) for line in file), key=lambda line: line["time"])
    inside = most = 0
    for line in lines:
        inside += {"in": 1, "out": -1}.get(line["mark"], 0)
        most = max(most, inside)
    return most


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_steps_that_need_all_cpus_never_overlap(lab, runtime):
    result = lab.run(f"""{HEAD}
@step(runtime="{runtime}", resources=ResourceSettings(cpu_count=usable_cpus()))
def work(x: int) -> int:
    mark("in")
    time.sleep(0.02)
    mark("out")
    return x

@pipeline
def flow():
    for x in range(5):
        work(x)

fact(statuses=statuses(flow()))
""")

    assert set(result.facts["statuses"].values()) == {"completed"}
    assert overlaps(lab) == 1


def test_inline_and_isolated_steps_share_the_tokens(lab):
    result = lab.run(f"""{HEAD}
@step(resources={{"cpu_count": usable_cpus()}})
def inline(x: int) -> int:
    mark("in")
    time.sleep(0.02)
    mark("out")
    return x

@step(runtime="isolated")
def apart(x: int) -> int:
    mark("in")
    time.sleep(0.02)
    mark("out")
    return -x

@pipeline
def flow():
    for x in range(3):
        inline(x)
    apart(1)

fact(statuses=statuses(flow()))
""")

    assert set(result.facts["statuses"].values()) == {"completed"}
    assert overlaps(lab) == 1


def test_halves_of_a_cpu_run_at_once(lab):
    """Twice as many as there are CPUs meet each other, which one CPU each would not let them."""
    result = lab.run(f"""{HEAD}
many = 2 * usable_cpus()

@step(runtime="isolated", resources=ResourceSettings(cpu_count=0.5))
def meet(x: int, many: int) -> int:
    mark("here")
    wait_for_mark("here", many)
    return x

@pipeline
def flow():
    for x in range(many):
        meet(x, many)

fact(statuses=statuses(flow()))
""")

    assert set(result.facts["statuses"].values()) == {"completed"}


def test_memory_is_counted_too(lab):
    lab.run(f"""{HEAD}
from zenml.components.memory_size import usable_memory
most = f"{{usable_memory() * 0.6 / 1e6:.0f}}MB"

@step(resources=ResourceSettings(memory=most))
def work(x: int) -> int:
    mark("in")
    time.sleep(0.02)
    mark("out")
    return x

@pipeline
def flow():
    for x in range(4):
        work(x)

flow()
""")

    assert overlaps(lab) == 1


def test_what_is_asked_of_the_pipeline_holds_for_its_steps_and_yaml_says_the_same(lab):
    lab.write("run.yaml", "resources: {cpu_count: 1}\nsteps:\n  b: {resources: {memory: 1GB}}\n")

    result = lab.run("""
        from zenml.config import ResourceSettings

        @step
        def a() -> None: ...
        @step
        def b() -> None: ...

        @pipeline(resources={"cpu_count": 0.5})
        def flow():
            a()
            b()

        def said(run):
            return {name: one.config.settings["resources"] for name, one in run.steps.items()}

        fact(code=said(flow()), file=said(flow.with_options(config_path="run.yaml")()))
        fact(spelling=said(flow.with_options(settings={"resources": ResourceSettings(cpu_count=0.25)})()))
        fact(twice=str(outcome(lambda: a.with_options(resources={}, settings={"resources": {"cpu_count": 1}}))))
    """)

    assert result.facts["code"] == {"a": {"cpu_count": 0.5}, "b": {"cpu_count": 0.5}}
    assert result.facts["file"] == {"a": {"cpu_count": 1}, "b": {"cpu_count": 1, "memory": "1GB"}}
    assert result.facts["spelling"] == {"a": {"cpu_count": 0.25}, "b": {"cpu_count": 0.25}}
    assert "twice" in result.facts["twice"]


def test_more_than_the_machine_has_is_told_before_anything_runs(lab):
    result = lab.run("""
        @step
        def first() -> None:
            mark("ran")

        @step(resources={"cpu_count": 4000})
        def huge() -> None: ...

        @pipeline
        def flow():
            huge(after=first())

        from zenml.client import Client
        fact(text=str(outcome(flow)), runs=Client().list_pipeline_runs().total)
    """)

    assert "Step `huge`" in result.facts["text"]
    assert "script.py:" in result.facts["text"]
    assert "needs 4000 CPUs" in result.facts["text"]
    assert result.facts["runs"] == 0


def test_more_than_the_machine_has_is_told_where_a_dynamic_pipeline_calls_it(lab):
    result = lab.run("""
        @step(resources={"cpu_count": 4000})
        def huge() -> None:
            mark("ran")

        @step
        def modest() -> int:
            return 1

        @pipeline(dynamic=True)
        def flow():
            try:
                huge.submit()
            except Exception as error:
                fact(text=str(error))
            modest()

        fact(status=flow().status, steps=[one.name for one in flow().steps.values()])
    """)

    assert "Step `huge`" in result.facts["text"]
    assert "needs 4000 CPUs" in result.facts["text"]
    assert (result.facts["status"], result.facts["steps"]) == ("completed", ["modest"])
    assert "ran" not in result.marks


def test_a_step_over_its_cap_is_ended_named_and_tried_again(lab):
    """The first attempt takes too much in a child process, which ends with it; the second one does not."""
    result = lab.run(f"""{HEAD}
import subprocess, sys
from zenml.config.retry_config import StepRetryConfig

@step(runtime="isolated", retry=StepRetryConfig(max_retries=1, retry_on=(MemoryError,)), resources=ResourceSettings(memory="200MB"))
def work() -> str:
    if not os.path.exists("tried"):
        open("tried", "w").close()
        fill = "data = []\\nwhile True: data.append(b'x' * 10_000_000)"
        subprocess.run([sys.executable, "-c", fill], check=False)
        hang()
    return "done"

@pipeline
def flow():
    work()

run = flow()
first, second = run.attempts
fact(
    statuses=[first.status, second.status], type=first.failure.type, text=first.failure.message,
    peak=first.peak_memory, cpu=first.cpu_time, guard=first.memory_guard, value=value(run, "work"),
)
""")
    facts = result.facts

    assert facts["statuses"] == ["retried", "completed"]
    assert facts["type"] == "zenml.errors.StepOutOfMemoryError"
    assert "Step `work` took more memory than its cap of 200 MB" in facts["text"]
    assert "Raise `memory`" in facts["text"]
    assert facts["peak"] > 200_000_000
    assert facts["cpu"] > 0  # of the child too, which the step did not live to wait for
    assert facts["guard"] in ("watchdog", "cgroup")
    assert facts["value"] == "done"
    assert lab.survivors() == []


def test_the_caller_gets_an_error_that_is_a_memory_error(lab):
    result = lab.run(f"""{HEAD}
@step(runtime="isolated", resources=ResourceSettings(memory="120MB"))
def hog() -> None:
    data = []
    while True:
        data.append(b"x" * 10_000_000)

@pipeline
def flow():
    hog()

error = outcome(flow)
fact(is_ours=isinstance(error, StepOutOfMemoryError), is_memory=isinstance(error, MemoryError))
fact(cap=error.cap, peak=error.peak)
""")

    assert result.facts["is_ours"]
    assert result.facts["is_memory"]
    assert result.facts["cap"] == 120_000_000 < result.facts["peak"]
    assert lab.survivors() == []


def test_a_kill_from_outside_names_the_likely_reason(lab):
    result = lab.run("""
        import signal

        @step(runtime="isolated")
        def work() -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        @pipeline
        def flow():
            work()

        error = outcome(flow)
        fact(type=type(error).__name__, text=str(error), peak=last_run().steps["work"].peak_memory)
    """)

    assert result.facts["type"] == "StepProcessError"
    assert "signal 9" in result.facts["text"]
    assert "out of memory is the likely reason" in result.facts["text"]
    assert "at most" in result.facts["text"]
    assert result.facts["peak"] > 1_000_000


def test_what_isolated_steps_used_is_recorded_and_shown(lab):
    lab.run("""
        @step(runtime="isolated")
        def burn() -> None:
            data = bytearray(b"x" * 200_000_000)
            until = time.process_time() + 0.3
            while time.process_time() < until:
                pass

        @step(runtime="isolated")
        def fails() -> None:
            raise ValueError("no")

        @step
        def inline() -> None: ...

        @pipeline
        def flow():
            burn(), fails(), inline()

        outcome(flow)
    """)
    steps = lab.client().list_pipeline_runs(size=1).items[0].steps

    assert steps["burn"].peak_memory >= 200_000_000
    assert steps["burn"].cpu_seconds >= 0.25
    assert steps["burn"].memory_guard is None
    assert steps["fails"].peak_memory > 1_000_000
    assert steps["fails"].cpu_seconds > 0
    assert (steps["inline"].cpu_seconds, steps["inline"].peak_memory) == (None, None)


def test_a_cap_that_is_not_reached_leaves_the_step_alone(lab):
    result = lab.run(f"""{HEAD}
@step(runtime="isolated", resources=ResourceSettings(memory="1GB"))
def work() -> int:
    data = b"x" * 100_000_000
    return len(data)

@pipeline
def flow():
    work()

run = flow()
step = run.steps["work"]
fact(value=value(run, "work"), guard=step.memory_guard, peak=step.peak_memory)
""")

    assert result.facts["value"] == 100_000_000
    assert result.facts["guard"] in ("watchdog", "cgroup")
    assert 100_000_000 <= result.facts["peak"] < 1_000_000_000
