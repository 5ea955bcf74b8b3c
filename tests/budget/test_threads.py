"""How many threads a run makes: none for a chain, a bounded number for a fan-out, and all of them leave."""

from __future__ import annotations

import threading

import pytest

from zenml import pipeline, step
from zenml.store.database import Database

MOST_WORKERS = 32
HELPERS = 1
"""The store's, which pushes the log to the disk."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Note every thread that is started from now on."""
    noted: list[threading.Thread] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        noted.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    return noted


@step(enable_cache=False)
def where(x: int) -> int:
    return threading.get_ident()


@step(enable_cache=False)
def together(parts: list[int]) -> int:
    return len(set(parts))


@pipeline
def chain(n: int) -> None:
    x = 0
    for _ in range(n):
        x = where(x)


@pipeline
def fan(n: int) -> None:
    together([where(i) for i in range(n)])


def test_chain_runs_in_the_caller_s_thread(store: Database) -> None:
    run = chain(n=20)

    idents = {one.output.load() for one in run.steps.values()}
    assert idents == {threading.get_ident()}


def test_chain_makes_no_thread_but_the_store_s(started: list[threading.Thread], store: Database) -> None:
    chain(n=50)

    assert len(started) <= HELPERS, [thread.name for thread in started]


def test_second_chain_makes_no_thread(started: list[threading.Thread], store: Database) -> None:
    chain(n=5)
    started.clear()

    chain(n=5)

    assert started == []


def test_fan_out_makes_at_most_32_threads(started: list[threading.Thread], store: Database) -> None:
    fan(n=200)

    assert len(started) <= MOST_WORKERS + HELPERS, [thread.name for thread in started]


def test_fan_out_keeps_to_its_max_parallelism(started: list[threading.Thread], store: Database) -> None:
    chain(n=1)
    started.clear()

    fan.with_options(max_parallelism=3)(n=50)

    assert len(started) <= 3, [thread.name for thread in started]


def test_threads_of_a_run_leave_with_it(started: list[threading.Thread], store: Database) -> None:
    chain(n=1)
    helpers = set(started)

    fan(n=100)

    workers = [thread for thread in started if thread not in helpers]
    for thread in workers:
        thread.join(10)
    assert workers
    assert not any(thread.is_alive() for thread in workers)
