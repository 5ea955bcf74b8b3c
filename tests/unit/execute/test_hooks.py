"""When hooks are called, where, with what, and what becomes of them."""

import threading

import pytest
from engine_helpers import SECONDS, Recorder, WatchedStore, compiled, run, wait

from zenml import get_step_context
from zenml.declare.step import step
from zenml.errors import ConfigurationError, ContextError
from zenml.execute.running import run_plan
from zenml.records.hooks import HookRun
from zenml.records.run import Run, StepRun


def rows(result, **fields):
    return result.store.select(HookRun, run_id=result.ended.run.id, **fields)


def called(result):
    return [(row.hook, row.invocation_id, row.status) for row in rows(result)]


def only_run(store):
    (found,) = store.select(Run)
    return found


# Which hooks are called


def test_hooks_of_a_chain_are_called_in_order_in_the_callers_thread(store):
    seen = []

    def note(what):
        def hook(step_name):
            seen.append((what, step_name, threading.get_ident() == here))

        return hook

    here = threading.get_ident()

    @step(on_start=note("start"), on_success=note("success"), on_end=note("end"))
    def link(x: int) -> int:
        seen.append(("step", f"{x}", threading.get_ident() == here))
        return x + 1

    def chain():
        link(link(0))

    result = run(chain, store=store)

    assert seen == [
        ("start", "link", True),
        ("step", "0", True),
        ("success", "link", True),
        ("end", "link", True),
        ("start", "link_2", True),
        ("step", "1", True),
        ("success", "link_2", True),
        ("end", "link_2", True),
    ]
    assert {status for _, _, status in called(result)} == {"completed"}


def test_a_failed_step_calls_its_failure_hook_and_skipped_steps_call_nothing(store):
    seen = []

    @step(on_success=lambda: seen.append("success"), on_failure=lambda e: seen.append(e))
    def broken() -> int:
        raise ValueError("boom")

    @step(on_start=lambda: seen.append("start"), on_end=lambda: seen.append("end"))
    def later(x: int) -> None: ...

    def flow():
        later(broken())

    result = run(flow, store=store)

    assert seen == [result.errors["broken"]]
    assert called(result) == [("on_failure", "broken", "completed")]


def test_cached_steps_call_nothing(store):
    seen = []

    @step(on_start=lambda: seen.append("start"), on_success=lambda: seen.append("success"))
    def work() -> int:
        return 1

    def flow():
        work()

    run(flow, store=store)
    second = run(flow, store=store)

    assert seen == ["start", "success"]
    assert second.states == {"work": "cached"}
    assert called(second) == []


def test_pipeline_hooks_are_defaults_and_those_of_a_step_win(store):
    seen = []

    @step
    def plain() -> int:
        return 1

    @step(on_success=lambda step_name: seen.append(("own", step_name)))
    def special(x: int) -> int:
        return x

    def flow():
        special(plain())

    run(flow, store=store, on_success=lambda step_name: seen.append(("default", step_name)))

    assert seen == [("default", "plain"), ("own", "special")]


def test_an_interrupted_attempt_is_not_an_end_and_a_second_attempt_starts_nothing(store, tmp_path):
    """A step whose damaged input is made anew calls each hook once."""
    from zenml.store.database import Database

    seen, root = [], tmp_path / "store"
    database = Database(str(root), is_durable=False)

    @step
    def big() -> bytes:
        return b"x" * 200_000

    @step(
        enable_cache=False,
        on_start=lambda: seen.append("start"),
        on_success=lambda attempt: seen.append(attempt),
        on_failure=lambda: seen.append("failure"),
    )
    def take(data: bytes) -> int:
        return len(data)

    def flow():
        take(big())

    run(flow, store=database)
    seen.clear()
    for path in (root / "artifacts").rglob("*"):
        if path.is_file() and path.stat().st_size >= 200_000:
            path.chmod(0o600)
            path.write_bytes(b"y" * path.stat().st_size)

    result = run(flow, store=database)

    assert [one.status for one in result.attempts if one.invocation_id == "take"] == [
        "interrupted",
        "completed",
    ]
    assert seen == ["start", 2]
    database.close()


# The run


