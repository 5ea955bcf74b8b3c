"""Runs inside runs, as programs: signals, requests to stop, processes, output, and what the commands show."""

import json
import signal
import subprocess
import sys

import pytest

WORK = """
    @step(enable_cache=False{runtime})
    def work(x: int) -> int:
        mark("running")
        hang()
        return x

    @pipeline
    def leaf(x):
        return work(x)

    @pipeline(dynamic=True)
    def middle(x):
        return leaf(x)

    @pipeline(dynamic=True)
    def outer():
        {call}

    outer()
"""
CALLS = {
    "waiting": ("", "middle(1)"),
    "isolated": (', runtime="isolated"', "middle(1)"),
    "submitted": ("", "middle.submit(1); hang()"),
}


def zenml(lab, *words):
    environment = {**lab.variables, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-m", "zenml", *words], env=environment, capture_output=True, text=True, check=False
    )


def by_pipeline(lab):
    return {run.pipeline.name: run for run in lab.client().list_pipeline_runs().items}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, -2), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_and_its_children_in_good_order(lab, call, number, status):
    runtime, text = CALLS[call]
    program = lab.start(WORK.format(runtime=runtime, call=text))
    program.wait_for_mark("running")
    program.kill(number)

    assert program.finish().returncode in (status, 130)
    lab.wait_until_empty()
    runs = by_pipeline(lab)
    assert {name: run.status for name, run in runs.items()} == dict.fromkeys(
        ("outer", "middle", "leaf"), "stopped"
    )
    assert runs["leaf"].steps["work"].status == "stopped"
    assert "the run that called it ended: " in runs["leaf"].record.reason


def test_a_request_to_stop_the_parent_stops_the_children(lab):
    program = lab.start(WORK.format(runtime="", call="middle(1)"))
    program.wait_for_mark("running")
    assert zenml(lab, "run", "stop", "outer", "--reason", "enough").returncode == 0

    assert "was stopped: enough" in program.finish().err
    runs = by_pipeline(lab)
    assert {run.status for run in runs.values()} == {"stopped"}
    assert runs["leaf"].record.reason == "the run that called it ended: enough"


def test_a_request_to_stop_a_child_fails_its_call(lab):
    program = lab.start(WORK.format(runtime=', runtime="isolated"', call="middle(1)"))
    program.wait_for_mark("running")
    assert zenml(lab, "run", "stop", "leaf", "--reason", "enough").returncode == 0

    assert "was stopped: enough" in program.finish().err
    runs = by_pipeline(lab)
    assert runs["leaf"].status == "stopped"
    assert runs["middle"].steps["leaf"].status == "failed"


def test_a_run_that_fails_fast_stops_its_children(lab):
    lab.run(
        """
        @step(enable_cache=False)
        def work() -> int:
            mark("running")
            hang()
            return 1

        @step
        def fail():
            raise ValueError("at once")

        @pipeline
        def leaf():
            work()

        @pipeline(dynamic=True, execution_mode="fail_fast")
        def outer():
            leaf.submit()
            wait_for_mark("running")
            fail()

        outer()
        """,
        expect=1,
    )
    runs = by_pipeline(lab)
    assert (runs["outer"].status, runs["leaf"].status) == ("failed", "stopped")
    assert "fails fast" in runs["leaf"].record.reason


def test_a_killed_program_leaves_interrupted_runs(lab):
    program = lab.start(WORK.format(runtime="", call="middle(1)"))
    program.wait_for_mark("running")
    program.kill()
    program.finish()
    assert {run.refresh().status for run in by_pipeline(lab).values()} == {"interrupted"}


def test_children_have_isolated_steps_and_their_own_logs(lab):
    result = lab.run(
        """
        @step(runtime="isolated")
        def double(x: int) -> int:
            mark("double")
            print("in the step")
            return 2 * x

        @pipeline(dynamic=True)
        def inner(x):
            print("in the child")
            return double(x)

        @pipeline(dynamic=True)
        def outer():
            print("before")
            futures = [inner.submit(n) for n in range(3)]
            values = [future.load() for future in futures]
            print("after")
            return sum(values)

        run = outer()
        fact(value=run.outputs[0].load(), own=str(run.logs), children=[str(one.logs) for one in run.children])
        fact(pid=os.getpid())
        """
    )
    assert result.facts["value"] == 6
    assert result.facts["pid"] not in {one["pid"] for one in result.of("double")}
    assert result.facts["own"].split("\n")[:2] == ["before", "after"]
    assert [text.strip() for text in result.facts["children"]] == ["in the child"] * 3


def test_what_the_commands_show(lab):
    lab.run(
        """
        @step
        def fail(x: int) -> int:
            raise ValueError("too hot")

        @pipeline(dynamic=True)
        def inner(x):
            return fail(x)

        @pipeline(dynamic=True)
        def outer():
            inner(1)

        outer()
        """,
        expect=1,
    )
    listed = json.loads(zenml(lab, "run", "list", "--json").stdout)["items"]
    assert [run["pipeline"] for run in listed] == ["outer"]
    every = json.loads(zenml(lab, "run", "list", "--children", "--json").stdout)["items"]
    assert [run["pipeline"] for run in every] == ["inner", "outer"]
    assert json.loads(zenml(lab, "run", "list", "--pipeline", "inner", "--json").stdout)["total"] == 1

    outer = json.loads(zenml(lab, "run", "show", "outer", "--json").stdout)
    inner = json.loads(zenml(lab, "run", "show", "inner", "--json").stdout)
    assert inner["parent"] == {"id": outer["id"], "name": outer["name"]}
    assert outer["children"] == [
        {
            "id": inner["id"],
            "name": inner["name"],
            "status": "failed",
            "pipeline": "inner",
            "counts": {"failed": 1},
        }
    ]
    assert outer["steps"][0]["child_run_id"] == inner["id"]

    shown = zenml(lab, "run", "show", "outer").stdout
    assert f"Pipeline `inner` of run `{outer['name']}` failed: ValueError: too hot" in shown
    assert f"It failed in step `fail` of run `{inner['name']}`." in shown
    assert f"Called by   {outer['name']}" in zenml(lab, "run", "show", "inner").stdout
