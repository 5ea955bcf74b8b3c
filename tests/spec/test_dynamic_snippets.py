"""The snippets about dynamic pipelines run as they are printed, and its known issues are gone."""

from printed import run_snippets

BASIC = """
from zenml import step, pipeline
@step
def generate_int() -> int:
    return 3
@step
def do_something(index: int) -> None:
    print(f"Processing index {index}")
@pipeline(dynamic=True)
def dynamic_pipeline() -> None:
    count = generate_int()
    # `count` is an artifact, we now load the data
    count_data = count.load()
    for idx in range(count_data):
        # This will run sequentially, like regular Python code would.
        do_something(idx)
if __name__ == "__main__":
    dynamic_pipeline()
"""
OPTIONS = """
@pipeline(dynamic=True)
def dynamic_pipeline():
    some_step.with_options(enable_cache=False)()
"""
RUNTIME = """
@step(runtime="isolated")
def some_step() -> None:
    # This step will run in its own isolated environment
    ...
@step(runtime="inline")
def another_step() -> None:
    # This step will run in the orchestration environment
    ...
"""
PARALLEL = """
from zenml import step, pipeline
@step
def some_step(arg: int) -> int:
    return arg * 2
@pipeline(dynamic=True)
def dynamic_pipeline():
    # Submit a step for parallel execution
    future = some_step.submit(arg=1)
    # Wait and get artifact response(s)
    artifact = future.result()
    # Wait and load artifact data
    data = future.load()
    # Pass the output to another step
    downstream_step(future)
    # Run multiple steps in parallel
    for idx in range(3):
        some_step.submit(arg=idx)
"""
CONFIG = """
# config.yaml
steps:
  some_step:
    parameters:
      arg: 3
"""
DEPENDS = """
# run.py
from zenml import step, pipeline
@step
def some_step(arg: int) -> None:
    print(f"arg is {arg}")
@pipeline(dynamic=True, depends_on=[some_step])
def dynamic_pipeline():
    some_step()
if __name__ == "__main__":
    dynamic_pipeline.with_options(config_path="config.yaml")()
"""
REMOTE = """
@pipeline(dynamic=True, depends_on=[some_step])
def dynamic_pipeline():
    some_step()
    # ... rest of your pipeline
"""
SOME_STEP = """
@step
def some_step() -> None:
    mark("some_step")
"""


def test_the_basic_example(lab):
    result = run_snippets(lab, BASIC)

    lines = [line for line in result.out.splitlines() if "Processing" in line]
    assert lines == ["Processing index 0", "Processing index 1", "Processing index 2"]


def test_dynamic_step_configuration(lab):
    result = run_snippets(lab, SOME_STEP, OPTIONS, "dynamic_pipeline(); dynamic_pipeline()")

    assert result.count("some_step") == 2


def test_step_runtime_configuration(lab):
    result = run_snippets(
        lab,
        RUNTIME,
        """
        @pipeline(dynamic=True)
        def flow():
            some_step()
            another_step()

        fact(runtimes={name: one.config.runtime for name, one in flow().steps.items()})
        """,
    )

    assert result.facts["runtimes"] == {"some_step": "isolated", "another_step": "inline"}


def test_parallel_step_execution(lab):
    result = run_snippets(
        lab,
        """
        @step
        def downstream_step(x: int) -> int:
            return x + 1
        """,
        PARALLEL,
        "run = dynamic_pipeline(); fact(values={name: value(run, name) for name in run.steps})",
    )

    assert result.facts["values"] == {
        "some_step": 2,
        "downstream_step": 3,
        "some_step_2": 0,
        "some_step_3": 2,
        "some_step_4": 4,
    }


def test_config_templates_with_depends_on(lab):
    lab.write("config.yaml", CONFIG)

    assert "arg is 3" in run_snippets(lab, DEPENDS).out


def test_depends_on_is_allowed_and_not_required(lab):
    result = run_snippets(lab, SOME_STEP, REMOTE, "dynamic_pipeline()")

    assert result.count("some_step") == 1


# Limitations and known issues


def test_logs_of_parallel_steps_are_not_mixed_up(lab):
    run_snippets(
        lab,
        """
        @step
        def chatty(i: int) -> None:
            for k in range(20):
                print(f"step {i} line {k}")
                time.sleep(0.001)

        @pipeline(dynamic=True)
        def flow():
            for i in range(4):
                chatty.submit(i)

        flow()
        """,
    )

    (run,) = lab.client().list_pipeline_runs().items
    for i, one in enumerate(run.steps.values()):
        assert [str(one.logs).count(f"step {k} ") for k in range(4)] == [
            20 if k == i else 0 for k in range(4)
        ]


def test_a_failure_stops_other_steps_where_that_is_wanted(lab):
    result = run_snippets(
        lab,
        """
        @step(runtime="isolated")
        def endless() -> None:
            mark("endless")
            hang()

        @step
        def fails() -> None:
            wait_for_mark("endless")
            raise ValueError("bad luck")

        @pipeline(dynamic=True, execution_mode="fail_fast")
        def flow():
            endless.submit()
            fails.submit()

        fact(error=type(outcome(flow)).__name__, statuses=statuses(last_run()))
        """,
    )

    assert result.facts == {"error": "ValueError", "statuses": {"endless": "stopped", "fails": "failed"}}


