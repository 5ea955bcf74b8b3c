"""An older store is kept and upgraded as one, by whoever is first, and is whole whenever the process is killed."""

import os
import signal
import sqlite3

import pytest

from zenml import fs, pipeline, step
from zenml.client import Client
from zenml.errors import StoreVersionError
from zenml.records.run import Run
from zenml.store import migrations
from zenml.store.database import Database
from zenml.store.opening import close_store

SECOND = """
CREATE TABLE moods (run_id TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE, mood TEXT NOT NULL);
INSERT INTO moods SELECT id, 'fine' FROM runs;
CREATE INDEX moods_by_name ON moods (mood);
"""


@step
def one() -> int:
    return 1


@pipeline
def flow():
    return one()


@pytest.fixture
def old(zenml_store):
    """The folder of a store of the first schema, with runs in it."""
    for _ in range(3):
        flow()
    root = Client().store.root
    close_store(root)
    return root


@pytest.fixture
def newer(monkeypatch, tmp_path):
    """A version of this package that knows a second schema."""
    path = tmp_path / "0002_moods.sql"
    path.write_text(SECOND)
    first = list(migrations._migrations())
    monkeypatch.setattr(migrations, "_migrations", lambda: iter([*first, (2, str(path))]))
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 2)


def looked_at(root):
    """Return the schema of a store, the number of its runs, and that of what the second schema adds."""
    connection = sqlite3.connect(os.path.join(root, "store.db"))
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'moods%'").fetchone()[
            0
        ]
        return version, runs, tables
    finally:
        connection.close()


def test_an_older_store_is_upgraded_and_kept(old, newer):
    store = Database(old)

    assert looked_at(old) == (2, 3, 2)
    assert store.file.read("SELECT count(*) FROM moods") == [(3,)]
    store.close()
    kept = os.path.join(old, "backups", "schema-1.db")
    assert os.stat(kept).st_mode & 0o077 == 0
    with sqlite3.connect(kept) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (3,)


def test_a_newer_store_is_refused_and_not_touched(old, newer, monkeypatch):
    Database(old).close()
    before = looked_at(old)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 1)

    with pytest.raises(StoreVersionError, match="Upgrade with"):
        Database(old)

    assert looked_at(old) == before


def upgrade_in_a_fork(root, *, dies_at=0):
    """Open a store in a process that is killed at an operation; return its id."""
    child = os.fork()
    if child:
        return child
    passed = 0

    def watch(operation, path, other):
        nonlocal passed
        passed += 1
        if passed == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    fs.watch = watch
    try:
        Database(root)
    finally:
        os._exit(0)


def test_killed_at_any_operation_it_is_the_old_store_or_the_new_one(old, newer, tmp_path):
    import shutil

    kills = 0
    for at in range(1, 200):
        root = str(tmp_path / "tries" / str(at))
        shutil.copytree(old, root)
        _, status = os.waitpid(upgrade_in_a_fork(root, dies_at=at), 0)
        if not os.WIFSIGNALED(status):
            break
        kills += 1
        assert looked_at(root) in ((1, 3, 0), (2, 3, 2)), at
        store = Database(root)
        assert len(store.select(Run)) == 3
        assert looked_at(root) == (2, 3, 2)
        store.close()
        assert "schema-1.db" in os.listdir(os.path.join(root, "backups"))
        shutil.rmtree(root)

    assert kills >= 10


def test_several_processes_upgrade_at_once(old, newer):
    children = [upgrade_in_a_fork(old) for _ in range(8)]

    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
    assert looked_at(old) == (2, 3, 2)
    assert os.listdir(os.path.join(old, "backups")) == ["schema-1.db"]


def test_a_disk_without_room_for_the_copy_leaves_the_old_store(old, newer, monkeypatch):
    def full(operation, path, other):
        if operation == "mkdir":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "watch", full)
    with pytest.raises(OSError, match="No space left"):
        Database(old)
    monkeypatch.setattr(fs, "watch", None)

    assert looked_at(old) == (1, 3, 0)
