"""A person in the loop, with real processes: the run holds none while it waits, and one answer counts."""

import os
import signal
import subprocess
import sys

import pytest
from labkit import wait_until
from pseudo_terminal import run_in_terminal

FLOW = """
    from dataclasses import dataclass
    from typing import Literal
    from zenml import wait

    @dataclass
    class Decision:
        stage: Literal["staging", "production"]
        copies: int = 1

    @step(enable_cache=False)
    def train() -> float:
        mark("train")
        return 0.9

    @step(enable_cache=False)
    def deploy(score: float, stage: str, copies: int) -> str:
        mark("deploy", stage=stage, copies=copies)
        return stage

    def hold():
        mark("paused")
        if os.environ.get("HOLD"):
            hang()

    def resumed():
        mark("resumed")

    @pipeline(dynamic=True, on_pause=hold, on_resume=resumed)
    def flow():
        score = train()
        decision = wait(Decision, "Where to?")
        return deploy(score, decision.stage, decision.copies)

    if __name__ == "__main__":
        run = flow()
        fact(status=str(run.status), question=run.waits[0].question, shown=repr(run))
"""


def environment(lab):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    kit = os.path.join(os.path.dirname(__file__), "kit")
    return {
        **inherited,
        **lab.variables,
        "PYTHONPATH": kit,
        "LAB_TRACE": lab.trace,
        "LAB_ID": lab.id,
        "TERM": "xterm-256color",
    }


def command(*words):
    return [sys.executable, "-c", "import sys; from zenml.cli.main import main; sys.exit(main())", *words]


def zenml(lab, *words, expect=0, given=""):
    done = subprocess.run(
        command(*words), env=environment(lab), input=given, capture_output=True, text=True, timeout=120
    )
    assert expect is None or done.returncode == expect, done.stderr
    return done


def only_run(lab):
    (run,) = lab.client().list_pipeline_runs().items
    return run


def marks(lab, name):
    from labkit import read

    return [one for one in read(lab.trace) if one["mark"] == name]


def test_pause_answer_go_on_in_three_processes(lab):
    result = lab.run(FLOW)

    assert result.facts["status"] == "paused"
    assert result.facts["question"] == "Where to?"
    assert "zenml run answer" in result.facts["shown"]
    assert "waits for an answer: Where to?" in result.err

    shown = zenml(lab, "run", "show", "latest").stdout
    assert "paused: it waits for an answer to `where_to`" in shown
    assert "Answer it: zenml run answer" in shown
    assert '"question": "Where to?"' in zenml(lab, "status", "--json").stdout

    done = zenml(lab, "run", "answer", "--json", '{"stage": "staging"}', "--by", "Ada")

    assert 'Answered `Where to?`: {"stage": "staging"}' in done.stderr
    run = only_run(lab)
    assert run.record.status == "completed"
    assert run.waits[0].answered_by == "Ada"
    assert len(marks(lab, "train")) == 1
    assert [(one["stage"], one["copies"]) for one in marks(lab, "deploy")] == [("staging", 1)]
    assert len(marks(lab, "resumed")) == 1


def test_the_form_on_a_terminal(lab):
    lab.run(FLOW)

    shown = run_in_terminal(
        command("run", "answer", "--no-resume"), environment(lab), answer=("stage (1-2)", "9\n2\nmany\n2\n")
    )

    assert shown.returncode == 0, shown.text
    assert "asks: Where to?" in shown.text
    assert "1) production" in shown.text
    assert 'Expected: one of "production", "staging"' in shown.text
    assert 'That is "many"' in shown.text or 'is "many"' in shown.text
    assert only_run(lab).waits[0].answer == {"stage": "staging", "copies": 2}
    assert only_run(lab).record.status == "paused"

    zenml(lab, "run", "resume")

    assert marks(lab, "deploy")[0]["copies"] == 2


def test_ctrl_c_in_the_form_answers_nothing(lab):
    lab.run(FLOW)

    shown = run_in_terminal(command("run", "answer"), environment(lab), interrupt_at="stage (1-2)")

    assert shown.returncode == 130
    assert only_run(lab).waits[0].status == "open"


