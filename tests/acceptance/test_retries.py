"""Steps that are tried again and steps whose time is limited, in real processes."""

import re
import signal
import time

import labkit
import pytest

from zenml.client.run_control import stop_run

FAR = """
    from zenml.config.retry_config import StepRetryConfig

    @step({options}retry=StepRetryConfig(max_retries=3, delay=1000))
    def work():
        mark("try")
        raise RuntimeError("not yet")

    @step
    def later():
        mark("later")

    @pipeline
    def flow():
        later(after=work())

    flow()
"""
SECONDS = 10


def waiting_run(lab, options=""):
    """Start a program whose run waits for its second attempt."""
    program = lab.start(FAR.format(options=options))
    program.wait_for_mark("try")
    client = lab.client()

    def is_waiting():
        (run,) = client.list_pipeline_runs().items
        return run if "retrying" in labkit.statuses(run).values() else None

    return program, labkit.wait_until(is_waiting, "an attempt that waits")


def attempts(run):
    return [(one.attempt, one.status) for one in run.refresh().attempts if one.invocation_id == "work"]


# Waiting


@pytest.mark.parametrize(("number", "codes"), [(signal.SIGINT, (-2, 130)), (signal.SIGTERM, (143,))])
@pytest.mark.parametrize("options", ["", 'runtime="isolated", '], ids=["inline", "isolated"])
def test_a_signal_ends_a_wait_at_once(lab, options, number, codes):
    program, run = waiting_run(lab, options)
    sent = time.monotonic()

    program.kill(number)
    result = program.finish()

    assert time.monotonic() - sent < SECONDS
    assert result.returncode in codes
    assert lab.survivors() == []
    assert run.refresh().record.status == "stopped"
    assert attempts(run) == [(1, "retried"), (2, "skipped")]
    assert labkit.statuses(run.refresh()) == {"work": "skipped", "later": "skipped"}
    assert (result.count("try"), result.count("later")) == (1, 0)


def test_a_stop_from_elsewhere_ends_a_wait(lab):
    program, run = waiting_run(lab)
    sent = time.monotonic()

    stop_run(lab.client().store, run.id, reason="enough")
    program.finish()

    assert time.monotonic() - sent < SECONDS
    assert (run.refresh().record.status, run.refresh().reason) == ("stopped", "enough")
    assert attempts(run) == [(1, "retried"), (2, "skipped")]


def test_a_run_whose_owner_is_killed_while_it_waits_is_interrupted(lab):
    program, run = waiting_run(lab)

    program.kill()
    program.process.wait()

    assert run.refresh().record.status == "interrupted"
    assert attempts(run) == [(1, "retried"), (2, "interrupted")]


def test_others_see_when_the_next_attempt_starts(lab):
    program, run = waiting_run(lab)

    shown = lab.run(
        """
        from zenml.cli.main import main
        sys.argv = ["zenml", "run", "show", "flow"]
        main()
        """
    ).out
    program.kill()

    assert re.search(r"↻ work +retrying: attempt 2 of 4 starts at ..:..:..\n", shown)
    (waits,) = [one for one in run.attempts if one.status == "retrying"]
    (failed,) = [one for one in run.attempts if one.status == "retried"]
    assert 990 < (waits.started_at - failed.ended_at) / 1e6 < 1010


# Attempts


