"""Ctrl-C and SIGTERM end a run in good order, within seconds, and leave nobody behind."""

import signal

import labkit
import pytest

SCRIPTS = {
    "inline": """
        @step
        def work():
            mark("running")
            hang()

        @step
        def later():
            mark("later")

        @pipeline
        def flow():
            later(after=work())

        flow()
    """,
    "long sleep": """
        @step
        def work():
            mark("running")
            time.sleep(100)

        @pipeline
        def flow():
            work()

        flow()
    """,
    "destructor": """
        class Slow:
            def __del__(self):
                mark("running")
                time.sleep(1)  # Python drops what is raised in here

        @step
        def work():
            one = Slow()
            del one
            time.sleep(100)

        @pipeline
        def flow():
            work()

        flow()
    """,
    "isolated": """
        @step(runtime="isolated")
        def work():
            mark("running")
            hang()

        @step
        def later():
            mark("later")

        @pipeline
        def flow():
            later(after=work())

        flow()
    """,
    "parallel": """
        @step
        def inline(x: int):
            mark("running")
            hang()

        @step(runtime="isolated")
        def isolated(x: int):
            mark("running")
            import subprocess
            subprocess.run([sys.executable, "-c", "import labkit; labkit.hang()"])

        @pipeline
        def flow():
            for x in range(3):
                inline(x)
            isolated(1)

        flow()
    """,
    "ignores signals": """
        @step(runtime="isolated")
        def work():
            import signal
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            mark("running")
            hang()

        @pipeline
        def flow():
            work()

        flow()
    """,
    "runs away": """
        @step(runtime="isolated")
        def work():
            import subprocess
            code = "import os, signal; os.fork() and os._exit(0); signal.signal(signal.SIGTERM, signal.SIG_IGN); import labkit; labkit.mark('running'); labkit.hang()"
            subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
            hang()

        @pipeline
        def flow():
            work()

        flow()
    """,
    "blocks in C": """
        @step(runtime="isolated")
        def work():
            import ctypes
            mark("running")
            ctypes.PyDLL(None).pause()  # with the lock of the interpreter
            ctypes.PyDLL(None).pause()

        @pipeline
        def flow():
            work()

        flow()
    """,
    "cleanup": """
        @step
        def work():
            try:
                mark("running")
                hang()
            finally:
                mark("cleaned")

        @pipeline
        def flow():
            work()

        flow()
    """,
}
RUNNING = {"parallel": 4}
KEYBOARD = (-signal.SIGINT, 128 + signal.SIGINT)
SECONDS = 10
GRACE = 5
"""Seconds that the process of a step has to end in good order."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_signal_stops_the_run(lab, name, number):
    program = lab.start(SCRIPTS[name])
    program.wait_for_mark("running", RUNNING.get(name, 1))
    sent = labkit.time.monotonic()

    program.kill(number)
    result = program.finish()

    assert labkit.time.monotonic() - sent < SECONDS
    assert result.returncode in KEYBOARD if number == signal.SIGINT else result.returncode == 143
    assert lab.survivors() == []
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"
    assert run.reason
    statuses = labkit.statuses(run)
    assert statuses.pop("later", "skipped") == "skipped"
    assert set(statuses.values()) == {"stopped"}
    assert result.count("later") == 0
    assert result.count("cleaned") == (name == "cleanup")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_second_signal_does_not_wait_for_a_process_that_ends_slowly(lab, number):
    program = lab.start(SCRIPTS["ignores signals"])
    program.wait_for_mark("running")
    sent = labkit.time.monotonic()

    program.kill(number)
    labkit.wait_until(lambda: statuses_of_runs(lab) == ["stopping"], "a stop")
    program.kill(number)
    result = program.finish()

    assert labkit.time.monotonic() - sent < GRACE
    assert result.returncode in KEYBOARD if number == signal.SIGINT else result.returncode == 143
    assert lab.survivors() == []
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"


IN_GOOD_ORDER = """
    import signal

    @step(runtime="isolated")
    def work() -> int:
        asked = []
        signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
        mark("running")
        while not asked:
            time.sleep(0.01)
        mark("asked")
        wait_for_mark("go")
        {end}

    @step
    def later(x: int):
        mark("later")

    @pipeline
    def flow():
        later(work())

    flow()
