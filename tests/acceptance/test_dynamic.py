"""Dynamic pipelines as programs: stops, signals, kills, processes, logs, the background."""

import signal
from pathlib import Path

import labkit
import pytest

from zenml.client.run_control import stop_run, wait_for_run

COMPUTING = """
    @step
    def work() -> int:
        return 1

    @pipeline(dynamic=True)
    def flow():
        work()
        mark("running")
        {body}

    try:
        flow()
    except BaseException as error:
        fact(error=type(error).__name__, text=str(error))
        raise
"""


def only_run(lab):
    (run,) = lab.client().list_pipeline_runs().items
    return run


def started(lab, body):
    program = lab.start(COMPUTING.format(body=body))
    program.wait_for_mark("running", 1)
    return program, only_run(lab)


SLEEPS = "hang()"
WAITS = "step(hang, runtime='isolated', name='slow').submit().load()"
SWALLOWS = """while True:
            try:
                time.sleep(600)
            except Exception:
                pass"""
SWALLOWS_CALLS = """while True:
            try:
                work()
            except Exception:
                pass"""
SWALLOWS_ALL = """while True:
            try:
                work()
            except:
                pass"""


@pytest.mark.parametrize("body", [SLEEPS, WAITS, SWALLOWS, SWALLOWS_CALLS, SWALLOWS_ALL])
def test_a_run_that_is_stopped_from_elsewhere_ends_soon(lab, body):
    program, run = started(lab, body)

    stop_run(lab.client().store, run.id, reason="wrong data")
    result = program.finish()

    assert result.facts["error"] == "RunStoppedError"
    ended = run.refresh()
    assert (ended.record.status, ended.reason) == ("stopped", "wrong data")
    assert lab.survivors() == []


@pytest.mark.parametrize("body", [SLEEPS, WAITS])
@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGINT, "KeyboardInterrupt", -signal.SIGINT), (signal.SIGTERM, "Terminated", 143)],
)
def test_a_signal_ends_the_run_and_the_program(lab, body, number, error, code):
    program, run = started(lab, body)

    program.kill(number)
    result = program.finish()

    assert (result.facts["error"], result.returncode) == (error, code)
    assert str(run.refresh().status) == "stopped"
    assert labkit.statuses(run.refresh())["work"] == "completed"


def test_a_function_that_catches_ctrl_c_goes_on(lab):
    program, run = started(
        lab,
        """for _ in range(2):
            try:
                hang()
            except KeyboardInterrupt:
                mark("caught")
        work()""",
    )

    program.kill(signal.SIGINT)
    program.wait_for_mark("caught", 1)
    program.kill(signal.SIGINT)
    result = program.finish()

    assert result.returncode == 0
    assert labkit.statuses(run.refresh()) == {"work": "completed", "work_2": "cached"}


def test_sys_exit_of_the_function_is_the_status_of_the_program(lab):
    result = lab.run(COMPUTING.format(body="sys.exit(3)"), expect=3)

    run = only_run(lab)
    assert (str(run.status), result.facts["error"]) == ("failed", "SystemExit")
    assert "sys.exit(3)" in run.record.failure.traceback


def test_a_killed_process_of_a_step_is_a_failure_that_the_function_can_take(lab):
    result = lab.run("""
        import signal
        from zenml.errors import StepProcessError

        @step(runtime="isolated")
        def dies() -> int:
            os.kill(os.getpid(), signal.SIGKILL)

        @step
        def instead() -> int:
            return 2

        @pipeline(dynamic=True)
        def flow():
            try:
                return dies.submit().load()
            except StepProcessError as error:
                fact(signal=error.signal)
                return instead()

        fact(statuses=statuses(flow()), status=str(last_run().status))
    """)

    assert result.facts["signal"] == signal.SIGKILL
    assert result.facts["statuses"] == {"dies": "failed", "instead": "completed"}
    assert result.facts["status"] == "completed"


def test_an_exception_of_another_process_has_its_own_type(lab):
    result = lab.run("""
        class Odd(Exception):
            pass

        @step(runtime="isolated", enable_cache=False)
        def fails() -> int:
            raise Odd("far away")

        @pipeline(dynamic=True)
        def flow():
            try:
                fails()
            except Odd as error:
                fact(text=str(error), notes=len([n for n in error.__notes__ if "of run" in n]))

        flow()
    """)

    assert result.facts == {"text": "far away", "notes": 1}


def test_a_cancelled_process_ends_and_frees_who_waits_for_the_same_result(lab):
    result = lab.run("""
        @step(runtime="isolated", timeout=600)
        def slow(x: int) -> int:
            mark("slow")
            if len(marks("slow")) == 1:
                hang()
            return x

        @pipeline(dynamic=True)
        def flow():
            first, second = slow.submit(1), slow.submit(1)
            wait_for_mark("slow")
            fact(cancelled=first.cancel(), value=second.load(), is_cancelled=first.cancelled())

        fact(statuses=statuses(flow()))
    """)

    assert result.facts == {
        "cancelled": True,
        "value": 1,
        "is_cancelled": True,
        "statuses": {"slow": "stopped", "slow_2": "completed"},
    }


