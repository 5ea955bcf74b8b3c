"""Hooks as users meet them: signals, kills, processes of their own, logs, alerters."""

import json
import os
import signal
import subprocess
import sys

import pytest

from zenml.records.hooks import HookRun

WORK = {
    "inline": "@step",
    "isolated": '@step(runtime="isolated")',
}


def cli(lab, *arguments):
    environment = {**os.environ, **lab.variables, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "zenml", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("kind", WORK)
def test_cleanup_runs_when_a_signal_ends_the_run(lab, number, kind):
    program = lab.start(f"""
        def cleanup(exception, run):
            mark("cleanup", error=type(exception).__name__, status=str(run.status))

        {WORK[kind]}
        def work():
            mark("running")
            hang()

        @pipeline(on_cleanup=cleanup, on_failure=lambda: mark("failure"), on_success=lambda: mark("success"))
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("running")
    program.kill(number)
    result = program.finish()

    (cleanup,) = result.of("cleanup")
    assert cleanup["error"] == ("Terminated" if number == signal.SIGTERM else "KeyboardInterrupt")
    assert cleanup["status"] == "stopped"
    assert result.count("failure") == result.count("success") == 0
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"
    assert [(row.hook, row.status) for row in run.hook_runs] == [("on_cleanup", "completed")]


def test_a_signal_interrupts_a_hook_and_the_run_is_stopped_and_cleaned_up(lab):
    program = lab.start("""
        def slow():
            mark("slow")
            hang()

        @step(on_success=slow)
        def work():
            pass

        @pipeline(on_cleanup=lambda: mark("cleanup"))
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("slow")
    program.kill(signal.SIGTERM)
    result = program.finish()

    assert result.returncode == 143
    assert result.count("cleanup") == 1
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"
    assert {row.hook: row.status for row in run.hook_runs} == {
        "on_success": "pending",
        "on_cleanup": "completed",
    }


def test_a_signal_during_on_init_stops_the_run_before_any_step_and_cleans_up(lab):
    program = lab.start("""
        def init():
            mark("init")
            hang()

        @step
        def work():
            mark("work")

        @pipeline(on_init=init, on_cleanup=lambda: mark("cleanup"))
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("init")
    program.kill(signal.SIGTERM)
    result = program.finish()

    assert result.returncode == 143
    assert [mark["mark"] for mark in result.marks] == ["init", "cleanup"]
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"


def test_a_second_signal_ends_a_cleanup_that_hangs(lab):
    program = lab.start("""
        def cleanup():
            mark("cleanup")
            hang()

        @step
        def work():
            mark("running")
            hang()

        @pipeline(on_cleanup=cleanup)
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("running")
    program.kill(signal.SIGTERM)
    program.wait_for_mark("cleanup")
    program.kill(signal.SIGTERM)
    result = program.finish()

    assert result.returncode == 143
    assert result.count("cleanup") == 1


def test_hooks_that_a_killed_run_owes_are_pending(lab):
    program = lab.start("""
        @step(on_success=lambda: (mark("hook"), hang()))
        def work():
            pass

        @pipeline(on_cleanup=lambda: mark("cleanup"))
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("hook")
    program.kill()
    program.process.wait()

    (run,) = lab.client().list_pipeline_runs().items
    store = lab.client().store
    pending = store.select(HookRun, run_id=run.id, status="pending")
    assert str(run.status) == "interrupted"
    assert str(run.steps["work"].status) == "completed"
    assert {row.hook: row.invocation_id for row in pending} == {"on_success": "work", "on_cleanup": None}


def test_hooks_of_isolated_steps_run_in_the_owners_process_around_the_step(lab):
    result = lab.run("""
        @step(
            runtime="isolated",
            on_start=lambda: mark("start"),
            on_success=lambda step_name, output: mark("success", step=step_name, output=output),
        )
        def work(x: int) -> int:
            mark("work")
            return x + 1

        @pipeline(on_failure=lambda e: mark("failure"))
        def flow():
            work(work(1))

        flow()
        fact(owner=os.getpid())
    """)

    by_step = [mark["mark"] for mark in result.marks]
    assert sorted(by_step) == sorted(["start", "work", "success"] * 2)
    assert by_step[:2] == ["start", "work"]
    assert [mark["output"] for mark in result.of("success")] == [2, 3]
    owner = result.facts["owner"]
    assert {mark["pid"] for mark in result.of("start") + result.of("success")} == {owner}
    assert owner not in {mark["pid"] for mark in result.of("work")}


def test_the_failure_hook_of_an_isolated_step_gets_its_exception(lab):
    result = lab.run(
        """
        class Own(Exception):
            pass

        @step(runtime="isolated", on_failure=lambda e: fact(kind=type(e) is Own, text=str(e)))
        def work():
            raise Own("over there")

        @pipeline
        def flow():
            work()

        flow()
        """,
        expect=1,
    )

    assert result.facts == {"kind": True, "text": "over there"}


def test_the_state_travels_to_isolated_steps(lab):
    result = lab.run("""
        from zenml import get_step_context

        class Session:
            def __init__(self, token):
                self.token = token

        @step(runtime="isolated")
        def work() -> str:
            context = get_step_context()
            fact(run=str(context.pipeline_run.status), step=str(context.step_run.status))
            return context.pipeline_state.token

        @pipeline(on_init=lambda token: Session(token), on_init_kwargs={"token": "t-1"})
        def flow():
            work()

        fact(token=value(flow(), "work"))
    """)

    assert result.facts == {"run": "running", "step": "running", "token": "t-1"}


def test_a_state_that_cannot_travel_is_an_error_of_the_isolated_step_that_asks_for_it(lab):
    result = lab.run("""
        import threading
        from zenml import get_step_context

        @step
        def here() -> bool:
            return get_step_context().pipeline_state.locked()

        @step(runtime="isolated")
        def silent():
            mark("silent")

        @step(runtime="isolated")
        def asking():
            get_step_context().pipeline_state

        @pipeline(on_init=lambda: threading.Lock())
        def flow():
            here()
            silent()
            asking()

        error = outcome(flow)
        fact(kind=type(error).__name__, text=str(error), statuses=statuses(last_run()))
    """)

    assert result.facts["kind"] == "ContextError"
    assert "the lock that `on_init` returned, cannot be sent" in result.facts["text"]
    assert 'runtime="inline"' in result.facts["text"]
    assert result.facts["statuses"] == {"here": "completed", "silent": "completed", "asking": "failed"}


def test_what_hooks_print_is_in_the_log_of_the_run(lab):
    result = lab.run("""
        import logging

        def tell(step_name):
            print(f"hook of {step_name}")
            logging.getLogger("mine").warning("logged in a hook")

        @step(on_success=tell)
        def work():
            print("in the step")

        @pipeline(on_init=lambda: print("set up"), on_cleanup=lambda: print("cleaned up"))
        def flow():
            work()

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    assert list(run.steps["work"].logs.lines()) == ["in the step"]
    lines = list(run.logs.lines())
    assert [line for line in lines if "logged" not in line] == ["set up", "hook of work", "cleaned up"]
    assert any("logged in a hook" in line for line in lines)
    assert "hook of work" in result.out
    assert "hook of work" in cli(lab, "logs", run.name)
    assert {row.hook: os.path.basename(row.log) for row in run.hook_runs} == dict.fromkeys(
        ("on_init", "on_success", "on_cleanup"), "run.log"
    )


def test_a_failed_hook_is_shown(lab):
    result = lab.run("""
        def tell(output):
            raise ConnectionError("the channel is closed")

        @step(on_success=tell)
        def work() -> int:
            return 1

        @pipeline
        def flow():
            work()

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    sentence = (
        "Hook `on_success` of step `work` (`__main__.tell`) failed: ConnectionError: the channel is closed"
    )
    assert sentence in result.err
    shown = cli(lab, "run", "show", run.name)
    assert sentence in shown
    assert 'raise ConnectionError("the channel is closed")' in shown
    assert "1 failed" in shown
    said = json.loads(cli(lab, "run", "show", run.name, "--json"))
    assert said["hooks"] == {"pending": 0, "completed": 0, "failed": 1, "skipped": 0}
    (failure,) = said["hook_failures"]
    assert (failure["hook"], failure["step"], failure["source"]) == ("on_success", "work", "__main__.tell")
    assert failure["failure"]["type"] == "builtins.ConnectionError"


ALERTED = """
    from zenml.hooks import alerter_failure_hook, alerter_success_hook

    @step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
    def good(x: int) -> int:
        return x

    @step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
    def bad(x: int):
        raise ValueError("boom " + "x" * 1000)

    @pipeline
    def flow():
        bad(good(good(1)))
"""


def test_alerter_hooks_say_once_that_there_is_no_alerter(lab):
    result = lab.run(ALERTED + "\n    outcome(flow)\n")

    assert result.err.count("The active stack has no alerter: the alerter hooks post nothing.") == 1
    (run,) = lab.client().list_pipeline_runs().items
    assert {row.status for row in run.hook_runs} == {"completed"}
