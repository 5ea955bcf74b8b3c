"""What `track` costs beside the loop: no statement, no sync, and for a step without it nothing at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

import pytest

from zenml import pipeline, step, track
from zenml.logs import log_writer
from zenml.store.database import Database
from zenml.views.progress import read_progress

ITEMS = 3000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is asked of SQLite, and each sync that this thread or that of the logs does."""
    found: list[str] = []
    connect = sqlite3.connect

    def connect_and_tell(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_and_tell)
    return found


@step(enable_cache=False)
def plain() -> int:
    return sum(range(ITEMS))


@pipeline
def untracked() -> None:
    plain()


def tracked(between: Callable[[int], None]) -> Callable[[], object]:
    """Return a pipeline whose step uses `track`, and does something with each item."""

    @step(enable_cache=False)
    def loop() -> int:
        for number in track(range(ITEMS), description="rows"):
            between(number)
        return ITEMS

    @pipeline
    def flow() -> None:
        loop()

    return flow


def test_track_asks_nothing_of_the_database(asked: list[str], store: Database) -> None:
    untracked()  # makes the connections
    asked.clear()
    untracked()
    without = len(asked)
    flow = tracked(lambda number: log_writer._flush_all() if number % 100 == 0 else None)
    flow()  # its plan is stored with the first run
    asked.clear()

    flow()

    assert len(asked) == without


def test_progress_is_written_without_a_sync(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    seen: list[int] = []

    def look(number: int) -> None:
        if number != 10:
            return
        with monkeypatch.context() as patch:
            for name in ("fsync", "fdatasync"):
                patch.setattr(
                    os, name, lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
                )
            log_writer._flush_all()  # the step tells, and
            log_writer._flush_all()  # its run writes
            seen.extend(len(read_progress(store.root, run)) for run in os.listdir(f"{store.root}/logs"))

    tracked(look)()

    assert seen == [1]
    assert not [path for path in synced if "progress" in os.path.basename(path)]


def test_a_step_without_track_makes_no_folder_and_is_not_looked_at(store: Database) -> None:
    untracked()

    assert os.listdir(f"{store.root}/logs") == []
    assert not log_writer._watched
