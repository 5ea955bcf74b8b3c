"""Results that are used again, work that is shared, and outputs that turned out damaged."""

import os
import threading

import numpy as np
import pytest
from engine_helpers import SECONDS, run, wait

from zenml.artifacts.hashing import digest_bytes
from zenml.declare.step import step
from zenml.errors import ArtifactDamagedError, ArtifactNotTrustedError
from zenml.execute.machine import MAX_REPAIRS
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.records.run import Artifact, StepRun
from zenml.store import owners
from zenml.store.database import Database

ITEMS = 20_000
"""Numbers of an array that is too large for its row, so it is kept in a file."""


class Counter:
    """Counts executions; not part of any step's code."""

    def __init__(self):
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self.count += 1
            return self.count


# Single flight


def test_equal_steps_of_one_run_are_executed_once(store):
    executions = Counter()

    @step
    def same(x: int) -> int:
        executions()
        return x

    def pipe():
        for _ in range(5):
            same(1)

    result = run(pipe, store=store)

    assert executions.count == 1
    assert sorted(result.states.values()) == ["cached"] * 4 + ["completed"]


def test_a_failure_is_not_shared(store):
    executions = Counter()

    @step
    def same(x: int) -> int:
        if executions() < 3:
            raise ValueError
        return x

    def pipe():
        for _ in range(5):
            same(1)

    result = run(pipe, store=store)

    assert executions.count == 3
    assert sorted(result.states.values()) == ["cached", "cached", "completed", "failed", "failed"]


def test_equal_steps_without_a_cache_are_all_executed(store):
    barrier = threading.Barrier(3)

    @step(enable_cache=False)
    def same(x: int) -> int:
        barrier.wait(SECONDS)
        return x

    def pipe():
        for _ in range(3):
            same(1)

    assert set(run(pipe, store=store).states.values()) == {"completed"}


def test_a_cached_step_names_the_one_it_stands_for(store):
    @step
    def make() -> int:
        return 1

    def pipe():
        make()

    first = run(pipe, store=store).attempts[0]

    assert run(pipe, store=store).attempts[0].cached_from == first.id


def test_an_expired_result_is_not_used(store):
    from zenml.config.cache_policy import CachePolicy

    @step(cache_policy=CachePolicy(max_age_days=1))
    def make() -> int:
        return 1

    def pipe():
        make()

    first = run(pipe, store=store).attempts[0]
    store.update(StepRun, first.id, ended_at=first.ended_at - 2 * 86_400 * 10**6)

    assert run(pipe, store=store).states == {"make": "completed"}


# Damage