def test_a_step_that_takes_too_long_is_ended(lab):
    result = lab.run("""
        from zenml.errors import StepTimeoutError

        @step(runtime="isolated", timeout=0.3)
        def slow() -> int:
            hang()

        @pipeline(dynamic=True)
        def flow():
            future = slow.submit()
            try:
                future.load()
            except StepTimeoutError as error:
                fact(text=str(error))

        flow()
    """)

    assert "0.3 s" in result.facts["text"]


def test_prints_go_to_the_logs_of_their_steps_and_of_the_run(lab):
    lab.run("""
        from concurrent.futures import ThreadPoolExecutor
        from contextvars import copy_context

        @step(enable_cache=False)
        def chatty(i: int):
            for _ in range(50):
                print(f"step{i}")

        @pipeline(dynamic=True)
        def flow():
            futures = [chatty.submit(i) for i in range(3)]
            print("the function")
            with ThreadPoolExecutor(1) as pool:
                pool.submit(copy_context().run, print, "a thread of it").result()
            for one in futures:
                one.load()

        flow()
    """)

    run = only_run(lab)
    for i, one in enumerate(run.steps.values()):
        text = str(one.logs)
        assert [text.count(f"step{k}") for k in range(3)] == [50 if k == i else 0 for k in range(3)]
    folder = Path(lab.database().root, "logs", run.id)
    assert "the function" in (folder / "run.log").read_text()
    assert "a thread of it" in (folder / "run.log").read_text()


def test_secrets_and_environment_that_only_a_later_step_asks_for(lab):
    result = lab.run("""
        from zenml.client import Client

        Client().create_secret("key", {"TOKEN": "s3cret-s3cret"})

        @step(runtime="isolated", environment={"COLOUR": "red"}, secrets=["key"])
        def later() -> str:
            print(os.environ["TOKEN"])
            return os.environ["COLOUR"]

        @step
        def first() -> bool:
            return True

        @pipeline(dynamic=True)
        def flow():
            if first().load():
                fact(colour=later().load())

        flow()
    """)

    assert result.facts["colour"] == "red"
    assert "s3cret-s3cret" not in str(only_run(lab).steps["later"].logs)


@pytest.mark.on_team_store
def test_a_model_of_a_later_step(lab):
    result = lab.run("""
        from zenml import Model
        from zenml.client import Client

        @step(model=Model(name="late"))
        def train() -> int:
            return 5

        @pipeline(dynamic=True)
        def flow():
            train()

        flow()
        fact(value=Client().get_model_version("late").get_artifact("flow::train::output").load())
    """)

    assert result.facts["value"] == 5


BACKGROUND = """
    @step(enable_cache=False)
    def work(x: int) -> int:
        mark("running")
        wait_until(lambda: os.path.exists("go"))
        return x

    @step
    def last(x: int) -> int:
        return x + 1

    @pipeline(dynamic=True, settings={"orchestrator": {"synchronous": False}})
    def flow(n: int):
        for x in range(n):
            value = work(x).load()
        return last(value)

    run = flow(3)
    fact(status=str(run.status), name=run.name)
"""


@pytest.mark.on_team_store
def test_a_dynamic_pipeline_goes_on_in_the_background(lab):
    result = lab.run(BACKGROUND)
    assert result.facts["status"] == "running"
    (lab.folder / "go").write_text("")

    run = wait_for_run(lab.client().store, result.facts["name"], 30)

    assert labkit.statuses(run) == dict.fromkeys(("work", "work_2", "work_3", "last"), "completed")
    assert run.steps["last"].output.load() == 3


def test_a_schedule_of_a_dynamic_pipeline_is_stored(lab):
    result = lab.run("""
        from zenml.client import Client
        from zenml.config.schedule import Schedule

        @step
        def work():
            mark("work")

        @pipeline(dynamic=True)
        def flow():
            work()

        flow.with_options(schedule=Schedule(cron_expression="0 3 * * *", name="nightly"))()
        fact(names=[one.name for one in Client().list_schedules().items])
    """)

    assert result.facts["names"] == ["nightly"]
    assert result.count("work") == 0


