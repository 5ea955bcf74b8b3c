"""The function of a dynamic pipeline while it runs: calls, failures, threads, ends."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Annotated

import pytest

from zenml import pipeline, step
from zenml.config.retry_config import StepRetryConfig
from zenml.errors import (
    ArgumentError,
    ContextError,
    DeclarationError,
    NotFoundError,
    StepCancelledError,
    TypeMismatchError,
)

SECONDS = 20


@step(enable_cache=False)
def number(x: int = 1) -> int:
    return x


@step(enable_cache=False)
def add(x: int, y: int = 0) -> int:
    return x + y


@step(enable_cache=False)
def fail(x: int = 0) -> int:
    raise ValueError(f"bad luck {x}")


@step(enable_cache=False)
def total(xs: list) -> int:
    return sum(xs)


def statuses(run):
    return {name: str(one.status) for name, one in run.steps.items()}


def last(lab):
    return lab.runs[-1]


@pytest.fixture(params=["threads", "lab"])
def here(request):
    """The real engine, and that of the lab."""
    return request.getfixturevalue("zenml_store" if request.param == "threads" else "zenml_lab")


def run_of(function, **options):
    return pipeline(dynamic=True, **options)(function)()


# Calls


def test_calls_loads_and_edges(here):
    seen = []

    def flow():
        one = number(2)
        seen.append(one.load())
        later = add.submit(one, number.submit(3))
        seen.append(total([later, one, 10]).load())

    run = run_of(flow)

    assert seen == [2, 17]
    assert set(statuses(run).values()) == {"completed"}


def test_a_wrong_call_leaves_nothing_behind(here):
    def flow():
        for wrong in (lambda: add("a"), lambda: add(id="x"), lambda: add(1, after="nobody")):
            with pytest.raises((TypeMismatchError, ArgumentError, DeclarationError)):
                wrong()
        add(1)
        number(id="x")

    assert list(run_of(flow).steps) == ["add", "x"]


def test_a_call_whose_secret_is_missing_does_not_stand_in_the_way_of_others(zenml_store):
    @step(secrets=["nowhere"])
    def needy() -> int:
        return 1

    def flow():
        with pytest.raises(NotFoundError, match="nowhere"):
            needy()
        with pytest.raises(DeclarationError, match="needy"):
            number(after="needy")
        number()

    assert statuses(run_of(flow)) == {"number": "completed"}


def test_after_takes_futures_and_ids(here):
    order = []

    @step(enable_cache=False)
    def note(x: str) -> None:
        order.append(x)

    def flow():
        first = note.submit("a", id="first")
        note.submit("b", after=[first])
        note.submit("c", after="note")

    run_of(flow)

    assert order == ["a", "b", "c"]


def test_the_outputs_of_the_function_are_those_of_the_run(here):
    def flow() -> Annotated[int, "answer"]:
        return add.submit(40, 2)

    run_of(flow)

    from zenml.client import Client

    assert Client().get_artifact_version("answer").load() == 42


def test_unpacking_into_another_number_of_names_says_how_many_there_are(here):
    @step(enable_cache=False)
    def two() -> tuple[Annotated[int, "left"], Annotated[int, "right"]]:
        return 1, 2

    def flow():
        _a, _b, _c = two()

    with pytest.raises(DeclarationError, match="`two` has 2: `left`, `right`"):
        run_of(flow)


def test_outputs_of_another_run_are_refused(here):
    kept = []

    def first():
        kept.extend((number.submit(1), number(1)))

    def second():
        number(1)
        for old in kept:
            with pytest.raises(DeclarationError, match="another pipeline run"):
                add(old)
            with pytest.raises(DeclarationError, match="another pipeline run"):
                number(after=old)

    run_of(first)
    run_of(second)

    assert kept[0].load() == 1, "what has ended can still be loaded"
    assert kept[1].load() == 1


def test_a_type_that_does_not_fit_is_refused_also_in_a_list(here):
    @step
    def texts(xs: list[str]) -> None:
        pass

    def flow():
        with pytest.raises(TypeMismatchError, match=r"xs\[0\]"):
            texts([number.submit(1)])

    run_of(flow)


def test_calls_of_a_pipeline_inside_become_part_of_the_run(here):
    @pipeline
    def inner(x: int):
        return add(x, 1)

    seen = []

    def flow():
        seen.append(inner(2).load())

    run_of(flow)

    assert seen == [3]


# Failures


def test_the_very_exception_comes_with_one_note_and_is_the_functions_business(here):
    seen = []

    def flow():
        for attempt in (fail, fail.submit):
            with pytest.raises(ValueError, match="bad luck") as caught:
                attempt().load()
            seen.append(caught.value)
        number()

    run = run_of(flow)

    assert str(run.status) == "completed"
    assert [len(one.__notes__) for one in seen] == [1, 1]
    assert "Step `fail_2`" in seen[1].__notes__[0]


def test_an_exception_that_is_raised_again_and_again_does_not_grow(here):
    def depth(error):
        trace, found = error.__traceback__, 0
        while trace is not None:
            trace, found = trace.tb_next, found + 1
        return found

    depths = []

    def flow():
        future = fail.submit()
        for _ in range(5):
            try:
                future.load()
            except ValueError as error:
                depths.append(depth(error))

    run_of(flow)

    assert len(set(depths)) == 1


def test_a_failure_that_nobody_takes_fails_the_run(here):
    def flow():
        fail.submit(1)
        number()

    with pytest.raises(ValueError, match="bad luck 1"):
        run_of(flow)


def test_what_the_function_raises_comes_first(here):
    def flow():
        fail.submit(1).wait()
        fail(2)

    with pytest.raises(ValueError, match="bad luck 2") as caught:
        run_of(flow)

    assert any("bad luck 1" in note for note in caught.value.__notes__)


def test_several_causes_come_as_a_group(here):
    def flow():
        failing = fail.submit(1), fail.submit(2)
        for one in failing:
            one.wait()
        with pytest.raises(ExceptionGroup) as caught:
            add.submit(*failing).load()
        assert sorted(map(str, caught.value.exceptions)) == ["bad luck 1", "bad luck 2"]

    assert str(run_of(flow).status) == "completed"


def test_a_failure_is_taken_with_what_needs_it_whichever_is_faster(here):
    def flow():
        with pytest.raises((ValueError, ExceptionGroup)):
            add.submit(fail.submit(1), fail.submit(2)).load()

    assert str(run_of(flow).status) == "completed"


def test_an_error_of_the_function_ends_the_run_when_its_steps_have_ended(zenml_store):
    is_free = threading.Event()

    @step(enable_cache=False)
    def slow() -> int:
        assert is_free.wait(SECONDS)
        return 1

    def flow():
        slow.submit()
        threading.Timer(0.05, is_free.set).start()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_of(flow)

    from zenml.client import Client

    (run,) = Client().list_pipeline_runs().items
    assert str(run.status) == "failed"
    assert statuses(run) == {"slow": "completed"}
    assert "in flow" in run.record.failure.traceback
    assert "src/zenml/execute" not in run.record.failure.traceback


def test_a_step_between_the_frames_of_the_user_shows_none_of_ours(here):
    def flow():
        fail()

    with pytest.raises(ValueError, match="bad luck"):
        run_of(flow)

    from zenml.client import Client

    (run,) = Client().list_pipeline_runs().items
    trace = run.record.failure.traceback
    assert "in flow" in trace
    assert "in fail" in trace
    assert "src/zenml/execute" not in trace


@pytest.mark.parametrize("mode", ["stop_on_failure", "fail_fast"])
def test_a_mode_that_stops_ends_a_function_that_goes_on_whatever_it_is_told(here, mode):
    def flow():
        while True:
            try:
                fail()
            except Exception:  # noqa: S110  what this is about
                pass

    with pytest.raises(ValueError, match="bad luck"):
        run_of(flow, execution_mode=mode)


def test_a_function_is_left_that_catches_everything(here):
    def flow():
        while True:
            try:
                fail()
            except:  # noqa: E722, S110  what this is about
                pass

    with pytest.raises(ValueError, match="bad luck"):
        run_of(flow, execution_mode="stop_on_failure")


def test_sys_exit_in_the_function_fails_the_run_and_ends_the_program(here):
    def flow():
        number.submit()
        raise SystemExit(3)

    with pytest.raises(SystemExit) as caught:
        run_of(flow)

    from zenml.client import Client

    (run,) = Client().list_pipeline_runs().items
    assert caught.value.code == 3
    assert (str(run.status), statuses(run)) == ("failed", {"number": "completed"})


def test_a_handled_failure_that_the_function_raises_in_the_end_is_the_runs(here):
    def flow():
        try:
            fail()
        except ValueError as error:
            kept = error
        number()
        raise kept

    with pytest.raises(ValueError, match="bad luck"):
        run_of(flow)


# Threads


def test_threads_of_the_function_call_steps(here):
    def flow():
        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(copy_context().run, lambda x=x: add(x, 1).load()) for x in range(8)]
            assert [one.result(SECONDS) for one in found] == list(range(1, 9))

    assert len(run_of(flow).steps) == 8


def test_a_call_after_the_function_has_ended_is_refused(zenml_store):
    has_ended, refused = threading.Event(), []

    def late():
        assert has_ended.wait(SECONDS)
        try:
            number(5)
        except ContextError as error:
            refused.append(error)

    threads = []

    def flow():
        number()
        context = copy_context()
        threads.append(threading.Thread(target=lambda: context.run(late)))
        threads[0].start()

    run = run_of(flow)
    has_ended.set()
    threads[0].join(SECONDS)

    assert len(refused) == 1
    assert list(run.steps) == ["number"]


def test_one_pipeline_runs_twice_at_the_same_time(zenml_store):
    barrier = threading.Barrier(2, timeout=SECONDS)

    @pipeline(dynamic=True)
    def flow():
        first = number.submit(1)
        barrier.wait()
        return add(first, 1)

    with ThreadPoolExecutor(2) as pool:
        runs = [one.result(SECONDS) for one in [pool.submit(flow), pool.submit(flow)]]

    assert len({run.id for run in runs}) == 2
    assert [run.steps["add"].output.load() for run in runs] == [2, 2]


def test_one_place_is_enough(here):
    from zenml.execute.futures import as_completed

    def flow():
        futures = [add.submit(number.submit(x), 1) for x in range(4)]
        assert sorted(one.load() for one in as_completed(futures)) == [1, 2, 3, 4]
        assert total(futures).load() == 10

    run_of(flow, max_parallelism=1)


# What static pipelines have


def test_retries(zenml_lab):
    tried = []

    @step(enable_cache=False, retry=StepRetryConfig(max_retries=2, delay=10, backoff=1))
    def flaky() -> int:
        tried.append(1)
        if len(tried) % 3:
            raise RuntimeError("flaky")
        return len(tried)

    def flow():
        assert flaky().load() == 3
        assert flaky.submit().load() == 6

    run_of(flow)

    assert zenml_lab.clock.waits == [10, 10, 10, 10]


def test_a_limited_wait_goes_by_the_clock_of_the_run(zenml_lab):
    @step(enable_cache=False, retry=StepRetryConfig(max_retries=1, delay=100, backoff=1))
    def flaky() -> int:
        if zenml_lab.clock.now < 100:
            raise RuntimeError("flaky")
        return 1

    def flow():
        future = flaky.submit()
        assert not future.wait(30)
        with pytest.raises(TimeoutError):
            future.load(30)
        assert future.load() == 1

    run_of(flow)

    assert zenml_lab.clock.now == 100


def test_hooks_of_a_step_are_called_before_the_function_goes_on(here):
    order = []

    @step(enable_cache=False, on_success=lambda: order.append("hook"))
    def watched() -> int:
        return 1

    def flow():
        watched()
        order.append("function")

    run_of(flow)

    assert sorted(order) == ["function", "hook"]
    if hasattr(here, "clock"):
        assert order == ["hook", "function"]


def test_hooks_of_the_pipeline(here):
    order = []

    def flow():
        order.append("function")
        number()
        raise KeyError("mine")

    with pytest.raises(KeyError):
        run_of(
            flow,
            on_init=lambda: order.append("init"),
            on_success=lambda: order.append("success"),
            on_failure=lambda: order.append("failure"),
            on_cleanup=lambda: order.append("cleanup"),
        )

    assert order == ["init", "function", "success", "failure", "cleanup"]


def test_the_cache_and_what_is_refreshed(here):
    @step
    def count(x: int) -> int:
        return x

    @pipeline(dynamic=True)
    def flow():
        for x in range(2):
            count(x)

    flow()
    again = flow()
    refreshed = flow.with_options(refresh=["count_2", "nobody"])()

    assert set(statuses(again).values()) == {"cached"}
    assert statuses(refreshed) == {"count": "cached", "count_2": "completed"}


def test_two_runs_compute_the_same_result_once(zenml_store):
    has_begun, may_end = threading.Event(), threading.Event()

    @step
    def work() -> int:
        has_begun.set()
        assert may_end.wait(SECONDS)
        return 7

    @pipeline(dynamic=True)
    def flow(name: str):
        if name == "second":
            assert has_begun.wait(SECONDS)
            threading.Timer(0.1, may_end.set).start()
        return add(work(), 0)

    with ThreadPoolExecutor(2) as pool:
        runs = [one.result(SECONDS) for one in [pool.submit(flow, "first"), pool.submit(flow, "second")]]

    assert [statuses(run)["work"] for run in runs] == ["completed", "cached"]
    assert [run.steps["add"].output.load() for run in runs] == [7, 7]


def test_fakes_answer_calls_of_dynamic_pipelines(zenml_lab):
    fake = zenml_lab.fake(number, side_effects=[5, ValueError("faked"), 6])
    seen = []

    def flow():
        seen.append(number(1).load())
        with pytest.raises(ValueError, match="faked"):
            number.submit(2).load()
        seen.append(add(number(3), 1).load())

    run_of(flow)

    assert seen == [5, 7]
    assert [call.arguments for call in fake.calls] == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_a_cancelled_step_does_not_run_and_what_needs_it_is_skipped(zenml_store):
    is_free = threading.Event()

    @step(enable_cache=False)
    def slow() -> int:
        assert is_free.wait(SECONDS)
        return 1

    def flow():
        running, waiting = slow.submit(), slow.submit(id="waiting")
        needy = add.submit(waiting, 1)
        assert waiting.cancel()
        assert needy.cancelled()
        assert not running.cancel(), "a thread cannot be ended"
        is_free.set()
        with pytest.raises(StepCancelledError):
            needy.load()
        assert running.load() == 1

    run = run_of(flow, max_parallelism=1)

    assert statuses(run) == {"slow": "completed", "waiting": "skipped", "add": "skipped"}


@pytest.mark.parametrize("seed", range(3))
def test_threads_that_submit_cancel_and_wait_at_random_come_to_an_end(zenml_store, seed):
    @step(enable_cache=False, retry=StepRetryConfig(max_retries=1, delay=0.005, backoff=1))
    def odd_fails(x: int) -> int:
        if x % 2:
            raise ValueError(x)
        return x

    @step
    def cached(x: int) -> int:
        return x

    def work(number_of_thread):
        dice, known = random.Random(f"{seed} {number_of_thread}"), []
        for i in range(12):
            taken = dice.choice(known) if known and dice.random() < 0.6 else i % 4
            future = dice.choice([number, cached, odd_fails]).submit(taken)
            known.append(future)
            dice.choice([future.cancel, future.exception, lambda f=future: f.wait(0.001), future.done])()
        for future in known:
            future.exception()
            assert future.done()

    def flow():
        with ThreadPoolExecutor(3) as pool:
            working = [pool.submit(copy_context().run, work, i) for i in range(3)]
            work(3)
            for one in working:
                one.result(SECONDS)

    run = run_of(flow)

    assert str(run.status) == "completed"
    assert len(run.steps) == 48
