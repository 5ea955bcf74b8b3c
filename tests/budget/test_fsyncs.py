"""Who waits for the disk: never a step with small values, and a file only as often as it has to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest

from zenml import fs, pipeline, step
from zenml.store.database import Database

STEPS = 50
SYNCS_OF_A_FILE_ARTIFACT = 4
"""Its file, its manifest, its folder, and the folder that holds its name."""
LARGE = 100_000
"""Bytes: more than is kept in a row."""


class Moment(NamedTuple):
    """A step that began, or a sync, and the thread that was busy with it."""

    what: str
    thread: int


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[Moment]:
    """Note every sync from now on, in order."""
    noted: list[Moment] = []

    def note(name: str) -> None:
        real = getattr(os, name)

        def sync(descriptor: int) -> None:
            noted.append(Moment("sync", threading.get_ident()))
            real(descriptor)

        monkeypatch.setattr(os, name, sync)

    for name in ("fsync", "fdatasync"):
        note(name)
    return noted


def chain_of(moments: list[Moment]) -> Callable[..., object]:
    """Return a pipeline whose steps note when they run."""

    @step(enable_cache=False)
    def note(x: int) -> int:
        moments.append(Moment("step", threading.get_ident()))
        return x + 1

    @pipeline
    def chain(n: int) -> None:
        x = 0
        for _ in range(n):
            x = note(x)

    return chain


def test_chain_of_small_values_never_syncs_where_it_runs(
    moments: list[Moment], open_fresh_store: Callable[..., Database]
) -> None:
    """Between the first and the last step, only the helper thread of the store waits for the disk."""
    open_fresh_store()
    chain = chain_of(moments)

    chain(n=STEPS)

    ran = [position for position, moment in enumerate(moments) if moment.what == "step"]
    workers = {moments[position].thread for position in ran}
    assert len(ran) == STEPS
    assert [m for m in moments[ran[0] : ran[-1]] if m.what == "sync" and m.thread in workers] == []


def test_run_is_synced_before_it_is_answered(
    moments: list[Moment], open_fresh_store: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The durable mode does not forget to sync: the last sync follows the last commit."""
    store = open_fresh_store()
    chain = chain_of(moments)
    after_commit = type(store.file)._after_commit

    def note(*args: object) -> None:
        moments.append(Moment("commit", threading.get_ident()))
        after_commit(*args)

    monkeypatch.setattr(type(store.file), "_after_commit", note)

    chain(n=3)

    kinds = [moment.what for moment in moments]
    assert "commit" in kinds
    assert "sync" in kinds[len(kinds) - kinds[::-1].index("commit") :]


def test_caller_syncs_at_most_once_at_the_end(
    moments: list[Moment], open_fresh_store: Callable[..., Database]
) -> None:
    """Whether the helper or the caller makes the last sync is a race; more than that would be a wait."""
    open_fresh_store()
    chain = chain_of(moments)
    chain(n=1)
    moments.clear()

    chain(n=STEPS)

    own = [m for m in moments if m == Moment("sync", threading.get_ident())]
    assert len(own) <= 1


def test_relaxed_chain_never_syncs(moments: list[Moment], open_fresh_store: Callable[..., Database]) -> None:
    open_fresh_store("relaxed")
    moments.clear()  # the key of a fresh store is synced, in every mode

    chain_of(moments)(n=STEPS)

    assert [moment for moment in moments if moment.what == "sync"] == []


def test_file_artifact_syncs_a_few_times(
    moments: list[Moment], open_fresh_store: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_fresh_store("relaxed")  # so that only artifacts sync

    @step(enable_cache=False)
    def large(i: int) -> bytes:
        return bytes([i]) * LARGE

    @pipeline
    def files(n: int) -> None:
        for i in range(n):
            large(i)

    files(n=1)
    through_seam: list[int] = []
    real = fs.sync
    monkeypatch.setattr(fs, "sync", lambda fd: (through_seam.append(fd), real(fd)))
    moments.clear()

    files(n=5)

    assert 0 < len(moments) <= 5 * SYNCS_OF_A_FILE_ARTIFACT
    assert len(through_seam) == len(moments), "every sync of an artifact goes through `zenml.fs`"


def test_reading_a_file_artifact_never_syncs(
    moments: list[Moment], open_fresh_store: Callable[..., Database]
) -> None:
    open_fresh_store("relaxed")

    @step
    def large() -> bytes:
        return b"x" * LARGE

    @step(enable_cache=False)
    def size(data: bytes) -> int:
        return len(data)

    @pipeline
    def read() -> None:
        size(large())

    read()
    moments.clear()

    read()

    assert moments == []
