"""Who prints what: steps in threads, threads of steps, handlers of `logging`, and what belongs to nobody."""

import contextvars
import io
import logging
import sys
import threading

import pytest

from zenml import pipeline, step
from zenml.logs import output

pytestmark = pytest.mark.usefixtures("zenml_store")


def log_of(run, name="talk"):
    logs = run.steps[name].logs
    return [] if logs is None else list(logs.lines())


def run_step(function, **options):
    talk = step(enable_cache=False, name="talk", **options)(function)

    @pipeline
    def flow():
        talk()

    return flow()


def test_parallel_steps_never_mix():
    barrier = threading.Barrier(32, timeout=30)

    @step(enable_cache=False)
    def talk(number: int):
        barrier.wait()
        for line in range(200):
            print(f"step {number}", end=" ")
            print(f"line {line}", file=sys.stderr if line % 7 == 0 else sys.stdout)

    @pipeline
    def flow():
        for number in range(32):
            talk(number)

    run = flow()

    for one in run.steps.values():
        number = one.config.parameters["number"]
        printed = " ".join(log_of(run, one.name)).split()
        assert set(printed[1::4]) == {str(number)}
        assert sorted(map(int, printed[3::4])) == list(range(200))


def test_output_and_errors_keep_their_order():
    def talk():
        for number in range(100):
            print(number, file=sys.stderr if number % 3 == 0 else sys.stdout)

    assert log_of(run_step(talk)) == [str(number) for number in range(100)]


def test_a_thread_of_the_only_step_prints_for_it():
    def talk():
        thread = threading.Thread(target=lambda: print("from a thread"))
        thread.start()
        thread.join()

    run = run_step(talk)

    assert log_of(run) == ["from a thread"]
    assert run.logs is None


def test_a_thread_that_was_there_before_prints_for_the_run():
    begin, done = threading.Event(), threading.Event()

    def serve():
        begin.wait(30)
        print("from elsewhere")
        done.set()

    thread = threading.Thread(target=serve)
    thread.start()

    def talk():
        begin.set()
        done.wait(30)

    run = run_step(talk)
    thread.join()

    assert log_of(run) == []
    assert list(run.logs.lines()) == ["from elsewhere"]


def test_a_copied_context_says_whose_thread_it_is():
    barrier = threading.Barrier(2, timeout=30)

    @step(enable_cache=False)
    def talk(number: int):
        barrier.wait()
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(print, f"thread of {number}"))
        thread.start()
        thread.join()
        barrier.wait()

    @pipeline
    def flow():
        talk(0)
        talk(1)

    run = flow()

    assert log_of(run, "talk") == ["thread of 0"]
    assert log_of(run, "talk_2") == ["thread of 1"]


def test_a_handler_made_before_the_run_writes_each_record_once_to_the_step_s_log(capsys):
    logger = logging.getLogger("test_output")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    real = handler.stream

    def talk():
        logger.warning("careful")
        logger.debug("not shown, so not stored")

    run = run_step(talk)
    logger.removeHandler(handler)

    assert log_of(run) == ["WARNING: careful"]
    assert handler.stream is real
    assert capsys.readouterr().err == "WARNING: careful\n"


def test_a_writer_stands_in_for_the_terminal(capsys):
    shown = []

    def talk():
        print("one")
        print("two", file=sys.stderr)

    output.divert(lambda text, is_error: shown.append((text, is_error)))
    try:
        run = run_step(talk)
    finally:
        output.divert(None)

    assert shown == [("one\n", False), ("two\n", True)]
    assert log_of(run) == ["one", "two"]
    assert capsys.readouterr() == ("", "")


def test_any_object_that_can_write_may_be_the_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)

    run = run_step(lambda: print("é\ud800"))

    assert log_of(run) == ["é\\ud800"]
    assert stream.getvalue() == "é\\ud800\n"


def test_a_plain_stream_is_all_there_behind_a_router_without_a_slow_look_up():
    with io.TextIOWrapper(io.BytesIO(), "latin-1") as stream:
        stream.mode = "w"
        router = output._router(stream, is_error=False)

        names = [name for name in dir(stream) if not name.startswith("_") and hasattr(stream, name)]
        assert [name for name in names if not hasattr(router, name)] == []
        assert (router.encoding, router.buffer, router.mode) == ("latin-1", stream.buffer, "w")
        assert "_CHUNK_SIZE" in dir(router)
        assert not hasattr(type(router), "__getattr__")  # it would slow each print down
        assert not hasattr(type(router), "write")


def test_a_stream_with_attributes_of_its_own_keeps_them(monkeypatch):
    class Notebook(io.StringIO):
        parent_header = "cell 1"

    def talk():
        print(sys.stdout.parent_header)
        sys.stdout.added = "added"
        print(sys.stdout.added)

    monkeypatch.setattr(sys, "stdout", Notebook())

    assert log_of(run_step(talk)) == ["cell 1", "added"]

    stream = io.TextIOWrapper(io.BytesIO())
    stream.note = "mine"
    assert output._router(stream, is_error=False).note == "mine"


def test_the_real_streams_are_back_after_the_run():
    before = sys.stdout, sys.stderr

    run_step(lambda: print("text"))

    assert (sys.stdout, sys.stderr) == before


def test_a_step_that_prints_in_a_run_inside_a_step_has_its_own_log():
    def inner():
        print("inner")

    found = []

    def talk():
        print("before")
        found.append(run_step(inner))
        print("after")

    run = run_step(talk)

    assert log_of(run) == ["before", "after"]
    assert log_of(found[0]) == ["inner"]


def test_a_closed_terminal_is_no_reason_to_fail_a_silent_run(monkeypatch):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream)

    run = run_step(lambda: print("to nobody"), runtime="isolated")

    assert log_of(run) == ["to nobody"]
