"""A run that did not complete is resumed by command, from another process: as the code is now, as it was told then."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import labkit
import pytest

FLOW = """
    import os
    from labkit import mark
    from zenml import pipeline, step

    @step(enable_cache=False)
    def first(size: int) -> int:
        mark("first", size=size)
        return size

    @step(enable_cache=False)
    def work(x: int, factor: int = 1) -> int:
        mark("work", x=x, factor=factor)
        if os.path.exists("die"):
            os.kill(os.getpid(), 9)
        return x * factor

    @step(enable_cache=False)
    def last(x: int) -> int:
        mark("last", x=x)
        return x

    @pipeline
    def flow(size: int = 1) -> int:
        return last(work(first(size)))

    if __name__ == "__main__":
        mark("main")
        flow.with_options(run_name="nightly", config_path="run.yaml")(size=5)
"""


@pytest.fixture
def killed(lab):
    """A script whose run is killed in its second step; returns what its folder is changed with."""
    lab.write("run.yaml", "steps: {work: {parameters: {factor: 7}}}\n")
    lab.write("die", "")
    lab.write("flow.py", FLOW)
    assert lab.start(script="flow.py").finish().returncode == -signal.SIGKILL
    (lab.folder / "die").unlink()
    return lab


def zenml(lab, *words):
    """Run the command in the folder of the scripts."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    environment = {
        **inherited,
        **lab.variables,
        "PYTHONPATH": os.path.dirname(labkit.__file__),
        "LAB_TRACE": lab.trace,
        "LAB_ID": lab.id,
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "zenml", *words],
        cwd=lab.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def marks(lab):
    return [mark["mark"] for mark in labkit.read(lab.trace)]