def test_on_init_runs_once_and_its_result_is_the_state(store):
    seen = []
    state = object()

    def init():
        seen.append("init")
        return state

    @step(enable_cache=False, on_success=lambda pipeline_state: seen.append(pipeline_state))
    def work(x: int) -> int:
        seen.append(get_step_context().pipeline_state)
        return x + 1

    def flow():
        work(work(0))

    run(flow, store=store, on_init=init)

    assert seen == ["init", state, state, state, state]


def test_a_failing_on_init_fails_the_run_with_its_own_exception_before_any_step(store):
    seen = []
    error = ValueError("no connection")

    def init():
        raise error

    @step
    def work() -> None:
        seen.append("step")

    def flow():
        work()

    with pytest.raises(ValueError, match="no connection") as raised:
        run(
            flow,
            store=store,
            on_init=init,
            on_failure=lambda e, step_name: seen.append((e, step_name)),
            on_cleanup=lambda e: seen.append(("cleanup", e)),
        )

    assert raised.value is error
    assert seen == [(error, None), ("cleanup", error)]
    recorded = only_run(store)
    assert recorded.status == "failed"
    assert recorded.failure.message == "no connection"
    assert recorded.reason == "its hook `on_init` failed: ValueError: no connection"
    assert [one.status for one in store.select(StepRun, run_id=recorded.id)] == ["skipped"]
    assert "Hook `on_init` of run" in error.__notes__[0]


def test_sys_exit_in_on_init_fails_the_run_and_not_the_program(store):
    def init():
        raise SystemExit(3)

    @step
    def work() -> None: ...

    def flow():
        work()

    with pytest.raises(RuntimeError, match=r"Hook `on_init` called `sys.exit\(3\)`"):
        run(flow, store=store, on_init=init)

    assert only_run(store).status == "failed"


@pytest.mark.parametrize("fails", [False, True])
def test_cleanup_runs_once_after_all_hooks_of_steps(store, fails):
    seen = []

    @step(enable_cache=False, on_end=lambda: seen.append("end"))
    def work() -> None:
        if fails:
            raise ValueError

    def flow():
        work()

    def cleanup(exception, run):
        seen.append(("cleanup", type(exception).__name__, run.status.value))

    result = run(flow, store=store, on_cleanup=cleanup)

    ended = ("cleanup", "ValueError", "failed") if fails else ("cleanup", "NoneType", "completed")
    assert seen == ["end", ended]
    assert result.status == ended[2]


def test_cleanup_runs_when_everything_was_cached(store):
    seen = []

    @step
    def work() -> int:
        return 1

    def flow():
        work()

    for _ in range(2):
        run(flow, store=store, on_cleanup=lambda: seen.append("cleanup"))

    assert seen == ["cleanup"] * 2


def test_on_failure_of_the_pipeline_is_called_once_for_a_failed_step(store):
    seen = []

    @step
    def broken() -> None:
        raise ValueError

    def flow():
        broken()

    run(flow, store=store, on_failure=lambda step_name: seen.append(step_name))

    assert seen == ["broken"]


def test_a_run_that_the_store_fails_still_cleans_up():
    seen, count = [], [0]

    def fail_at_the_third():
        count[0] += 1
        if count[0] == 3:
            raise OSError("the disk is full")

    @step
    def work(x: int) -> int:
        return x

    def flow():
        work(work(work(0)))

    with pytest.raises(OSError, match="the disk is full"):
        run(
            flow,
            store=WatchedStore(fail_at_the_third),
            on_failure=lambda e: seen.append(str(e)),
            on_cleanup=lambda: seen.append("cleanup"),
        )

    assert seen == ["the disk is full", "cleanup"]


# What hooks get


def test_a_hook_gets_the_output_loaded_anew(store):
    seen = []

    @step(on_success=seen.append)
    def work() -> list[int]:
        result = [1, 2]
        made.append(result)
        return result

    made = []

    def flow():
        work()

    run(flow, store=store)

    assert seen == [[1, 2]]
    assert seen[0] is not made[0]


def test_several_outputs_are_a_tuple_or_come_by_name(store):
    seen = []
    from typing import Annotated

    @step(on_success=lambda out, weights: seen.append((out, weights)))
    def train() -> tuple[Annotated[str, "weights"], Annotated[float, "loss"]]:
        return "W", 0.5

    def flow():
        train()

    run(flow, store=store)

    assert seen == [(("W", 0.5), "W")]