def test_other_steps_go_on_after_a_failure_and_the_function_may_handle_it(lab):
    result = run_snippets(
        lab,
        """
        @step
        def train(arg: int) -> int:
            if arg == 1:
                raise ValueError("bad luck")
            return arg

        @step
        def best(args: list[int]) -> int:
            return max(args)

        @pipeline(dynamic=True)
        def flow():
            futures = [train.submit(arg) for arg in range(3)]
            good = [one for one in futures if one.exception() is None]
            fact(best=best(good).load())

        run = flow()
        fact(statuses=statuses(run), status=str(run.status))
        """,
    )

    assert result.facts == {
        "best": 2,
        "statuses": {"train": "completed", "train_2": "failed", "train_3": "completed", "best": "completed"},
        "status": "completed",
    }


def test_a_failure_that_nobody_handles_fails_the_run_when_all_else_has_ended(lab):
    result = run_snippets(
        lab,
        """
        @step
        def fails() -> None:
            mark("failed")
            raise ValueError("bad luck")

        @step
        def goes_on() -> None:
            wait_for_mark("failed")

        @pipeline(dynamic=True)
        def flow():
            goes_on.submit()
            fails.submit()

        fact(error=type(outcome(flow)).__name__, statuses=statuses(last_run()))
        """,
    )

    assert result.facts == {"error": "ValueError", "statuses": {"goes_on": "completed", "fails": "failed"}}


def test_every_orchestrator_that_there_is_runs_dynamic_pipelines(lab):
    result = run_snippets(
        lab,
        BASIC.replace("if __name__", "if False and __name__"),
        """
        from zenml.client import Client

        here = dynamic_pipeline()
        elsewhere = dynamic_pipeline.with_options(settings={"orchestrator": {"synchronous": False}})().wait(30)
        again = Client().trigger_pipeline("dynamic_pipeline").wait(30)
        fact(steps=[len(run.steps) for run in (here, elsewhere, again)])
        fact(status=[str(run.status) for run in (here, elsewhere, again)])
        """,
    )

    assert result.facts == {"steps": [4, 4, 4], "status": ["completed"] * 3}


def test_without_depends_on_a_run_works_in_another_process(lab):
    result = run_snippets(
        lab,
        SOME_STEP,
        """
        @pipeline(dynamic=True, settings={"orchestrator": {"synchronous": False}})
        def flow():
            some_step()

        fact(status=str(flow().wait(30).status))
        """,
    )

    assert result.facts["status"] == "completed"


def test_what_is_passed_on_is_not_loaded(lab):
    result = run_snippets(
        lab,
        """
        @step
        def first() -> bytes:
            wait_for_mark("submitted")
            return b"x" * 1000

        @step
        def second(data: bytes) -> int:
            return len(data)

        @pipeline(dynamic=True)
        def flow():
            later = second.submit(first.submit())
            mark("submitted")
            fact(is_running=later.running(), size=later.load())

        flow()
        """,
    )

    assert result.facts == {"is_running": True, "size": 1000}


# Best practices


def test_isolated_steps_that_are_submitted_run_at_once_each_in_a_process_of_its_own(lab):
    result = run_snippets(
        lab,
        """
        import os

        @step(runtime="isolated")
        def some_step(arg: int) -> int:
            mark(f"running {arg}")
            wait_for_mark(f"running {1 - arg}")
            return os.getpid()

        @pipeline(dynamic=True)
        def flow():
            pids = [one.load() for one in [some_step.submit(arg) for arg in range(2)]]
            fact(processes=len({*pids, os.getpid()}))

        flow()
        """,
    )

    assert result.facts == {"processes": 3}


def test_a_step_that_is_not_listed_is_not_configured_by_a_template(lab):
    lab.write("config.yaml", CONFIG)

    result = run_snippets(
        lab,
        DEPENDS.replace(", depends_on=[some_step]", "").replace("if __name__", "if False and __name__"),
        """
        error = outcome(lambda: dynamic_pipeline.with_options(config_path="config.yaml")())
        fact(error=type(error).__name__, is_named="some_step" in str(error), helps="depends_on" in str(error))
        """,
    )

    assert result.facts == {"error": "ConfigurationError", "is_named": True, "helps": True}


# When to use dynamic pipelines


def test_batches_are_made_of_what_is_there_and_the_way_depends_on_what_they_give(lab):
    result = run_snippets(
        lab,
        """
        @step
        def available() -> list[int]:
            return [5, 1, 4, 2, 3]

        @step
        def process(batch: list[int]) -> int:
            return sum(batch)

        @step
        def repair(total: int) -> int:
            return -total

        @pipeline(dynamic=True)
        def flow():
            data = available().load()
            batches = [data[start : start + 2] for start in range(0, len(data), 2)]
            totals = process.map(batches)
            for total in totals:
                if total.load() > 5:
                    repair(total)

        run = flow()
        fact(steps=sorted(run.steps), repaired=[value(run, name) for name in ("repair", "repair_2")])
        """,
    )

    assert result.facts["steps"] == [
        "available",
        "process[0]",
        "process[1]",
        "process[2]",
        "repair",
        "repair_2",
    ]
    assert result.facts["repaired"] == [-6, -6]