def flip_last_byte(store, output="output"):
    """Damage the newest array of an output without changing its size."""
    found = [one for one in store.select(Artifact) if one.output == output and one.materializer == "numpy"]
    artifact = found[-1]
    for folder, _, files in os.walk(os.path.join(store.root, "artifacts", artifact.key)):
        for name in files:
            if not name.endswith("manifest.json"):
                path = os.path.join(folder, name)
                os.chmod(path, 0o600)
                with open(path, "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    byte = file.read(1)[0]
                    file.seek(-1, os.SEEK_END)
                    file.write(bytes([byte ^ 1]))


@pytest.fixture
def disk(tmp_path):
    database = Database(str(tmp_path / "store"), is_durable=False)
    yield database
    database.close()
    owners.forget_leases()


def test_a_damaged_output_is_made_again(disk):
    made, damages = Counter(), Counter()

    @step(enable_cache=False)
    def make() -> np.ndarray:
        made()
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def damage() -> None:
        if damages() == 1:
            flip_last_byte(disk)

    @step(enable_cache=False)
    def use(values: np.ndarray) -> int:
        return int(values.sum())

    def pipe():
        values = make()
        use(values, after=damage(after=values))

    result = run(pipe, store=disk)

    assert result.status == "completed"
    assert made.count == 2
    assert [(one.invocation_id, one.attempt, one.status) for one in result.attempts] == [
        ("make", 1, "completed"),
        ("damage", 1, "completed"),
        ("use", 1, "interrupted"),
        ("make", 2, "completed"),
        ("use", 2, "completed"),
    ]


def test_an_attempt_that_found_its_input_damaged_is_no_retry(disk):
    damages, failures = Counter(), Counter()

    @step(enable_cache=False)
    def make() -> np.ndarray:
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def damage() -> None:
        if damages() == 1:
            flip_last_byte(disk)

    @step(enable_cache=False, retry=1)
    def use(values: np.ndarray) -> int:
        if failures() == 1:
            raise RuntimeError("flaky")
        return int(values.sum())

    def pipe():
        values = make()
        use(values, after=damage(after=values))

    result = run(pipe, store=disk)

    assert result.status == "completed"
    assert [(one.attempt, one.status) for one in result.attempts if one.invocation_id == "use"] == [
        (1, "interrupted"),
        (2, "retried"),
        (3, "completed"),
    ]
    assert result.attempts[-2].reason == "attempt 2 of 2 starts at once"


def test_a_damaged_result_of_an_earlier_run_is_made_again(disk):
    @step
    def make() -> np.ndarray:
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def use(values: np.ndarray) -> int:
        return int(values.sum())

    def pipe():
        use(make())

    run(pipe, store=disk)
    flip_last_byte(disk)

    result = run(pipe, store=disk)

    assert result.status == "completed"
    assert [(one.invocation_id, one.attempt, one.status) for one in result.attempts] == [
        ("make", 1, "cached"),
        ("use", 1, "interrupted"),
        ("make", 2, "completed"),
        ("use", 2, "completed"),
    ]


def test_a_missing_file_of_an_earlier_result_is_no_result(disk):
    @step
    def make() -> np.ndarray:
        return np.arange(ITEMS)

    def pipe():
        make()

    run(pipe, store=disk)
    (artifact,) = disk.select(Artifact)
    os.rename(f"{disk.root}/artifacts/{artifact.key}", f"{disk.root}/artifacts/elsewhere")

    assert run(pipe, store=disk).states == {"make": "completed"}


def test_an_output_that_stays_damaged_is_a_failure(disk):
    made = Counter()

    @step(enable_cache=False)
    def make() -> np.ndarray:
        made()
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def damage(values: np.ndarray) -> int:
        return 1

    class Damaging:
        """Damages each new version before the step that reads it begins."""

        def __init__(self):
            self.seen = set()

        def __call__(self):
            for artifact in disk.select(Artifact):
                if artifact.key and artifact.id not in self.seen:
                    self.seen.add(artifact.id)
                    flip_last_byte(disk)

    from engine_helpers import WatchedStore

    def pipe():
        damage(make())

    damaging = Damaging()
    watched = WatchedStore(lambda: None, disk)
    result = run(pipe, store=DamagingStore(watched, damaging))

    assert isinstance(result.errors["damage"], ArtifactDamagedError)
    assert made.count == 1 + MAX_REPAIRS


class DamagingStore:
    """A store in which everything that was recorded is damaged at once."""

    def __init__(self, inner, damage):
        self._inner, self._damage = inner, damage

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def run_transaction(self, run):
        return _Damaging(self._inner.run_transaction(run), self._damage)


class _Damaging:
    def __init__(self, inner, damage):
        self._inner, self._damage = inner, damage

    def __enter__(self):
        return self._inner.__enter__()

    def __exit__(self, *error):
        self._inner.__exit__(*error)
        self._damage()


def test_a_repair_that_fails_skips_its_consumer(disk):
    made = Counter()

    @step(enable_cache=False)
    def make() -> np.ndarray:
        if made() == 2:
            raise ValueError("no more")
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def damage() -> None:
        flip_last_byte(disk)

    @step(enable_cache=False)
    def use(values: np.ndarray) -> int:
        return int(values.sum())

    def pipe():
        values = make()
        use(values, after=damage(after=values))

    result = run(pipe, store=disk)

    assert result.status == "failed"
    assert result.states == {"make": "failed", "damage": "completed", "use": "skipped"}
    assert str(result.errors["make"]) == "no more"


class Gate:
    """A value whose first loads take as long as a test wants."""

    pass_through = []


class GateMaterializer(BaseMaterializer):
    ASSOCIATED_TYPES = (Gate,)
    loads = Counter()

    def load(self, data_type):
        if self.loads() <= 4:
            Gate.pass_through[0]()
        return Gate()

    def save(self, data):
        with open(os.path.join(self.uri, "gate"), "w") as file:
            file.write("gate")


def test_an_input_that_was_made_again_meanwhile_is_not_made_once_more(disk, monkeypatch):
    """Slow readers that find an old damage after its repair just read the new output."""
    made = Counter()
    readers = 4
    all_began, is_repaired = threading.Barrier(readers + 1), threading.Event()

    @step(enable_cache=False)
    def make() -> np.ndarray:
        made()
        return np.arange(ITEMS)

    @step(enable_cache=False)
    def damage() -> None:
        flip_last_byte(disk)

    def load_slowly():
        all_began.wait(SECONDS)
        wait(is_repaired)

    monkeypatch.setattr(Gate, "pass_through", [load_slowly])

    @step(enable_cache=False)
    def make_gate() -> Gate:
        return Gate()

    @step(enable_cache=False)
    def quick(values: np.ndarray) -> int:
        return int(values[0])

    @step(enable_cache=False)
    def meet() -> None:
        all_began.wait(SECONDS)

    @step(enable_cache=False)
    def slow(i: int, gate: Gate, values: np.ndarray) -> int:
        return int(values[0])

    def pipe():
        values = make()
        gate = make_gate()
        damaged = damage(after=[values, gate])
        for i in range(readers):
            slow(i, gate, values, after=damaged)
        quick(values, after=meet(after=damaged))

    def watch(step):
        if (step.invocation_id, step.attempt, step.status) == ("make", 2, "completed"):
            is_repaired.set()

    result = run(pipe, store=disk, on_step=watch)

    assert result.errors == {}
    assert made.count == 2


# Trust


def test_a_pickle_that_somebody_put_into_the_store_is_not_loaded(disk):
    @step
    def make() -> object:
        return {1, 2, lambda: 3}

    @step(enable_cache=False)
    def use(value: object) -> None:
        pass

    def pipe():
        use(make())

    with pytest.warns(UserWarning, match="pickle"):
        run(pipe, store=disk)
    (artifact,) = [one for one in disk.select(Artifact) if one.needs_trust]
    evil = b"cos\nsystem\n(S'true'\ntR."
    disk.update(Artifact, artifact.id, inline=evil, size=len(evil), digest=digest_bytes(evil), signature=b"")

    result = run(pipe, store=disk)

    assert isinstance(result.errors["use"], ArtifactNotTrustedError)