def test_a_step_without_outputs_has_none(store):
    seen = []

    @step(on_success=seen.append)
    def work() -> None: ...

    def flow():
        work()

    run(flow, store=store)

    assert seen == [None]


def test_outputs_are_not_read_unless_a_hook_asks_for_them(store):
    read = []

    class CountingStore:
        def __getattr__(self, name):
            if name == "inline_bytes":
                read.append(name)
            return getattr(store, name)

    @step(enable_cache=False, on_success=lambda step_name: None)
    def work() -> str:
        return "x" * 5000

    def flow():
        work()

    run(flow, store=CountingStore())

    assert read == []


def test_async_hooks_are_awaited(store):
    import asyncio

    seen = []

    async def hook(output):
        await asyncio.sleep(0)
        seen.append(output)

    @step(on_success=hook)
    def work() -> int:
        return 7

    def flow():
        work()

    run(flow, store=store)

    assert seen == [7]


def test_the_context_of_a_hook_is_that_of_its_step(store):
    seen = {}

    def hook():
        context = get_step_context()
        seen.update(
            step=context.step_run.name,
            status=context.step_run.status.value,
            parameters=context.step_run.config.parameters,
            outputs={name: view.load() for name, view in context.step_run.outputs.items()},
            inputs={name: view.load() for name, view in context.inputs.items()},
            run=context.pipeline_run.name,
            run_status=context.pipeline_run.status.value,
            run_parameters=context.pipeline_run.parameters,
            tags=context.pipeline_run.tags,
            started=context.pipeline_run.start_time is not None,
            pipeline=context.pipeline.name,
            attempt=context.attempt,
            model=context.model,
            enabled=context.step_run.config.enable_cache,
        )

    @step
    def first() -> int:
        return 1

    @step(enable_cache=False, on_success=hook)
    def second(x: int, factor: int = 3) -> int:
        return x * factor

    def flow():
        second(first())

    result = run(flow, store=store, tags=["nightly"], name="flow")

    assert seen == {
        "step": "second",
        "status": "completed",
        "parameters": {"factor": 3},
        "outputs": {"output": 3},
        "inputs": {"x": 1},
        "run": result.ended.run.name,
        "run_status": "running",
        "run_parameters": {},
        "tags": ["nightly"],
        "started": True,
        "pipeline": "flow",
        "attempt": 1,
        "model": None,
        "enabled": False,
    }


def test_a_step_reads_of_its_run_what_a_hook_reads(store):
    seen = {}

    @step
    def work(x: int = 2) -> int:
        context = get_step_context()
        seen.update(
            status=context.step_run.status.value,
            started=context.step_run.start_time is not None,
            outputs=dict(context.step_run.outputs),
            run=context.pipeline_run.status.value,
            tags=context.pipeline_run.tags,
            mode=context.pipeline_run.config.execution_mode,
            pipeline=context.pipeline.id is not None,
            state=context.pipeline_state,
        )
        return x

    def flow():
        work()

    run(flow, store=store, tags=["nightly"])

    assert seen == {
        "status": "running",
        "started": True,
        "outputs": {},
        "run": "running",
        "tags": ["nightly"],
        "mode": "continue_on_failure",
        "pipeline": True,
        "state": None,
    }


@pytest.mark.parametrize("part", ["step_run", "step_name", "attempt", "inputs", "model", "run_metadata"])
def test_a_hook_of_the_run_has_the_part_of_the_run(store, part):
    seen = []

    def cleanup():
        context = get_step_context()
        seen.append(context.pipeline_run.name)
        with pytest.raises(ContextError, match=f"Hook `on_cleanup` asked for `{part}`.*not for a step"):
            getattr(context, part)
        seen.append("refused")

    @step
    def work() -> None: ...

    def flow():
        work()

    result = run(flow, store=store, on_cleanup=cleanup)

    assert seen == [result.ended.run.name, "refused"]


def test_what_a_hook_logs_of_its_step_is_recorded(store):
    from zenml import log_metadata
    from zenml.views.run_view import RunView

    @step(on_success=lambda: log_metadata({"told": True}))
    def work() -> None: ...

    def flow():
        work()

    result = run(flow, store=store)

    assert RunView(result.ended.run, store).steps["work"].run_metadata == {"told": True}


