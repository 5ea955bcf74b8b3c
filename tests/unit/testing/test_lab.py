"""Runs in memory: where they are recorded, where and in which order steps run, and what is left afterwards."""

import asyncio
import os
import subprocess
import threading

import pytest

from zenml import (
    add_tags,
    get_step_context,
    load_artifact,
    log_metadata,
    pipeline,
    save_artifact,
    step,
)
from zenml.client import Client
from zenml.config import Schedule
from zenml.config.retry_config import StepRetryConfig
from zenml.errors import ContextError
from zenml.execute import conditions, environment
from zenml.execute.engine import Engine
from zenml.store.opening import open_store
from zenml.testing import in_memory

BIG = 100_000


@step
def load() -> list[int]:
    return [3, 4]


@step
def double(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline
def flow():
    return total(double(load()))


def statuses(run):
    return {name: str(one.status) for name, one in run.steps.items()}


def test_a_pipeline_runs_and_its_results_can_be_read(zenml_lab):
    run = flow()

    assert run.steps["total"].output.load() == 14
    assert [output.load() for output in run.outputs] == [14]
    assert Client().get_pipeline_run(run.name).id == run.id
    assert [one.id for one in zenml_lab.runs] == [run.id]
    assert zenml_lab.client.get_pipeline_run(run.id).name == run.name


def test_the_second_run_is_cached(zenml_lab):
    flow()

    assert set(statuses(flow()).values()) == {"cached"}


def test_a_step_alone_runs_in_the_lab(zenml_lab):
    assert total([1, 2]) == 3
    assert len(zenml_lab.runs) == 1


def test_the_real_store_is_neither_made_nor_touched(zenml_store):
    with in_memory():
        flow()
        inside = open_store()

    assert not zenml_store.exists()
    assert open_store() is not inside
    assert zenml_store.exists()
    assert flow().steps["load"].status == "completed"


def test_a_client_made_before_sees_the_lab_inside_and_the_store_again_outside(zenml_store):
    client = Client()
    outside = flow()

    with in_memory():
        assert client.list_pipeline_runs().items == []

    assert [one.id for one in client.list_pipeline_runs().items] == [outside.id]


def test_an_error_inside_leaves_nothing_of_the_lab(zenml_store):
    stores = []

    def fail():
        with in_memory() as lab:
            lab.clock.advance(3600)
            lab.fake("nobody")
            stores.append(lab.store)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert conditions.of(stores[0]).engine is Engine
    run = flow()
    assert str(run.steps["load"].status) == "completed"
    assert zenml_store.exists()
    with in_memory():
        pass


def test_a_lab_in_a_lab_is_refused_and_the_first_goes_on(zenml_lab):
    with pytest.raises(ContextError, match=r"is open already: it was entered at .*:\d+"), in_memory():
        pass

    assert flow().status == "completed"
    assert len(zenml_lab.runs) == 1


def test_a_lab_says_where_it_was_entered():
    with in_memory(), pytest.raises(ContextError, match=r"test_lab\.py:\d+"):  # noqa: SIM117
        with in_memory():
            pass


def test_no_thread_and_no_process_is_started(zenml_lab, monkeypatch, capsys, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("something was started")

    for module, name in (
        (threading.Thread, "start"), (os, "fork"), (os, "posix_spawn"), (os, "posix_spawnp"), (subprocess, "Popen"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(environment, "_changes", None)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    threads = []

    @step(enable_cache=False)
    def talk(number: int) -> int:
        threads.append(threading.get_ident())
        print("number", number)
        log_metadata({"number": number})
        add_tags(["talked"])
        save_artifact([number], f"side {number}")
        return number

    isolated = talk.with_options(runtime="isolated", retry=StepRetryConfig(max_retries=1, delay=60))
    told = []

    @pipeline(on_success=lambda: told.append("hook"))
    def wide():
        for number in range(3):
            talk(number)
            isolated(number)

    run = wide.with_options(settings={"orchestrator": {"synchronous": False}})()

    assert run.status == "completed"
    assert set(threads) == {threading.get_ident()}
    assert told == ["hook"] * 6
    assert load_artifact("side 2") == [2]
    assert run.steps["talk_2"].run_metadata == {"number": 0}
    captured = capsys.readouterr()
    assert captured.out == "".join(f"number {number}\n" * 2 for number in range(3))
    assert captured.err == ""


def test_hooks_run_here_too_while_a_retry_waits(zenml_lab):
    told = []

    @step(retry=StepRetryConfig(max_retries=1, delay=60))
    def flaky() -> int:
        if get_step_context().attempt == 1:
            raise OSError
        return 1

    @step(on_success=lambda: told.append((threading.get_ident(), zenml_lab.clock.now)))
    def other() -> int:
        return 1

    @pipeline
    def waiting():
        flaky()
        other()

    waiting()

    assert told == [(threading.get_ident(), 0)]


def test_steps_run_in_the_order_in_which_the_pipeline_calls_them(zenml_lab):
    seen = []

    @step(enable_cache=False)
    def note(name: str, before: str = "") -> str:
        seen.append(name)
        return name

    @pipeline
    def woven():
        a, b = note("a"), note("b")
        note("c", a)
        d = note("d")
        note("e", b)
        note("f", d)

    woven()

    assert seen == ["a", "b", "c", "d", "e", "f"]


def test_what_a_step_says_is_recorded_before_it_goes_on(zenml_lab):
    @step(enable_cache=False)
    def talk() -> int:
        log_metadata({"epoch": 1})
        (run,) = Client().list_pipeline_runs().items
        return run.steps["talk"].run_metadata["epoch"]

    assert talk() == 1


def test_steps_have_the_variables_that_they_ask_for(zenml_lab):
    zenml_lab.client.create_secret("key", {"KEY": "abc"})

    @step(environment={"LEVEL": "3"}, secrets=["key"])
    def read() -> str:
        return os.environ["LEVEL"] + os.environ["KEY"]

    assert read() == "3abc"
    assert "LEVEL" not in os.environ


def test_large_artifacts_lie_in_a_folder_that_is_removed():
    @step
    def large() -> bytes:
        return bytes(BIG)

    with in_memory() as lab:
        assert large() == bytes(BIG)
        (run,) = lab.runs
        folder = lab.store.artifact_root
        assert os.path.dirname(run.steps["large"].output.uri) == folder
        assert os.stat(folder).st_mode & 0o077 == 0

    assert not os.path.exists(folder)


def test_small_artifacts_need_no_folder(zenml_lab):
    flow()

    assert not os.path.exists(zenml_lab.store.artifact_root)


def test_the_exception_of_a_step_is_raised_and_its_run_can_be_looked_at(zenml_lab):
    @step
    def fail(number: int) -> int:
        raise OSError("no space")

    @pipeline
    def failing():
        total([fail(1)])
        load()

    with pytest.raises(OSError, match="no space"):
        failing()

    assert statuses(zenml_lab.runs[-1]) == {"fail": "failed", "total": "skipped", "load": "completed"}


def test_a_pipeline_inside_a_step_runs_in_the_lab(zenml_lab):
    @step(enable_cache=False)
    def outer() -> int:
        return flow().steps["total"].output.load() + get_step_context().attempt

    assert outer() == 15
    assert len(zenml_lab.runs) == 2


def test_an_async_test_and_async_steps():
    @step
    async def fetch() -> int:
        await asyncio.sleep(0)
        return 5

    async def check():
        with in_memory() as lab:
            await asyncio.sleep(0)
            assert fetch() == 5
            assert await asyncio.to_thread(flow) is not None
            assert len(lab.runs) == 2

    asyncio.run(check())


def test_threads_of_a_test_share_the_lab(zenml_lab):
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(flow())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(runs) == len(zenml_lab.runs) == 4
    executed = [run for run in runs if str(run.steps["load"].status) == "completed"]
    assert len(executed) == 1


def test_nothing_is_said_of_what_is_stored_or_not_used(zenml_lab, capfd):
    flow.with_options(schedule=Schedule(name="nightly", cron_expression="0 2 * * *"))()
    flow.with_options(build="1f")()

    assert capfd.readouterr() == ("", "")
    assert [one.name for one in zenml_lab.client.list_schedules().items] == ["nightly"]