"""


@pytest.mark.parametrize(("end", "status"), [("return 7", "completed"), ("sys.exit(3)", "stopped")])
def test_an_isolated_step_has_time_to_end_in_good_order(lab, end, status):
    program = lab.start(IN_GOOD_ORDER.format(end=end))
    program.wait_for_mark("running")

    program.kill(signal.SIGTERM)
    program.wait_for_mark("asked")
    (meanwhile,) = lab.client().list_pipeline_runs().items
    lab.run('mark("go")')
    result = program.finish()

    assert str(meanwhile.status) == "stopping"
    assert result.returncode == 143
    assert lab.survivors() == []
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "stopped"
    assert labkit.statuses(run) == {"work": status, "later": "skipped"}
    assert result.count("later") == 0


CHILDREN = """
    import signal

    @step(runtime="isolated")
    def work(x: int):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        mark("running")
        hang()

    @pipeline
    def inner(x: int):
        work(x)

    @pipeline(dynamic=True)
    def flow():
        for x in range(2):
            inner.submit(x)
        work(9)

    flow()
"""


@pytest.mark.parametrize("is_twice", [False, True])
def test_stubborn_steps_of_several_runs_end_together(lab, is_twice):
    program = lab.start(CHILDREN)
    program.wait_for_mark("running", 2)  # of three, on two CPUs
    sent = labkit.time.monotonic()

    program.kill(signal.SIGINT)
    if is_twice:
        labkit.wait_until(lambda: "stopping" in statuses_of_runs(lab), "a stop")
        program.kill(signal.SIGINT)
    program.finish()

    assert labkit.time.monotonic() - sent < (GRACE if is_twice else SECONDS)
    assert lab.survivors() == []
    assert set(statuses_of_runs(lab)) == {"stopped"}


def statuses_of_runs(lab):
    return [str(run.status) for run in lab.client().list_pipeline_runs().items]


def test_a_stopped_run_can_be_caught_and_another_one_started(lab):
    program = lab.start("""
        import signal

        @step(enable_cache=False)
        def work(is_long: bool) -> int:
            mark("running")
            if is_long:
                hang()
            return 1

        @pipeline
        def flow(is_long: bool):
            work(is_long)

        try:
            flow(True)
        except KeyboardInterrupt:
            fact(value=value(flow(False), "work"))
        fact(restored=signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """)
    program.wait_for_mark("running")

    program.kill(signal.SIGINT)
    result = program.finish()

    assert result.returncode == 0
    assert result.facts == {"value": 1, "restored": True}
    runs = lab.client().list_pipeline_runs().items
    assert [str(run.status) for run in runs] == ["completed", "stopped"]


def test_a_run_that_goes_on_elsewhere_is_not_stopped_by_a_signal_to_this_one(lab):
    script = """
        @step(enable_cache=False)
        def begin():
            mark("begun")

        @step
        def work() -> int:
            mark("running")
            wait_for_mark("go")
            return 1

        @pipeline
        def flow():
            work(after=begin())

        fact(value=value(flow(), "work"))
    """
    leader = lab.start(script)
    leader.wait_for_mark("running")
    follower = lab.start()
    follower.wait_for_mark("begun")

    follower.kill(signal.SIGTERM)
    stopped = follower.finish()
    lab.run("mark('go')", script="go.py")
    finished = leader.finish()

    assert stopped.returncode == 143
    assert finished.facts == {"value": 1}
    assert lab.client().list_pipeline_runs(status="stopped").total == 1
