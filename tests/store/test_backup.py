"""Copies of a store: whole, made beside running work, put back without losing what was there."""

import os
import shutil

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.client.store_check import check_store
from zenml.errors import StoreUnavailableError
from zenml.store.backup import ABOUT, back_up, read_backup, restore
from zenml.store.database import Database
from zenml.store.opening import close_store

LARGE = 200_000


@step
def large(x: int) -> bytes:
    return bytes([x]) * LARGE


@step
def small(data: bytes) -> int:
    return len(data)


@pipeline
def flow(x: int = 1):
    return small(large(x))


@pytest.fixture
def recorded(zenml_store):
    """A store in which a run was recorded."""
    run = flow()
    return Client().store, run


def names(folder):
    return sorted(
        os.path.relpath(os.path.join(at, name), folder) for at, _, found in os.walk(folder) for name in found
    )


def test_a_backup_is_a_store(recorded, tmp_path, monkeypatch):
    store, _ = recorded
    told = []

    made = back_up(store, str(tmp_path / "copy"), progress=told.append)

    assert told == sorted(told)
    assert told[-1] == made.size
    assert read_backup(str(tmp_path / "copy")) == made
    copy = Database(str(tmp_path / "copy"))
    try:
        assert check_store(copy).is_whole
        assert check_store(copy).artifacts == 2
    finally:
        copy.close()
    assert os.stat(tmp_path / "copy").st_mode & 0o077 == 0
    for name in names(tmp_path / "copy"):
        assert os.stat(tmp_path / "copy" / name).st_mode & 0o077 == 0, name


def test_what_is_restored_is_what_was_backed_up_and_nothing_is_lost(recorded, tmp_path):
    store, run = recorded
    root = store.root
    back_up(store, str(tmp_path / "copy"))
    flow(2)
    later = Client().list_pipeline_runs().total
    close_store(root)

    aside = restore(root, str(tmp_path / "copy"))

    assert (later, Client().list_pipeline_runs().total) == (2, 1)
    again = Client().get_pipeline_run(run.id)
    assert again.steps["large"].outputs["output"].load() == bytes([1]) * LARGE
    assert flow().steps["large"].status == "cached"
    kept = Database(aside)
    try:
        assert kept.file.read("SELECT count(*) FROM runs")[0][0] == 2
    finally:
        kept.close()
    assert os.path.exists(tmp_path / "copy" / ABOUT)
    assert not os.path.exists(os.path.join(root, ABOUT))


def test_a_backup_is_not_written_over(recorded, tmp_path):
    (tmp_path / "there").mkdir()

    with pytest.raises(StoreUnavailableError, match="is there already"):
        back_up(recorded[0], str(tmp_path / "there"))


def test_a_backup_that_fails_leaves_no_folder_of_its_name(recorded, tmp_path, monkeypatch):
    from zenml import fs

    def full(operation, path, other):
        if operation == "write":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "watch", full)
    with pytest.raises(OSError, match="No space left"):
        back_up(recorded[0], str(tmp_path / "copy"))
    monkeypatch.setattr(fs, "watch", None)

    assert not os.path.exists(tmp_path / "copy")
    assert back_up(recorded[0], str(tmp_path / "copy")).files


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda copy: os.unlink(copy / ABOUT), "is no backup"),
        (lambda copy: (copy / ABOUT).write_text("{}"), "is no backup"),
        (lambda copy: os.truncate(copy / "store.db", 5000), "is damaged"),
        (lambda copy: shutil.rmtree(copy / "artifacts"), "files and has"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_changed(recorded, tmp_path, damage, said):
    store, run = recorded
    back_up(store, str(tmp_path / "copy"))
    damage(tmp_path / "copy")
    close_store(store.root)

    with pytest.raises(StoreUnavailableError, match=said):
        restore(store.root, str(tmp_path / "copy"))

    assert Client().get_pipeline_run(run.id).status == "completed"


def test_a_store_in_memory_and_one_on_a_server_have_no_file_to_copy(tmp_path):
    with pytest.raises(StoreUnavailableError, match="not in a file of this machine"):
        back_up(Database(":memory:"), str(tmp_path / "copy"))


def artifact_file(store):
    folder = store.artifact_root
    return next(
        os.path.join(at, name)
        for at, _, found in os.walk(folder)
        for name in found
        if name != "manifest.json"
    )


def test_a_damaged_artifact_is_named_with_the_step_that_made_it(recorded):
    store, run = recorded
    path = artifact_file(store)
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"x")

    found = check_store(store)

    (damaged,) = found.damaged
    assert not found.is_whole
    assert (damaged.step, damaged.run_id) == ("large", run.id)
    assert "its content has changed" in damaged.problem


def test_a_damaged_value_in_a_row_is_found_too(recorded):
    store, _ = recorded
    with store.file.write() as transaction:
        transaction.run("UPDATE artifacts SET inline = ? WHERE inline IS NOT NULL", (b"\x00",))

    (damaged,) = check_store(store).damaged

    assert damaged.step == "small"