@pytest.mark.on_team_store
def test_only_what_is_missing_is_executed_in_the_same_run(killed):
    before = killed.client().get_pipeline_run("nightly")
    assert before.record.status == "interrupted"

    done = zenml(killed, "run", "resume", "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["resumed"]["reused"] == ["first"]
    assert said["resumed"]["executed"] == {
        "work": "it was interrupted",
        "last": "caching is disabled for it",
    }
    run = killed.client().get_pipeline_run("nightly")
    assert (run.id, run.record.status, run.outputs[0].load()) == (before.id, "completed", 35)
    assert run.record.epoch > before.record.epoch
    assert marks(killed) == ["main", "first", "work", "work", "last"]
    assert killed.survivors() == []


def test_what_the_run_was_told_holds_and_not_the_file_of_now(killed):
    killed.write("run.yaml", "steps: {work: {parameters: {factor: 1000}}}\n")

    assert zenml(killed, "run", "resume", "nightly").returncode == 0

    assert killed.client().get_pipeline_run("nightly").outputs[0].load() == 35


def test_changed_code_is_shown_and_executed_again(killed):
    killed.write("flow.py", FLOW.replace("return size", "return size + 1"))

    done = zenml(killed, "run", "resume", "nightly")

    assert "+    return size + 1" in done.stderr
    assert "`first` (its code changed since it was done)" in done.stdout
    run = killed.client().get_pipeline_run("nightly")
    assert run.outputs[0].load() == 42
    assert "`first()` in flow.py" in zenml(killed, "step", "why", "nightly", "first").stdout
    assert [step.attempt for step in run.attempts if step.invocation_id == "first"] == [1, 2]


def test_a_renamed_step_finds_its_result_and_a_new_one_is_executed(killed):
    changed = FLOW.replace("first(size)", 'first(size, id="begin")').replace(
        "return last(", 'last(3, id="extra"); return last('
    )
    killed.write("flow.py", changed)

    done = zenml(killed, "run", "resume", "nightly")

    assert "New in the pipeline: `extra`, `begin`." in done.stderr
    assert "No longer in it: `first`." in done.stderr
    assert marks(killed).count("first") == 1
    run = killed.client().get_pipeline_run("nightly")
    assert (run.steps["begin"].record.status, run.outputs[0].load()) == ("cached", 35)


def test_a_section_of_a_step_that_is_gone_is_no_error(killed):
    killed.write("flow.py", FLOW.replace("last(work(first(size)))", "last(first(size))"))

    done = zenml(killed, "run", "resume", "nightly")

    assert done.returncode == 0, done.stderr
    assert killed.client().get_pipeline_run("nightly").outputs[0].load() == 5


def test_a_run_that_has_completed_is_not_resumed(killed):
    zenml(killed, "run", "resume", "nightly")

    done = zenml(killed, "run", "resume", "nightly")

    assert done.returncode == 1
    assert "has completed: nothing of it is missing" in done.stderr


def test_a_run_that_goes_on_is_not_resumed(lab):
    program = lab.start("""
        @step
        def work():
            mark("running")
            hang()

        @pipeline
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("running")

    done = zenml(lab, "run", "resume")

    assert done.returncode == 1
    assert f"is running in process {program.pid}. Follow it: zenml run watch" in done.stderr
    program.kill()
    program.finish()


@pytest.mark.on_team_store
def test_of_two_who_resume_one_wins(killed):
    killed.write(
        "flow.py", FLOW.replace('mark("last", x=x)', 'mark("last", x=x); import time; time.sleep(0.5)')
    )
    script = """
        import sys
        from zenml.client import Client
        try:
            Client().resume_run("nightly")
            fact(won=True)
        except Exception as error:
            fact(won=False, error=type(error).__name__)
    """
    killed.write("resume.py", "from labkit import *\n" + textwrap.dedent(script))
    programs = [killed.start(script="resume.py") for _ in range(2)]

    facts = [program.finish().facts for program in programs]

    assert sorted(one["won"] for one in facts) == [False, True], facts
    assert [one["error"] for one in facts if not one["won"]] == ["ResumeError"]
    assert marks(killed).count("last") == 1


def test_a_failed_run_goes_on_after_the_repair(lab):
    code = FLOW.replace("os.kill(os.getpid(), 9)", 'raise ValueError("no luck")')
    lab.write("run.yaml", "steps: {work: {parameters: {factor: 7}}}\n")
    lab.write("die", "")
    lab.write("flow.py", code)
    failed = lab.start(script="flow.py").finish()
    assert failed.returncode == 1
    shown = zenml(lab, "run", "show", "nightly").stdout
    (lab.folder / "die").unlink()

    done = zenml(lab, "run", "resume", "nightly")

    assert "Go on with what is missing: zenml run resume" in shown
    assert "`work` (it had failed), `last` (it was skipped)" in done.stdout
    run = lab.client().get_pipeline_run("nightly")
    assert (run.record.status, run.failure, run.outputs[0].load()) == ("completed", None, 35)


def test_a_pipeline_inside_a_function_is_resumed_where_it_is_at_hand(lab):
    lab.write("die", "")
    code = """
        from labkit import *
        from zenml import pipeline, step
        from zenml.client import Client
        import os, sys

        def made():
            @step(enable_cache=False)
            def first() -> int:
                mark("first")
                return 1

            @step(enable_cache=False)
            def work(x: int) -> int:
                if os.path.exists("die"):
                    os.kill(os.getpid(), 9)
                return x

            @pipeline
            def hidden() -> int:
                return work(first())

            return hidden

        if len(Client().list_pipeline_runs().items):
            fact(value=made().resume("nightly").outputs[0].load())
        else:
            made().with_options(run_name="nightly")()
    """
    lab.write("hidden.py", textwrap.dedent(code))
    lab.start(script="hidden.py").finish()
    (lab.folder / "die").unlink()

    refused = zenml(lab, "run", "resume", "nightly")
    result = lab.start(script="hidden.py").finish()

    assert 'hidden.resume("' in refused.stderr
    assert result.facts == {"value": 1}
    assert marks(lab) == ["first"]


def test_variables_of_the_environment_are_those_of_now(lab):
    lab.write("run.yaml", "steps: {work: {parameters: {factor: '${FACTOR}'}}}\n")
    lab.write("die", "")
    changed = FLOW.replace("last(work(first(size)))", "last(work(work(first(size), id='before')))").replace(
        'os.path.exists("die")', 'x == 15 and os.path.exists("die")'
    )
    lab.write("flow.py", changed)
    lab.start(script="flow.py", env={"FACTOR": "3"}).finish()
    (lab.folder / "die").unlink()
    os.environ["FACTOR"] = "4"
    try:
        done = zenml(lab, "run", "resume", "nightly")
    finally:
        del os.environ["FACTOR"]

    assert "`before` (the variable `FACTOR` changed since it was done)" in done.stdout, done.stderr
    assert lab.client().get_pipeline_run("nightly").outputs[0].load() == 80


@pytest.mark.on_team_store
def test_resumed_in_the_background(killed):
    done = zenml(killed, "run", "resume", "nightly", "--detach")
    waited = zenml(killed, "run", "wait", "nightly")

    assert "goes on in the background" in done.stdout
    assert waited.returncode == 0, waited.stdout
    assert marks(killed) == ["main", "first", "work", "work", "last"]
