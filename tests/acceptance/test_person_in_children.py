"""A person in the loop of a run that another one called, with real processes and the commands."""

import json
import os
import signal
import subprocess
import sys

import pytest
from labkit import read

FLOW = """
    from zenml import wait

    @step(enable_cache=False)
    def work(x: int) -> int:
        mark("work", x=x)
        return x

    @step(enable_cache=False{runtime})
    def slow(x: int) -> int:
        mark("slow")
        if os.environ.get("HOLD"):
            hang()
        return x

    @pipeline(dynamic=True)
    def inner(x: int):
        work(x)
        return work(x + wait(int, "How many?"))

    @pipeline(dynamic=True)
    def other():
        return slow(5)

    @pipeline(dynamic=True)
    def outer():
        asked = inner.submit(1)
        if os.environ.get("HOLD"):
            asked.wait(0.3)
        beside = other.submit()
        return work([asked.load(), beside.load()][0])

    if __name__ == "__main__":
        run = outer()
        fact(status=str(run.status))
"""


def zenml(lab, *words, expect=0):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    kit = os.path.join(os.path.dirname(__file__), "kit")
    environment = {
        **inherited,
        **lab.variables,
        "PYTHONPATH": kit,
        "LAB_TRACE": lab.trace,
        "LAB_ID": lab.id,
    }
    command = [sys.executable, "-c", "import sys; from zenml.cli.main import main; sys.exit(main())", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, done.stderr
    return done


def flow(runtime=""):
    return FLOW.format(runtime=runtime)


def runs(lab):
    return {run.pipeline.name: run for run in lab.client().list_pipeline_runs().items}


def worked(lab):
    return [one["x"] for one in read(lab.trace) if one["mark"] == "work"]


@pytest.mark.parametrize("who", ["outer", "inner"])
def test_the_commands_answer_parent_or_child_and_go_on_with_both(lab, who):
    assert lab.run(flow()).facts["status"] == "paused"
    found = runs(lab)
    assert {name: run.status.value for name, run in found.items()} == {
        "outer": "paused",
        "inner": "paused",
        "other": "completed",
    }
    (asked,) = json.loads(zenml(lab, "status", "--json").stdout)["waits"]
    assert (asked["run_id"], asked["question"]) == (found["inner"].id, "How many?")
    shown = zenml(lab, "run", "show", "outer").stdout
    assert "waits for an answer: How many?" in shown
    assert "its run is paused" in shown

    zenml(lab, "run", "answer", found[who].id, "--json", "10")

    assert {run.status.value for run in runs(lab).values()} == {"completed"}
    assert worked(lab) == [1, 11, 11]
    assert runs(lab)["inner"].id == found["inner"].id
    assert "it was paused, and goes on" in zenml(lab, "run", "show", "outer").stdout


def test_to_resume_the_child_alone_is_refused_with_the_command_that_helps(lab):
    lab.run(flow())
    found = runs(lab)
    said = zenml(lab, "run", "answer", "inner", "--json", "10", "--no-resume").stderr
    assert f"zenml run resume {found['outer'].id[-8:]}" in said

    said = zenml(lab, "run", "resume", "inner", expect=1).stderr

    assert f"was called by run `{found['outer'].name}`" in said
    assert f"zenml run resume {found['outer'].id[-8:]}" in said
    zenml(lab, "run", "resume", "outer")
    assert worked(lab) == [1, 11, 11]


def test_a_stop_of_the_parent_withdraws_what_its_child_asks(lab):
    lab.run(flow())

    zenml(lab, "run", "stop", "outer")

    assert runs(lab)["inner"].status.value == "stopped"
    assert json.loads(zenml(lab, "status", "--json").stdout)["waits"] == []


@pytest.mark.parametrize("runtime", ["", ', runtime="isolated"'])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_while_one_child_asks_and_another_works(lab, runtime, number):
    program = lab.start(flow(runtime), env={"HOLD": "1"})
    program.wait_for_mark("slow")
    program.kill(number)
    program.finish()
    lab.wait_until_empty()
    zenml(lab, "status")
    ended = "stopped" if number == signal.SIGINT else "interrupted"
    assert runs(lab)["outer"].status.value == ended
    assert runs(lab)["other"].status.value == ended
    assert runs(lab)["inner"].status.value in ("stopped", "paused")

    zenml(lab, "run", "resume", "outer")
    zenml(lab, "run", "answer", "--json", "10")

    assert {run.status.value for run in runs(lab).values()} == {"completed"}
    assert worked(lab) == [1, 11, 11]
    assert len(runs(lab)) == 3