def test_pipeline_run_prints_question_and_command_and_succeeds(lab):
    lab.write("flows.py", "from labkit import *\nfrom zenml import pipeline, step\nimport os\n")
    with open(lab.folder / "flows.py", "a") as file:
        import textwrap

        file.write(textwrap.dedent(FLOW))

    done = zenml(lab, "pipeline", "run", str(lab.folder / "flows.py"), "-q")

    assert "waits for an answer: Where to?" in done.stderr
    assert "zenml run answer" in done.stderr


def test_an_answer_from_standard_input_and_bad_ones(lab):
    lab.run(FLOW)

    assert "no JSON" in zenml(lab, "run", "answer", "--json", "staging", expect=2).stderr
    assert "`stage` is 1" in zenml(lab, "run", "answer", "--json", '{"stage": 1}', expect=1).stderr
    assert "There is nobody to ask" in zenml(lab, "run", "answer", expect=1).stderr
    zenml(lab, "run", "answer", "--json", "-", "--no-resume", given='{"stage": "production"}')
    assert "has been answered" in zenml(lab, "run", "answer", "--json", "{}", expect=1).stderr

    assert only_run(lab).waits[0].answer == {"stage": "production"}


def test_of_several_answers_at_once_one_wins(lab):
    lab.run(FLOW)

    answers = [f'{{"stage": "staging", "copies": {number}}}' for number in range(6)]
    several = [
        subprocess.Popen(
            command("run", "answer", "latest", "--no-resume", "--json", one),
            env=environment(lab),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for one in answers
    ]
    said = [(process.communicate(timeout=120)[1], process.returncode) for process in several]

    won = [number for number, (_, code) in enumerate(said) if code == 0]
    assert len(won) == 1
    assert only_run(lab).waits[0].answer["copies"] == won[0]
    assert all("has been answered" in text for text, code in said if code)


def test_of_several_that_go_on_at_once_one_does(lab):
    lab.run(FLOW)
    zenml(lab, "run", "answer", "--json", '{"stage": "staging"}', "--no-resume")

    several = [
        subprocess.Popen(command("run", "resume"), env=environment(lab), stderr=subprocess.DEVNULL, stdout=-3)
        for _ in range(3)
    ]
    for process in several:
        process.wait(120)

    assert only_run(lab).record.status == "completed"
    assert len(marks(lab, "deploy")) == 1


def test_kill_after_the_pause_was_recorded_loses_nothing(lab):
    program = lab.start(FLOW, env={"HOLD": "1"})
    program.wait_for_mark("paused")
    program.kill(signal.SIGKILL)
    program.process.wait(60)

    zenml(lab, "status")
    assert only_run(lab).record.status == "paused"
    zenml(lab, "run", "answer", "--json", '{"stage": "staging"}')

    run = only_run(lab)
    assert run.record.status == "completed"
    assert len(marks(lab, "train")) == 1
    assert [one.status for one in run.hook_runs if one.hook == "on_pause"] == ["skipped"]


@pytest.mark.parametrize("nap", [0.0, 0.3, 0.45, 0.6])
def test_kill_while_an_answer_is_given_leaves_it_whole_or_open(lab, nap):
    lab.run(FLOW)
    process = subprocess.Popen(
        command("run", "answer", "--no-resume", "--json", '{"stage": "staging"}'),
        env=environment(lab),
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(nap or 0.001)
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait(60)

    (wait,) = only_run(lab).waits
    assert (wait.status, wait.answer) in [("open", None), ("answered", {"stage": "staging"})]
    if wait.status == "open":
        zenml(lab, "run", "answer", "--no-resume", "--json", '{"stage": "staging"}')
    wait_until(lambda: only_run(lab).waits[0].status == "answered")


def test_a_run_that_pauses_in_the_background_can_be_waited_for_no_longer(lab):
    lab.run(FLOW)

    done = zenml(lab, "run", "wait", "latest", expect=1)

    assert "is paused" in done.stdout
    assert "waits for an answer" in done.stderr
