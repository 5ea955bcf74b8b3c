"""Runs in the background: the call returns at once, the run outlives its script and its terminal."""

import signal
import time

import labkit
import pytest

from zenml.client.run_control import stop_run, wait_for_run

FLOW = """
    @step(enable_cache=False, runtime={runtime!r})
    def work(x: int) -> int:
        print("at work")
        mark("running")
        wait_until(lambda: os.path.exists("go"))
        if x < 0:
            raise ValueError("negative")
        mark("done")
        return x

    @pipeline(settings={{{key!r}: {{"synchronous": False}}}})
    def flow(x: int = 1):
        work(x)

    run = flow({argument})
    mark("returned")
    fact(status=str(run.status), name=run.name)
"""


def script(key="orchestrator", runtime="inline", argument=1):
    return FLOW.format(key=key, runtime=runtime, argument=argument)


def let_go(lab):
    (lab.folder / "go").write_text("")


def only_run(lab):
    (run,) = lab.client().list_pipeline_runs().items
    return run


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
@pytest.mark.parametrize("key", ["orchestrator", "orchestrator.default", "orchestrator.local"])
def test_the_call_returns_with_a_run_that_goes_on_after_the_script(lab, key, runtime):
    result = lab.run(script(key, runtime))

    assert result.facts["status"] == "running"
    assert result.count("done") == 0
    let_go(lab)
    run = wait_for_run(lab.client().store, result.facts["name"], 30)
    assert str(run.status) == "completed"
    assert run.steps["work"].output.load() == 1
    assert "at work" in str(run.steps["work"].logs)


def test_settings_of_another_orchestrator_do_not_count(lab):
    let_go(lab)

    assert lab.run(script("orchestrator.kubernetes")).facts["status"] == "completed"


def test_a_failure_is_recorded_with_the_run(lab):
    let_go(lab)
    result = lab.run(script(argument=-1))

    run = wait_for_run(lab.client().store, result.facts["name"], 30)

    assert (str(run.status), run.failure.message) == ("failed", "negative")


def test_it_can_be_stopped(lab):
    result = lab.run(script(runtime="isolated"))
    store = lab.client().store
    wait_until_running(lab)

    stop_run(store, result.facts["name"], reason="enough")

    run = wait_for_run(store, result.facts["name"], 30)
    assert (str(run.status), run.reason) == ("stopped", "enough")


def test_it_survives_the_hang_up_of_its_terminal(lab):
    heeding = "    import signal\n    signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # who runs the tests may ignore it
    program = lab.start(script() + f"\n{heeding}    mark('heeds')\n    time.sleep(60)\n")
    program.wait_for_mark("heeds", 1)
    program.wait_for_mark("running", 1)
    program.kill(signal.SIGHUP)
    assert program.finish().returncode == -signal.SIGHUP
    let_go(lab)

    assert str(wait_for_run(lab.client().store, only_run(lab).name, 30).status) == "completed"


def test_what_keeps_a_run_from_beginning_is_an_error_of_the_caller(lab):
    let_go(lab)
    result = lab.run(
        script()
        + """
    try:
        flow.with_options(run_name=run.name)()
    except Exception as error:
        fact(error=type(error).__name__, text=str(error))
    """
    )

    assert result.facts["error"] == "ConfigurationError"
    assert "There is already a run named" in result.facts["text"]


def wait_until_running(lab):
    end = time.monotonic() + 30
    while not any(mark["mark"] == "running" for mark in labkit.read(lab.trace)):
        assert time.monotonic() < end, "the step did not begin"
        time.sleep(0.02)


def test_the_returned_run_can_be_waited_for(lab):
    let_go(lab)
    result = lab.run(
        script()
        + """
    in_time = run.wait(30)
    fact(ended=str(run.status), same=in_time is run, steps=statuses(run))
    """
    )

    assert result.facts["ended"] == "completed"
    assert result.facts["same"]
    assert result.facts["steps"] == {"work": "completed"}


def test_waiting_gives_up_when_the_time_is_over(lab):
    result = lab.run(script() + "\n    fact(ended=str(run.wait(0.1).status))\n")
    let_go(lab)

    assert result.facts["ended"] == "running"
    only_run(lab).wait(30)