def test_what_a_hook_says_of_an_output_is_recorded(store):
    from zenml.views.run_view import RunView

    seen = {}

    def tell(context):
        seen["uri"] = context.get_output_artifact_uri()
        seen["tags"] = context.get_output_tags("output")
        seen["metadata"] = type(context.get_output_metadata())
        context.add_output_metadata({"checked": True})
        context.add_output_tags(["checked", "wrong"])
        context.remove_output_tags(["wrong"])

    @step(on_success=tell)
    def work() -> int:
        return 1

    def flow():
        work()

    result = run(flow, store=store)

    output = RunView(result.ended.run, store).steps["work"].output
    assert seen == {"uri": output.uri, "tags": [], "metadata": dict}
    assert output.run_metadata["checked"] is True
    assert output.tags == ["checked"]


def test_a_signature_that_cannot_be_served_is_refused_before_the_run(store):
    @step(on_success=lambda exception: None)
    def work() -> None: ...

    def flow():
        work()

    with pytest.raises(ConfigurationError, match=r"Hook `on_success` of step `work`.*asks for `exception`"):
        run(flow, store=store)

    assert store.select(Run) == []


# Failing hooks


@pytest.mark.parametrize("error", [ValueError("no network"), SystemExit(2), KeyboardInterrupt()])
def test_a_failing_hook_is_recorded_and_shown_and_changes_nothing(store, error):
    seen = []

    def hook():
        raise error

    @step(enable_cache=False, on_success=hook, on_end=lambda: seen.append("end"))
    def work(x: int) -> int:
        return x

    def flow():
        work(work(1))

    result = run(flow, store=store)

    assert result.status == "completed"
    assert seen == ["end", "end"]
    failed = rows(result, status="failed")
    assert [row.invocation_id for row in failed] == ["work", "work_2"]
    assert failed[0].failure.type.endswith(type(error).__name__)
    assert "test_hooks.py" in failed[0].failure.traceback
    assert failed[0].started_at <= failed[0].ended_at
    notes = [note for note in result.recorder.notes if "failed" in note]
    assert notes[0].startswith("Hook `on_success` of step `work` (`test_hooks.")
    assert len(notes) == 2


# Where and when


def test_a_row_is_pending_until_its_hook_has_run(store):
    seen = []

    def hook():
        (row,) = store.select(HookRun)
        seen.append((row.status, row.started_at))

    @step(on_success=hook)
    def work() -> None: ...

    def flow():
        work()

    result = run(flow, store=store)

    assert seen == [("pending", None)]
    assert [row.status for row in rows(result)] == ["completed"]


def test_steps_do_not_wait_for_hooks_of_steps_in_other_threads(store):
    go_on, seen = threading.Event(), []

    @step(enable_cache=False, on_success=lambda: wait(go_on))
    def part(x: int) -> int:
        return x

    @step(enable_cache=False)
    def join(parts: list[int]) -> None:
        go_on.set()
        seen.append(parts)

    def fan():
        join([part(x) for x in range(3)])

    result = run(fan, store=store)

    assert seen == [[0, 1, 2]]
    assert [row.status for row in rows(result)] == ["completed"] * 3


def test_steps_do_not_wait_for_a_hook_in_the_callers_thread_when_others_run(store):
    go_on = threading.Event()

    @step(enable_cache=False, on_success=lambda: wait(go_on))
    def first() -> int:
        return 0

    @step(enable_cache=False)
    def part(x: int, i: int) -> int:
        return i

    @step(enable_cache=False)
    def join(parts: list[int]) -> None:
        go_on.set()

    def fan():
        start = first()
        join([part(start, i) for i in range(3)])

    assert run(fan, store=store).status == "completed"


def test_the_end_of_a_run_waits_for_its_hooks(store):
    seen = []
    barrier = threading.Barrier(3)

    def hook(run):
        barrier.wait(SECONDS)  # all three run at once
        seen.append(only_run(store).status)

    @step(enable_cache=False, on_success=hook)
    def part(x: int) -> int:
        return x

    def crowd():
        for x in range(3):
            part(x)

    result = run(crowd, store=store)

    assert seen == ["running"] * 3
    assert result.status == "completed"


