"""What a map costs for each element does not depend on how many there are: statements, threads, what is kept."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from zenml import pipeline, step

STATEMENTS_AN_ELEMENT = 5
"""The row of the step, its end, its artifact, and a look-up; many share a transaction."""


@step
def nothing(i: int) -> int:
    return i


@pipeline(dynamic=True, enable_cache=False)
def mapped(n: int) -> None:
    nothing.map(range(n))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every connection that is opened from now on tell what it is asked."""
    found: list[str] = []
    connect = sqlite3.connect

    def connect_and_tell(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_and_tell)
    return found


def test_statements_of_an_element_stay_the_same(zenml_store: Path, asked: list[str]) -> None:
    mapped(n=10)
    counts = []
    for n in (500, 3000):
        asked.clear()
        mapped(n=n)
        kept = [text for text in asked if not text.startswith(("BEGIN", "COMMIT", "PRAGMA", "--"))]
        counts.append(len(kept) / n)

    assert counts[1] <= STATEMENTS_AN_ELEMENT
    assert counts[1] <= counts[0] * 1.2


def test_no_more_threads_for_more_elements(zenml_store: Path) -> None:
    most = 0

    @step
    def count(i: int) -> int:
        nonlocal most
        most = max(most, threading.active_count())
        return i

    @pipeline(dynamic=True, enable_cache=False, max_parallelism=4)
    def counted() -> None:
        count.map(range(1000))

    before = threading.active_count()
    counted()

    assert most - before <= 4 + 3  # the feeder, the writer of the store, the writer of logs


def test_nothing_of_ended_elements_is_left_in_the_session(zenml_store: Path) -> None:
    seen = []

    @pipeline(dynamic=True, enable_cache=False)
    def watched() -> None:
        found = nothing.map(range(1000))
        found.wait()
        seen.append((len(found.open), len(found.session._futures), sum(len(one.callbacks) for one in found)))

    watched()

    assert seen == [(0, 0, 0)]
