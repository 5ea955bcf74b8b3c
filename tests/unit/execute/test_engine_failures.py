"""What a failure of a step means for the others, and what the caller gets."""

import dataclasses
import signal
import sys
import threading

import pytest
from engine_helpers import SECONDS, Recorder, compiled, run, wait

from zenml.declare.step import step
from zenml.errors import StepProcessError, Terminated
from zenml.execute.running import failure_of, run_plan
from zenml.records.run import Run, StepRun


class Broken(Exception):
    pass


@step(enable_cache=False)
def fail(text: str) -> int:
    raise Broken(text)


@step(enable_cache=False)
def pass_on(x: int) -> int:
    return x


def two_branches():
    pass_on(pass_on(fail("left"), id="after_left"), id="later_left")
    pass_on(pass_on(1, id="right"), id="after_right")


def test_other_branches_go_on_by_default(store):
    result = run(two_branches, store=store)

    assert result.status == "failed"
    assert result.states == {
        "fail": "failed",
        "after_left": "skipped",
        "later_left": "skipped",
        "right": "completed",
        "after_right": "completed",
    }


def test_a_skipped_step_says_why(store):
    result = run(two_branches, store=store)

    reasons = {one.invocation_id: one.reason for one in result.attempts if one.status == "skipped"}
    assert reasons == {
        "after_left": "step `fail` did not succeed",
        "later_left": "step `after_left` did not succeed",
    }


def test_running_steps_are_finished_when_a_run_stops_on_failure(store):
    both, has_failed = threading.Barrier(2), threading.Event()

    @step(enable_cache=False)
    def other() -> int:
        both.wait(SECONDS)
        wait(has_failed)
        return 1

    @step(enable_cache=False)
    def failing() -> None:
        both.wait(SECONDS)
        raise Broken

    def pipe():
        failing()
        pass_on(other())

    def watch(step):
        if step.status == "failed":
            has_failed.set()

    result = run(pipe, store=store, on_step=watch, execution_mode="stop_on_failure")

    assert result.states["failing"] == "failed"
    assert result.states["other"] == "completed"
    assert result.states["pass_on"] == "skipped"


def test_running_steps_are_left_behind_when_a_run_fails_fast(store):
    both, is_over = threading.Barrier(2), threading.Event()

    @step(enable_cache=False)
    def other() -> int:
        both.wait(SECONDS)
        wait(is_over)
        return 1

    @step(enable_cache=False)
    def failing() -> None:
        both.wait(SECONDS)
        raise Broken

    def pipe():
        failing()
        pass_on(other())

    result = run(pipe, store=store, execution_mode="fail_fast")
    states = result.states
    is_over.set()

    assert states == {"failing": "failed", "other": "stopped", "pass_on": "skipped"}


def test_what_ends_after_a_run_was_left_changes_nothing(store):
    both, is_over, has_ended = threading.Barrier(2), threading.Event(), threading.Event()

    @step(enable_cache=False)
    def other() -> None:
        both.wait(SECONDS)
        wait(is_over)
        has_ended.set()

    @step(enable_cache=False)
    def failing() -> None:
        both.wait(SECONDS)
        raise Broken

    def pipe():
        failing()
        other()

    threads = set(threading.enumerate())
    result = run(pipe, store=store, execution_mode="fail_fast")
    is_over.set()
    wait(has_ended)
    for thread in set(threading.enumerate()) - threads:
        thread.join(SECONDS)

    assert result.states == {"failing": "failed", "other": "stopped"}


def test_the_caller_gets_the_exception_object_of_the_step(store):
    raised = Broken("mine")

    @step(enable_cache=False)
    def failing() -> None:
        raise raised

    def pipe():
        failing()

    assert failure_of(run(pipe, store=store).ended) is raised


def test_the_exception_notes_step_and_run(store):
    result = run(two_branches, store=store)

    error = failure_of(result.ended)

    assert f"Step `fail` of run `{result.ended.run.name}` failed" in error.__notes__[0]


def test_other_failures_are_in_the_notes(store):
    def pipe():
        fail("one")
        fail("two")
        fail("three")

    error = failure_of(run(pipe, store=store, max_parallelism=1).ended)

    assert str(error) == "one"
    assert [note for note in error.__notes__ if "failed too" in note] == [
        "Step `fail_2` failed too: Broken: two",
        "Step `fail_3` failed too: Broken: three",
    ]


def test_an_exception_without_a_text_does_not_hide_the_first_failure(store):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    @step(enable_cache=False)
    def failing() -> None:
        raise Mute

    def pipe():
        fail("one")
        failing()

    assert str(failure_of(run(pipe, store=store, max_parallelism=1).ended)) == "one"


def test_an_exception_that_takes_no_notes_is_raised_all_the_same(store):
    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    @step(enable_cache=False)
    def failing() -> None:
        raise Frozen(3)

    def pipe():
        failing()

    assert failure_of(run(pipe, store=store).ended) == Frozen(3)


def test_a_message_that_is_no_unicode_is_recorded(store):
    @step(enable_cache=False)
    def failing() -> None:
        raise ValueError("caf\udce9.csv")

    def pipe():
        failing()

    result = run(pipe, store=store)

    assert "caf\\udce9.csv" in result.attempts[0].failure.message


