"""What steps print is kept with them: complete, apart from each other, and while it happens."""

import json
import os
import re
import subprocess
import sys
import time

import labkit
import pytest


def zenml(lab, *arguments):
    environment = {**os.environ, **lab.variables}
    command = [sys.executable, "-m", "zenml", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed(lab, *arguments):
    out, err = zenml(lab, *arguments).communicate(timeout=30)
    return out + err


def test_isolated_steps_keep_all_output_in_order_and_apart(lab):
    lab.run("""
        import ctypes, logging, subprocess, threading, warnings

        @step(runtime="isolated", enable_cache=False)
        def talk(number: int):
            libc = ctypes.CDLL(None)
            for line in range(20):
                print(f"step {number} print {line}")
                print(f"step {number} error {line}", file=sys.stderr)
                os.write(1, f"step {number} write {line}\\n".encode())
                libc.printf(f"step {number} printf {line}\\n".encode())
                libc.fflush(None)
                if line == 10:
                    subprocess.run(["sh", "-c", f"echo step {number} child {line}"])
                    logging.warning(f"step {number} logging {line}")
                    thread = threading.Thread(target=print, args=(f"step {number} thread {line}\\n",), kwargs={"end": ""})
                    thread.start()
                    thread.join()

        @pipeline
        def flow():
            for number in range(8):
                talk(number)

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    for number, one in enumerate(run.steps.values()):
        wanted = []
        for line in range(20):
            wanted += [f"step {number} {way} {line}" for way in ("print", "error", "write", "printf")]
            if line == 10:
                wanted += [f"step {number} child 10", f"WARNING:root:step {number} logging 10"]
                wanted += [f"step {number} thread 10"]
        assert list(one.logs.lines()) == wanted


def test_warnings_and_the_last_resort_of_logging_are_kept(lab):
    lab.run("""
        import logging, warnings

        @step
        def talk():
            warnings.warn("old-fashioned", UserWarning)
            logging.getLogger("x").error("no handler")

        @pipeline
        def flow():
            talk()

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    text = str(run.steps["talk"].logs)
    assert text.count("UserWarning: old-fashioned") == 1
    assert text.count("no handler\n") == 1


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_killed_run_lost_less_than_the_last_second(lab, runtime):
    program = lab.start(f"""
        @step(runtime="{runtime}", enable_cache=False)
        def talk():
            mark("begun")
            while True:
                print(time.monotonic())
                time.sleep(0.001)

        @pipeline
        def flow():
            talk()

        flow()
    """)
    program.wait_for_mark("begun")
    time.sleep(1.5)
    killed = time.monotonic()
    program.kill()
    program.finish()

    (run,) = lab.client().list_pipeline_runs().items
    (line,) = run.steps["talk"].logs.tail(1)
    assert float(line[:12]) > killed - 1


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_an_unfinished_line_is_stored_while_the_step_is_silent(lab, runtime):
    program = lab.start(f"""
        @step(runtime="{runtime}", enable_cache=False)
        def talk():
            print("are you there?", end=" ", flush=True)
            mark("asked")
            hang()

        @pipeline
        def flow():
            talk()

        flow()
    """)
    program.wait_for_mark("asked")
    asked = time.monotonic()

    (run,) = lab.client().list_pipeline_runs().items
    labkit.wait_until(lambda: str(run.steps["talk"].logs or "") == "are you there? ", "the stored text")

    assert time.monotonic() - asked < 3  # it takes half a second; a loaded machine takes longer


def test_processes_forked_by_a_step_print_for_it(lab):
    lab.run("""
        import multiprocessing

        def child(number):
            for line in range(5):
                print(f"child {number} {line}")

        @step
        def talk():
            print("before")
            fork = multiprocessing.get_context("fork")
            for number in range(3):
                process = fork.Process(target=child, args=(number,))
                process.start()
                process.join()
            print("after")

        @pipeline
        def flow():
            talk()

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    lines = list(run.steps["talk"].logs.lines())
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert lines[1:-1] == [f"child {number} {line}" for number in range(3) for line in range(5)]


def test_logs_are_followed_from_another_process(lab):
    program = lab.start("""
        @step(enable_cache=False)
        def first():
            print("first 1")
            wait_for_mark("go")
            print("first 2")

        @step(enable_cache=False)
        def second():
            print("second 1")

        @pipeline
        def flow():
            first()
            second(after="first")

        mark("begun")
        flow()
    """)
    program.wait_for_mark("begun")
    labkit.wait_until(lambda: list(lab.client().list_pipeline_runs().items), "the run")
    (run,) = lab.client().list_pipeline_runs().items
    follower = zenml(lab, "logs", run.name, "--follow")

    assert follower.stdout.readline() == "first | first 1\n"
    with open(lab.trace, "a", encoding="utf-8") as trace:
        trace.write(json.dumps({"mark": "go", "time": 0, "pid": 0}) + "\n")
    out, err = follower.communicate(timeout=30)

    assert out == "first | first 2\nsecond | second 1\n"
    assert (follower.returncode, err) == (0, "")
    assert program.finish().returncode == 0


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_following_shows_lines_while_the_step_runs_and_ends_with_a_killed_run(lab, runtime):
    program = lab.start(f"""
        @step(runtime="{runtime}", enable_cache=False)
        def talk():
            mark("begun")
            for number in range(3):
                print("line", number)
                wait_for_mark(f"seen {{number}}")
            hang()

        @pipeline
        def flow():
            talk()

        flow()
    """)
    program.wait_for_mark("begun")
    labkit.wait_until(lambda: list(lab.client().list_pipeline_runs().items), "the run")
    (run,) = lab.client().list_pipeline_runs().items
    follower = zenml(lab, "logs", run.name, "talk", "--follow")

    for number in range(3):
        assert follower.stdout.readline() == f"line {number}\n"
        with open(lab.trace, "a", encoding="utf-8") as trace:
            trace.write(json.dumps({"mark": f"seen {number}", "time": 0, "pid": 0}) + "\n")
    program.kill()
    program.finish()

    assert follower.communicate(timeout=30) == ("", "")
    assert follower.returncode == 0


def test_ends_parts_and_json_of_logs(lab):
    lab.run("""
        import threading

        go, done = threading.Event(), threading.Event()

        def serve():
            go.wait()
            print("from elsewhere")
            done.set()

        @step
        def talk():
            for line in range(100):
                print(line)
            go.set()
            done.wait()

        @pipeline
        def flow():
            talk()

        threading.Thread(target=serve).start()
        flow.with_options(run_name="one")()
    """)

    assert printed(lab, "logs", "one", "talk", "--head", "2") == "0\n1\n"
    assert printed(lab, "logs", "one", "talk", "--tail", "2") == "98\n99\n"
    assert printed(lab, "logs", "one", "talk", "--since", "1h").count("\n") == 100
    assert "printed nothing" in printed(lab, "logs", "one", "talk", "--since", "2200-01-01")
    assert "exclude each other" in printed(lab, "logs", "one", "--head", "1", "--tail", "1")
    assert re.search(r"^==> run <==\nfrom elsewhere$", printed(lab, "logs", "one"), re.MULTILINE)
    shapes = json.loads(printed(lab, "logs", "one", "--tail", "1", "--json"))["logs"]
    assert [(shape["step"], shape["text"]) for shape in shapes] == [
        ("talk", "99\n"),
        (None, "from elsewhere\n"),
    ]


def test_a_registered_secret_is_in_no_stored_text(lab):
    result = lab.run(
        """
        from zenml.context.masking import register_secret

        secret = os.environ["SECRET"]
        register_secret(secret)

        @step
        def inline():
            print("inline", os.environ["SECRET"])

        @step(runtime="isolated")
        def isolated():
            print("isolated", os.environ["SECRET"])
            raise ValueError("isolated " + os.environ["SECRET"])

        @pipeline
        def flow():
            inline()
            isolated()

        try:
            flow()
        except ValueError as error:
            fact(message=str(error))
        """,
        env={"SECRET": "hunter22"},
    )

    assert result.facts["message"] == "isolated hunter22"
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.steps["inline"].logs) == "inline ***\n"
    assert str(run.steps["isolated"].logs) == "isolated ***\n"
    assert run.steps["isolated"].failure.message == "isolated ***"
    for path in lab.store.rglob("*"):
        assert not path.is_file() or b"hunter22" not in path.read_bytes()


REGISTERING = """
    import base64, logging, subprocess, threading, urllib.parse, warnings
    from zenml import log_metadata
    from zenml.context.masking import register_secret

    def make_secret():
        # Nowhere in the source or in the environment: each part for itself is none.
        return "-".join(["hunter", "und", "gräfin", "7/8+?"])

    @step(runtime="{runtime}", enable_cache=False)
    def talk() -> int:
        secret = make_secret()
        register_secret(secret)
        print("plain", secret)
        raw = secret.encode()
        for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
            print("base64", encoded.decode())
            print("base64", encoded.decode().rstrip("="))
        for quoted in (urllib.parse.quote(secret), urllib.parse.quote_plus(secret)):
            print("quoted", quoted)
            print("quoted", "".join(f"%{{part[:2].lower()}}{{part[2:]}}" if number else part
                                    for number, part in enumerate(quoted.split("%"))))
        print("cut", end=" ")
        for part in (secret[:4], secret[4:15], secret[15:]):
            sys.stdout.write(part)
            sys.stdout.flush()
            time.sleep(0.15)
        print()
        logging.warning("record %s", secret)
        warnings.warn("warning " + secret)
        thread = threading.Thread(target=print, args=("thread", secret))
        thread.start()
        thread.join()
        log_metadata({{"url": "https://" + secret, "nested": {{"list": [secret, 1]}}}})
        if "{runtime}" == "isolated":
            subprocess.run([sys.executable, "-c", "import sys; print('child', sys.argv[1])", secret])
            os.write(1, f"native {{secret}}\\n".encode())
        raise KeyError(secret)

    @pipeline
    def flow():
        talk()

    try:
        flow()
    except KeyError as error:
        fact(message=error.args[0])
"""


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_secret_that_a_step_registers_is_in_no_stored_text(lab, runtime):
    result = lab.run(REGISTERING.format(runtime=runtime))

    secret = "hunter-und-gräfin-7/8+?"
    assert result.facts["message"] == secret  # the caller gets the exception as it was raised
    (run,) = lab.client().list_pipeline_runs().items
    step = run.steps["talk"]
    text = str(step.logs)
    wanted = ["plain ***", *["base64 ***"] * 4, *["quoted ***"] * 4, "cut ***"]
    assert text.splitlines()[: len(wanted)] == wanted
    ways = ["record ***", "warning ***", "thread ***"] + ["child ***", "native ***"] * (runtime == "isolated")
    assert [way for way in ways if way not in text] == []
    assert step.failure.message == "'***'"
    assert step.run_metadata == {"url": "https://***", "nested": {"list": ["***", 1]}}
    for path in lab.store.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_a_secret_of_an_isolated_step_is_known_before_anything_printed_later(lab):
    lab.run("""
        from zenml.context.masking import register_secret

        @step(runtime="isolated", enable_cache=False)
        def talk():
            for number in range(60):
                secret = f"secret-of-{number}"[::-1]
                register_secret(secret)
                print(number, secret)

        @pipeline
        def flow():
            talk()

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    assert list(run.steps["talk"].logs.lines()) == [f"{number} ***" for number in range(60)]