def test_a_damaged_output_that_a_future_has_delivered_is_made_anew(lab):
    result = lab.run("""
        import glob

        @step
        def make() -> bytes:
            mark("make")
            return b"x" * 100_000

        @step
        def size(data: bytes) -> int:
            return len(data)

        @pipeline(dynamic=True)
        def flow():
            made = make.submit()
            made.result()
            for path in glob.glob(made.result().uri + "*", recursive=True):
                for folder, _, files in os.walk(path) if os.path.isdir(path) else [(".", 0, [path])]:
                    for name in files:
                        os.chmod(os.path.join(folder, name), 0o600)
                        open(os.path.join(folder, name), "wb").write(b"y" * 10)
            fact(size=size(made).load(), again=len(made.load()))

        flow()
    """)

    assert result.facts == {"size": 100_000, "again": 100_000}
    assert result.count("make") == 2


def test_the_command_line_runs_it_detached_and_refreshes_it(lab):
    lab.write(
        "flows.py",
        """
        from labkit import mark
        from zenml import pipeline, step

        @step
        def work(x: int) -> int:
            mark("work")
            return x

        @pipeline(dynamic=True)
        def flow(n: int = 2):
            for x in range(n):
                work(x)
        """,
    )
    lab.run("""
        import subprocess

        zenml = [os.path.join(os.path.dirname(sys.executable), "zenml"), "pipeline", "run", "flows.py:flow"]
        subprocess.run([*zenml, "--param", "n=3", "--detach"], check=True)
    """)
    run = wait_for_run(lab.client().store, only_run(lab).id, 30)
    assert labkit.statuses(run) == dict.fromkeys(("work", "work_2", "work_3"), "completed")

    result = lab.run("""
        import subprocess

        zenml = [os.path.join(os.path.dirname(sys.executable), "zenml"), "pipeline", "run", "flows.py:flow"]
        subprocess.run([*zenml, "--refresh", "work_2", "--refresh", "never"], check=True)
        fact(statuses=statuses(last_run()))
    """)
    assert result.facts["statuses"] == {"work": "cached", "work_2": "completed"}
    assert "`never` was to be refreshed" in result.err


def test_it_can_be_triggered_and_its_steps_run_alone(lab):
    result = lab.run(
        """
        from zenml.client import Client

        @step(enable_cache=False)
        def work(x: int) -> int:
            return x + 1

        @pipeline(dynamic=True)
        def flow():
            fact(loaded=work(1).load())

        run = Client().trigger_pipeline("flow")
        fact(status=str(run.wait(30).status), alone=work(5))
        """,
        env={"ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK": "true"},
    )

    assert result.facts == {"loaded": 2, "status": "completed", "alone": 6}


def test_a_store_that_cannot_be_written_ends_the_run(lab):
    result = lab.run(
        """
        import sqlite3
        from zenml.client import Client
        from zenml.store.database import Database

        @step(enable_cache=False)
        def work() -> int:
            return 1

        @pipeline(dynamic=True)
        def flow():
            work()

            def refuse(self, run):
                raise sqlite3.OperationalError("disk I/O error")

            Database.run_transaction = refuse
            for _ in range(1000):
                try:
                    work()
                except Exception as error:
                    mark("told")

        error = outcome(flow)
        fact(error=str(error))
        """
    )

    assert "disk I/O error" in result.facts["error"]
    assert result.count("told") == 1


@pytest.mark.on_team_store
def test_recursion_generators_and_comprehensions_are_plain_python(lab):
    result = lab.run("""
        @step
        def add(x: int, y: int) -> int:
            return x + y

        def tree(values):
            if len(values) == 1:
                return values[0]
            half = len(values) // 2
            return add.submit(tree(values[:half]), tree(values[half:]))

        @pipeline(dynamic=True)
        def flow():
            fact(value=tree([1, 2, 3, 4, 5]).load(), values=list(one.load() for one in (add(x, 1) for x in range(3))))

        flow()
    """)

    assert result.facts == {"value": 15, "values": [1, 2, 3]}


def test_artifacts_and_metadata_in_the_function_and_in_steps(lab):
    result = lab.run("""
        from zenml import ExternalArtifact, load_artifact, log_metadata, save_artifact
        from zenml.client import Client

        @step
        def make() -> int:
            log_metadata({"rows": 3})
            save_artifact(7, "side")
            return 5

        @step
        def add(x: int, y: int) -> int:
            return x + y

        @pipeline(dynamic=True, tags=["tagged"])
        def flow():
            made = make()
            log_metadata({"seen": 1}, artifact_version_id=made.id)
            save_artifact("text", "kept")
            fact(
                rows=Client().get_artifact_version(made.id).run_metadata["seen"],
                loaded=load_artifact("kept"),
                total=add(Client().get_artifact_version("side"), ExternalArtifact(value=1)).load(),
            )

        run = flow()
        fact(tags=[str(tag) for tag in run.tags], metadata=run.steps["make"].run_metadata["rows"])
    """)

    assert result.facts == {"rows": 1, "loaded": "text", "total": 8, "tags": ["tagged"], "metadata": 3}