def test_a_failure_is_recorded_with_type_text_and_the_users_traceback(store):
    result = run(two_branches, store=store)

    failure = next(one.failure for one in result.attempts if one.status == "failed")
    assert failure.type.endswith(".Broken")
    assert failure.message == "left"
    assert "raise Broken(text)" in failure.traceback
    assert "step_runner" not in failure.traceback
    assert store.get(Run, result.ended.run.id).failure.message == "left"


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (3, 3), (None, 0), ("bye", 1)])
def test_sys_exit_is_a_failure_of_the_step(store, code, exit_code):
    @step(enable_cache=False)
    def leave() -> None:
        sys.exit(code)

    def pipe():
        leave()

    error = run(pipe, store=store).errors["leave"]

    assert isinstance(error, StepProcessError)
    assert error.exit_code == exit_code
    assert "called `sys.exit" in str(error)


@pytest.mark.parametrize("is_alone", [True, False])
def test_any_exception_is_a_failure_of_the_step(store, is_alone):
    class Unusual(BaseException):
        pass

    @step(enable_cache=False)
    def failing(i: int) -> None:
        raise Unusual

    def pipe():
        for i in range(1 if is_alone else 3):
            failing(i)

    assert {type(error) for error in run(pipe, store=store).errors.values()} == {Unusual}


def test_a_keyboard_interrupt_raised_by_a_step_in_a_thread_is_its_failure(store):
    barrier = threading.Barrier(2)

    @step(enable_cache=False)
    def failing() -> None:
        barrier.wait(SECONDS)
        raise KeyboardInterrupt

    @step(enable_cache=False)
    def other() -> None:
        barrier.wait(SECONDS)

    def pipe():
        failing()
        other()

    result = run(pipe, store=store)

    assert result.states == {"failing": "failed", "other": "completed"}


def test_a_failed_step_is_executed_again_by_the_next_run(store):
    runs = []

    @step
    def moody() -> int:
        runs.append(1)
        if len(runs) == 1:
            raise Broken
        return 1

    def pipe():
        moody()

    run(pipe, store=store)

    assert run(pipe, store=store).states == {"moody": "completed"}


# Signals

SIGNALS = [(signal.SIGINT, KeyboardInterrupt, "keyboard"), (signal.SIGTERM, SystemExit, "SIGTERM")]


@pytest.fixture
def default_handlers():
    """The handlers of a fresh Python, whatever runs the tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def stopped_by(number, kind, pipe, store):
    recorder = Recorder()
    with pytest.raises(kind) as caught:
        run_plan(compiled(pipe), store, reporter=recorder)
    if number == signal.SIGTERM:
        assert isinstance(caught.value, Terminated)
        assert caught.value.code == 143
    return store.get(Run, recorder.run.id), {
        one.invocation_id: one.status for one in store.select(StepRun, run_id=recorder.run.id)
    }


@pytest.mark.parametrize(("number", "kind", "words"), SIGNALS)
def test_a_signal_during_an_inline_step_stops_the_run(store, default_handlers, number, kind, words):
    @step(enable_cache=False)
    def hit() -> int:
        signal.raise_signal(number)
        return 1

    def pipe():
        pass_on(hit())

    record, states = stopped_by(number, kind, pipe, store)

    assert record.status == "stopped"
    assert words in record.reason
    assert states == {"hit": "stopped", "pass_on": "skipped"}


@pytest.mark.parametrize(("number", "kind", "words"), SIGNALS)
def test_a_signal_while_the_run_waits_for_threads_stops_it(store, default_handlers, number, kind, words):
    both, is_over = threading.Barrier(2), threading.Event()

    @step(enable_cache=False)
    def hit(i: int) -> int:
        both.wait(SECONDS)
        if i:
            signal.pthread_kill(threading.main_thread().ident, number)
        wait(is_over)
        return 1

    def pipe():
        hit(0)
        pass_on(hit(1))

    record, states = stopped_by(number, kind, pipe, store)
    is_over.set()

    assert record.status == "stopped"
    assert words in record.reason
    assert states == {"hit": "stopped", "hit_2": "stopped", "pass_on": "skipped"}


def test_a_signal_in_the_middle_of_a_turn_waits_for_its_end(store, default_handlers):
    from engine_helpers import WatchedStore

    turns = []

    def before():
        turns.append(1)
        if len(turns) == 2:
            signal.raise_signal(signal.SIGINT)

    def pipe():
        pass_on(pass_on(1))

    record, states = stopped_by(signal.SIGINT, KeyboardInterrupt, pipe, WatchedStore(before, store))

    assert record.status == "stopped"
    assert states == {"pass_on": "completed", "pass_on_2": "stopped"}


def test_the_handlers_are_as_before_after_a_run(store, default_handlers):
    run(two_branches, store=store)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_users_own_handler_stays_in_charge(store, default_handlers):
    heard = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))

    @step(enable_cache=False)
    def hit() -> None:
        signal.raise_signal(signal.SIGINT)

    def pipe():
        hit()

    assert run(pipe, store=store).status == "completed"
    assert heard == [signal.SIGINT]
