"""Environment variables of steps: there before the libraries are loaded, and nowhere else."""

import os

import pytest


def test_omp_num_threads_takes_effect_for_one_step_only(lab):
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numpy")

    result = lab.run("""
        import numpy  # loaded in the owner: what a forkserver imports before it forks
        from threadpoolctl import threadpool_info

        def threads():
            return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

        @step(environment={"OMP_NUM_THREADS": "1"}, enable_cache=False)
        def one() -> list[int]:
            numpy.ones((4, 4)) @ numpy.ones((4, 4))
            return threads()

        @step(environment={"OMP_NUM_THREADS": "2"}, enable_cache=False)
        def two() -> list[int]:
            return threads()

        @step(runtime="isolated", enable_cache=False)
        def plain() -> str | None:
            return os.environ.get("OMP_NUM_THREADS")

        @step(enable_cache=False)
        def inline() -> str | None:
            return os.environ.get("OMP_NUM_THREADS")

        @pipeline
        def flow():
            one(); two(); plain(); inline(); one()

        run = flow()
        fact(values={name: value(run, name) for name in run.steps}, after=os.environ.get("OMP_NUM_THREADS"))
    """)

    values = result.facts["values"]
    assert set(values["one"]) == set(values["one_2"]) == {1}
    assert set(values["two"]) == {min(2, os.cpu_count())}
    assert (values["plain"], values["inline"], result.facts["after"]) == (None, None, None)


def test_a_pipelines_environment_is_merged_with_that_of_a_step(lab):
    result = lab.run("""
        @step(environment={"B": "step", "C": 3})
        def both() -> str:
            return "-".join(os.environ[name] for name in "ABC")

        @pipeline(environment={"A": "pipeline", "B": "pipeline"})
        def flow():
            both()

        fact(value=value(flow(), "both"))
    """)

    assert result.facts["value"] == "pipeline-step-3"


def test_the_environment_reaches_programs_that_the_step_starts(lab):
    result = lab.run("""
        import subprocess

        @step(environment={"GREETING": "hello"})
        def ask() -> str:
            return subprocess.run(["sh", "-c", "echo $GREETING"], capture_output=True, text=True).stdout

        @pipeline
        def flow():
            ask()

        fact(value=value(flow(), "ask"))
    """)

    assert result.facts["value"] == "hello\n"


def test_a_variable_is_there_when_the_steps_own_module_is_imported(lab):
    lab.write(
        "tools.py",
        """
        import os
        from zenml import step

        SEEN = os.environ.get("MODE", "none")

        @step(environment={"MODE": "fast"})
        def look() -> str:
            return SEEN
        """,
    )
    result = lab.run("""
        from tools import SEEN, look

        @pipeline
        def flow():
            look()

        fact(value=value(flow(), "look"), here=SEEN)
    """)

    assert result.facts == {"value": "fast", "here": "none"}


INLINE = """
import threading

@step(runtime="inline", environment={"MODE": "a"}, enable_cache=False)
def first(x: int) -> str:
    mark("in", mode=os.environ.get("MODE"))
    time.sleep(0.02)
    mark("out", mode=os.environ.get("MODE"))
    return os.environ["MODE"]

@step(runtime="inline", environment={"MODE": "b"}, enable_cache=False)
def second(x: int) -> str:
    mark("in", mode=os.environ.get("MODE"))
    time.sleep(0.02)
    mark("out", mode=os.environ.get("MODE"))
    return os.environ["MODE"]

@step(enable_cache=False)
def without(x: int) -> str | None:
    mark("in", mode=os.environ.get("MODE"))
    time.sleep(0.02)
    mark("out", mode=os.environ.get("MODE"))
    return os.environ.get("MODE")
"""


def test_inline_steps_of_different_environments_are_not_in_the_process_together(lab):
    result = lab.run(
        INLINE
        + """
@pipeline
def flow():
    for x in range(4):
        first(x); second(x); without(x)

os.environ["MODE"] = "mine"
run = flow()
fact(values=sorted(value(run, name) for name in run.steps), after=os.environ["MODE"])
"""
    )

    assert result.facts["after"] == "mine"
    assert result.facts["values"] == ["a"] * 4 + ["b"] * 4 + ["mine"] * 4
    inside = []
    for line in result.marks:  # in the order in which they were written
        if line["mark"] == "in":
            assert set(inside) <= {line["mode"]}
            inside.append(line["mode"])
        else:
            inside.remove(line["mode"])


def test_inline_steps_of_one_environment_run_side_by_side(lab):
    result = lab.run("""
        @step(runtime="inline", environment={"MODE": "a"})
        def meet(x: int) -> str:
            mark("here")
            wait_for_mark("here", 2)
            return os.environ["MODE"]

        @pipeline
        def flow():
            meet(1); meet(2)

        run = flow()
        fact(values=[value(run, name) for name in run.steps], after=os.environ.get("MODE"))
    """)

    assert result.facts == {"values": ["a", "a"], "after": None}


def test_an_isolated_step_does_not_see_the_variables_of_an_inline_one(lab):
    result = lab.run("""
        @step(runtime="inline", environment={"MODE": "a", "ADDED": "b"}, enable_cache=False)
        def holds() -> int:
            mark("holds")
            wait_for_mark("looked")
            return 1

        @step(runtime="isolated", enable_cache=False)
        def looks() -> str:
            wait_for_mark("holds")
            mark("looked")
            return os.environ["MODE"] + str(os.environ.get("ADDED"))

        @pipeline
        def flow():
            holds(); looks()

        os.environ["MODE"] = "mine"
        fact(value=value(flow(), "looks"))
    """)

    assert result.facts["value"] == "mineNone"


def test_a_failed_inline_step_gives_the_environment_back(lab):
    result = lab.run("""
        @step(runtime="inline", environment={"MODE": "a"})
        def fails():
            raise ValueError(os.environ["MODE"])

        @pipeline
        def flow():
            fails()

        error = outcome(flow)
        fact(text=str(error), after=os.environ.get("MODE"))
    """)

    assert result.facts == {"text": "a", "after": None}


def test_a_changed_environment_runs_the_step_again_and_step_why_names_the_variable(lab):
    code = """
        from zenml.client.explaining import explain
        from zenml.store.opening import open_store

        @step
        def work() -> int:
            mark("work")
            return 1

        @pipeline
        def flow():
            work()

        run = flow.with_options(environment={"OMP_NUM_THREADS": os.environ["COUNT"]})()
        answer = explain(open_store(), run.id, "work")
        fact(status=str(run.steps["work"].status), reason=answer.reason)
    """

    assert lab.run(code, env={"COUNT": "1"}).count("work") == 1
    assert lab.run(code, env={"COUNT": "1"}).facts["status"] == "cached"
    changed = lab.run(code, env={"COUNT": "2"})

    assert changed.count("work") == 1
    assert changed.facts["reason"] == "because environment changed: OMP_NUM_THREADS (1 → 2)"