def test_many_parallel_steps_call_each_hook_once(store):
    seen = []

    @step(
        enable_cache=False,
        on_start=lambda step_name: seen.append(("start", step_name)),
        on_success=seen.append,
    )
    def part(x: int) -> int:
        return x

    def crowd():
        for x in range(40):
            part(x)

    result = run(crowd, store=store)

    assert sorted(one for one in seen if isinstance(one, int)) == list(range(40))
    assert len([one for one in seen if isinstance(one, tuple)]) == 40
    assert len(rows(result, status="completed")) == 80


def test_fail_fast_calls_the_hooks_of_the_step_that_failed(store):
    seen, release = [], threading.Event()

    @step(on_failure=lambda step_name: seen.append(step_name))
    def broken() -> None:
        raise ValueError

    @step(on_end=lambda: seen.append("slow"))
    def slow() -> None:
        wait(release)

    def flow():
        slow()
        broken()

    result = run(flow, store=store, execution_mode="fail_fast", on_cleanup=lambda: seen.append("cleanup"))
    release.set()

    assert seen == ["broken", "cleanup"]
    assert result.states == {"slow": "stopped", "broken": "failed"}


def test_a_stop_from_elsewhere_cleans_up_and_keeps_what_ended(tmp_path):
    from zenml.errors import RunStoppedError
    from zenml.store.database import Database
    from zenml.store.stopping import request_stop

    seen, database = [], Database(str(tmp_path / "store"), is_durable=False)

    @step(on_success=lambda: seen.append("success"))
    def work() -> int:
        request_stop(database, only_run(database).id, "enough")
        return 1

    @step(on_start=lambda: seen.append("start"))
    def later(x: int) -> None: ...

    def flow():
        later(work())

    with pytest.raises(RunStoppedError, match="enough"):
        run(flow, store=database, on_cleanup=lambda run: seen.append(run.status.value))

    assert seen == ["success", "stopped"]
    assert {row.status for row in database.select(HookRun)} == {"completed"}
    database.close()


def test_a_pipeline_may_be_run_in_a_hook(store):
    seen = []

    @step
    def inner() -> int:
        return 1

    def small():
        inner()

    def hook():
        seen.append(run_plan(compiled(small), store, reporter=Recorder()).run.status)

    @step(on_success=hook)
    def work() -> None: ...

    def flow():
        work()

    assert run(flow, store=store).status == "completed"
    assert seen == ["completed"]


def test_a_request_to_stop_ends_the_wait_for_a_hook_that_hangs(tmp_path, monkeypatch):
    from zenml.errors import RunStoppedError
    from zenml.execute import hooks
    from zenml.store.database import Database
    from zenml.store.stopping import request_stop

    monkeypatch.setattr(hooks, "LOOK", 0.01)
    monkeypatch.setattr(hooks, "GRACE", 0.05)
    seen, release, database = [], threading.Event(), Database(str(tmp_path / "store"), is_durable=False)

    def hang():
        request_stop(database, only_run(database).id, "enough")
        wait(release)

    @step(enable_cache=False, on_success=hang)
    def one() -> None: ...

    @step(enable_cache=False)
    def other() -> None: ...

    def flow():
        one()
        other()

    with pytest.raises(RunStoppedError, match="enough"):
        run(flow, store=database, on_cleanup=lambda run: seen.append(run.status.value))

    assert seen == ["stopped"]
    owed = {row.hook: row.status for row in database.select(HookRun)}
    assert owed == {"on_success": "pending", "on_cleanup": "completed"}
    release.set()


def test_a_hook_whose_end_cannot_be_recorded_stays_due_and_the_run_goes_on(store):
    from zenml.errors import StoreUnavailableError

    class NoUpdates:
        def __getattr__(self, name):
            return getattr(store, name)

        def update(self, kind, identifier, /, **fields):
            raise StoreUnavailableError("the disk is full")

    @step(on_success=lambda: None)
    def work() -> None: ...

    def flow():
        work()

    result = run(flow, store=NoUpdates())

    assert result.status == "completed"
    assert [row.status for row in rows(result)] == ["pending"]
    assert any("could not be recorded: the disk is full" in note for note in result.recorder.notes)


def test_settings_for_a_part_that_the_stack_lacks_are_one_note(store):
    @step(settings={"experiment_tracker.mlflow": {"experiment_name": "x"}})
    def work() -> None: ...

    def flow():
        work()

    notes = run(flow, store=store).recorder.notes

    assert len(notes) == 1
    assert "`experiment_tracker.mlflow` of step `work`" in notes[0]