def test_every_attempt_has_its_own_log_and_context(lab):
    result = lab.run("""
        from zenml import get_step_context

        @step(retry=2, runtime="isolated")
        def work() -> int:
            number = get_step_context().attempt
            print(f"this is attempt {number}")
            if number < 3:
                raise RuntimeError(f"failure {number}")
            return number

        @pipeline
        def flow():
            work()

        run = flow()
        from zenml.store.opening import open_store
        logs = [open(os.path.join(open_store().root, "logs", run.id, f"{one.id}.log")).read() for one in run.attempts]
        fact(value=value(run, "work"), status=str(run.status), logs=logs,
             failures=[one.failure and one.failure.message for one in run.attempts])
    """)

    assert (result.facts["value"], result.facts["status"]) == (3, "completed")
    assert [f"this is attempt {n}" in log for n, log in enumerate(result.facts["logs"], 1)] == [True] * 3
    assert result.facts["failures"] == ["failure 1", "failure 2", None]
    assert "Step `work` failed: RuntimeError: failure 1; attempt 2 of 3 starts at once." in result.err


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_exceptions_to_try_again_on_are_known_by_their_classes(lab, runtime):
    """One of them cannot travel between processes: its record has to do."""
    result = lab.run(f"""
        from zenml.config.retry_config import StepRetryConfig

        class Busy(Exception):
            pass

        class VeryBusy(Busy):
            def __init__(self):
                super().__init__("very busy")
                self.lock = __import__("threading").Lock()

        @step(runtime="{runtime}", retry=StepRetryConfig(max_retries=2, retry_on=[Busy]))
        def busy():
            mark("busy")
            raise VeryBusy()

        @step(runtime="{runtime}", retry=StepRetryConfig(max_retries=2, retry_on=[Busy]))
        def wrong():
            mark("wrong")
            raise KeyError("wrong")

        @pipeline
        def flow():
            busy()
            wrong()

        error = outcome(flow)
        fact(statuses=statuses(last_run()))
    """)

    assert (result.count("busy"), result.count("wrong")) == (3, 1)
    assert result.facts["statuses"] == {"busy": "failed", "wrong": "failed"}


def test_a_step_alone_is_tried_again(lab):
    result = lab.run("""
        @step(retry=2)
        def work() -> int:
            mark("try")
            if len(marks("try")) < 3:
                raise RuntimeError("flaky")
            return 7

        fact(value=work())
    """)

    assert (result.facts["value"], result.count("try")) == (7, 3)


def test_a_process_that_dies_is_tried_again(lab):
    result = lab.run("""
        @step(retry=1, runtime="isolated")
        def work() -> int:
            mark("try")
            if len(marks("try")) == 1:
                os._exit(3)
            return 7

        @pipeline
        def flow():
            work()

        fact(value=value(flow(), "work"))
    """)

    assert (result.facts["value"], result.count("try")) == (7, 2)


# Limits of time


def test_a_step_that_takes_too_long_ends_with_everything_that_it_started(lab):
    result = lab.run("""
        import zenml.execute.workers
        zenml.execute.workers.GRACE = 0.2

        GRANDCHILD = "import signal, labkit; signal.signal(15, signal.SIG_IGN); labkit.mark('child'); labkit.hang()"

        @step(timeout=1)
        def slow() -> int:
            import signal, subprocess
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen([sys.executable, "-c", GRANDCHILD], start_new_session=True)
            hang()
            return 1

        @step
        def after(x: int):
            mark("after")

        @step
        def other():
            mark("other")

        @pipeline
        def flow():
            after(slow())
            other()

        error = outcome(flow)
        fact(error=type(error).__name__, text=str(error), statuses=statuses(last_run()),
             type=last_run().steps["slow"].failure.type, is_timeout=isinstance(error, TimeoutError))
    """)

    assert result.count("child") == 1
    lab.wait_until_empty()
    assert (result.facts["error"], result.facts["is_timeout"]) == ("StepTimeoutError", True)
    assert "Step `slow` took longer than its limit of 1 s" in result.facts["text"]
    assert "`timeout`" in result.facts["text"]
    assert result.facts["type"] == "zenml.errors.StepTimeoutError"
    assert result.facts["statuses"] == {"slow": "failed", "after": "skipped", "other": "completed"}
    assert (result.count("after"), result.count("other")) == (0, 1)


def test_a_step_that_takes_too_long_once_is_tried_again(lab):
    result = lab.run("""
        @step(timeout=0.5, retry=1)
        def work() -> int:
            mark("try")
            if len(marks("try")) == 1:
                hang()
            return 7

        @pipeline
        def flow():
            work()

        run = flow()
        fact(value=value(run, "work"), attempts=[str(one.status) for one in run.attempts])
    """)

    assert result.facts == {"value": 7, "attempts": ["retried", "completed"]}


def test_a_step_that_stays_within_its_limit_is_left_alone(lab):
    result = lab.run("""
        @step(timeout=60)
        def work() -> int:
            return 7

        @pipeline
        def flow():
            work()

        fact(value=value(flow(), "work"))
    """)

    assert result.facts["value"] == 7
