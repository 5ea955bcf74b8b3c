"""What the SQLite file promises: one writer, free readers, durability, and that damage is never hidden."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from store_samples import KINDS, an_artifact, an_owner, started_run

from zenml.errors import StoreUnavailableError, StoreVersionError
from zenml.records.run import Artifact, Owner, Run
from zenml.store import location, queries
from zenml.store.database import Database
from zenml.store.migrations import SCHEMA_VERSION
from zenml.store.opening import open_store, read_durability
from zenml.store.schema import table_of
from zenml.store.sqlite import SQLiteFile


def path_of(store):
    return store.file.path


def is_locked(root):
    """Tell whether some process holds the write lock right now."""
    import fcntl

    handle = os.open(os.path.join(root, "store.lock"), os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


# Opening


def test_a_new_file_is_read_while_another_process_makes_its_tables(tmp_path):
    path = str(tmp_path / "store.db")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE pipelines (id TEXT)")

    assert SQLiteFile(path, is_durable=False).read_version() == 0

    other.close()


def test_a_new_file_is_written_once_another_process_has_read_it(tmp_path):
    path = str(tmp_path / "store.db")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE others (id TEXT)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM others").fetchall()
    end = threading.Timer(0.2, other.execute, ["COMMIT"])
    end.start()

    with SQLiteFile(path, is_durable=False).write() as transaction:
        assert transaction.read("SELECT count(*) FROM others") == [(0,)]

    end.join()
    other.close()


# Transactions


def test_a_transaction_that_raises_is_rolled_back(sqlite_store):
    def insert_and_fail():
        with sqlite_store.file.write() as transaction:
            transaction.run("INSERT INTO pipelines VALUES ('a', 'a', 1)")
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()

    assert sqlite_store.file.read("SELECT * FROM pipelines") == []


def test_a_transaction_can_begin_after_one_that_raised(sqlite_store):
    def fail():
        with sqlite_store.file.write():
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    sqlite_store.insert([an_owner()])
    assert not is_locked(sqlite_store.root)


def test_a_statement_that_fails_is_a_store_error_that_names_the_file(sqlite_store):
    with pytest.raises(StoreUnavailableError, match=path_of(sqlite_store)):
        sqlite_store.file.read("SELECT * FROM nowhere")


def test_threads_write_one_after_the_other(sqlite_store):
    def count_up():
        for _ in range(20):
            with sqlite_store.file.write() as transaction:
                ((number,),) = transaction.read("SELECT count(*) FROM pipelines")
                transaction.run("INSERT INTO pipelines VALUES (?, ?, 1)", (f"p{number}", f"p{number}"))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sqlite_store.file.read("SELECT count(*) FROM pipelines") == [(80,)]


# The writer's lock


def test_a_writer_in_another_process_is_waited_for(sqlite_store, start_process, root):
    holder = start_process("hold", root)
    assert holder.hear() == ["holding"]
    has_written = threading.Event()

    def write():
        sqlite_store.insert([an_owner()])
        has_written.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not has_written.wait(0.2)
    holder.say()

    assert has_written.wait(30)
    thread.join(30)


def test_a_writer_takes_the_file_lock_before_the_databases_own(sqlite_store, start_process, root):
    """SQLite's own lock does not queue those who wait."""
    holder = start_process("hold", root)
    holder.hear()

    assert is_locked(root)


def test_a_killed_writer_frees_the_lock(sqlite_store, start_process, root):
    holder = start_process("hold", root)
    holder.hear()
    holder.kill()

    owner = an_owner()
    sqlite_store.insert([owner])

    assert sqlite_store.get(Owner, owner.id) == owner


def test_a_forked_child_of_a_killed_writer_does_not_hold_the_lock(sqlite_store, start_process, root):
    holder = start_process("hold", root, "forked")
    _, child = holder.hear()
    holder.kill()

    assert os.path.exists(f"/proc/{child}")
    assert not is_locked(root)


def test_reads_go_on_while_another_process_writes(sqlite_store, start_process, root):
    run = started_run(sqlite_store)
    holder = start_process("hold", root)
    holder.hear()

    assert sqlite_store.get(Run, run.id) == run


def test_reads_go_on_in_other_threads_while_this_process_writes(sqlite_store):
    run = started_run(sqlite_store)
    found = []
    with sqlite_store.file.write():
        thread = threading.Thread(target=lambda: found.append(sqlite_store.get(Run, run.id)))
        thread.start()
        thread.join(30)

    assert found == [run]


def test_a_forked_child_uses_connections_of_its_own(sqlite_store):
    started_run(sqlite_store)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sqlite_store.insert([an_owner(id="of-the-child")])
            status = 0 if sqlite_store.get(Owner, "of-the-child") else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert sqlite_store.get(Owner, "of-the-child")


# On disk


def test_a_durable_commit_is_pushed_to_the_disk(start_process, root):
    assert start_process("count_syncs", root, "full").hear() == ["store.db-wal"]


def test_a_relaxed_commit_is_not_pushed(start_process, root):
    assert start_process("count_syncs", root, "relaxed").hear() == ["nothing"]


@pytest.mark.parametrize(
    ("text", "expected"), [(None, True), ("full", True), ("relaxed", False), ("RELAXED", False)]
)
def test_the_environment_chooses_the_durability(monkeypatch, text, expected):
    monkeypatch.delenv("ZENML_DURABILITY", raising=False)
    if text is not None:
        monkeypatch.setenv("ZENML_DURABILITY", text)

    assert read_durability() is expected


def test_an_unknown_durability_is_refused(monkeypatch):
    monkeypatch.setenv("ZENML_DURABILITY", "none")

    with pytest.raises(ValueError, match="`none`; it can be `full` or `relaxed`"):
        read_durability()


def test_a_failed_push_is_told_to_whoever_waits(sqlite_store):
    sqlite_store.insert([an_owner()])
    sqlite_store.wait_durable()
    handle = os.open(os.devnull, os.O_RDONLY)  # a file that cannot be synced
    sqlite_store.file._sync._file, old = handle, sqlite_store.file._sync._file
    os.close(old)

    sqlite_store.insert([an_owner()])
    with pytest.raises(StoreUnavailableError, match=r"store\.db-wal` could not be written to the disk"):
        sqlite_store.wait_durable()


def test_the_log_of_changes_is_recycled(root):
    store = Database(root, is_durable=False)
    wal = path_of(store) + "-wal"
    largest = 0
    for number in range(5000):
        store.insert([an_owner()])
        if number % 250 == 0:
            largest = max(largest, os.stat(wal).st_size)
    store.close()

    assert largest < 16 * 2**20


def test_closing_the_store_leaves_one_file(root):
    store = Database(root)
    started_run(store)

    store.close()

    assert not os.path.exists(path_of(store) + "-wal")


def test_only_the_user_can_read_what_is_stored(start_process, root):
    os.makedirs(root, mode=0o777)
    os.chmod(root, 0o777)  # noqa: S103  on purpose

    said = start_process("modes", root).rest()

    assert {mode for what, mode, _ in said if what == "folder"} == {"0o700"}
    assert {mode for what, mode, _ in said if what == "file"} == {"0o600"}
    assert {"store.db", "store.db-wal", "store.db-shm", "store.key", "store.lock"} <= {
        name for _, _, name in said
    }


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreUnavailableError, match="ZENML_CONFIG_PATH"):
        Database(str(tmp_path / "file" / "store"))


# Schema


def test_many_processes_can_open_a_fresh_store_at_once(start_process, root):
    processes = [start_process("open_together", root) for _ in range(16)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()

    answers = {tuple(process.hear()) for process in processes}

    assert len(answers) == 1
    assert next(iter(answers))[0] == str(SCHEMA_VERSION)


def test_a_newer_store_is_refused_and_left_as_it_is(root):
    Database(root).close()
    path = os.path.join(root, "store.db")
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = Path(path).read_bytes()

    with pytest.raises(StoreVersionError, match=rf"schema {SCHEMA_VERSION + 1}.*pip install -U zenml-core"):
        Database(root)

    assert Path(path).read_bytes() == before


@pytest.mark.parametrize(
    "content", [os.urandom(5000), b"SQLite format 3\0" + os.urandom(5000)], ids=["noise", "header"]
)
def test_a_damaged_file_is_named_and_left_as_it_is(root, content):
    os.makedirs(root)
    path = os.path.join(root, "store.db")
    with open(path, "wb") as file:
        file.write(content)

    with pytest.raises(StoreUnavailableError, match=path):
        Database(root)

    assert Path(path).read_bytes() == content


def test_a_damaged_page_is_named(root):
    store = Database(root)
    store.insert([an_artifact(name=f"a{i}", inline=b"x" * 3000) for i in range(50)])
    store.close()
    with open(path_of(store), "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 60))

    with pytest.raises(StoreUnavailableError, match="damaged"):
        Database(root).select(Artifact)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_key_is_refused(root, size):
    Database(root).close()
    with open(os.path.join(root, "store.key"), "wb") as file:
        file.write(b"x" * size)

    with pytest.raises(StoreUnavailableError, match=rf"store\.key` is damaged \({size} bytes"):
        Database(root)


def test_the_key_of_a_store_stays_the_same(root):
    first = Database(root)
    artifact = first.insert_artifact(an_artifact())
    first.close()

    second = Database(root)

    assert second.is_trusted(artifact)
    second.close()


# Plans and columns


def test_the_list_of_runs_uses_an_index(sqlite_store):
    for field, value in (("pipeline_name", "p"), ("status", "failed")):
        page = f"SELECT * FROM runs WHERE {field} = ? ORDER BY id DESC LIMIT 20"  # noqa: S608  names above
        plan = sqlite_store.file.read("EXPLAIN QUERY PLAN " + page, [value])

        assert "USING INDEX runs_by_" in plan[0][-1]
        assert not any("TEMP B-TREE" in row[-1] for row in plan)


def test_the_look_up_uses_its_index(sqlite_store):
    for count in (1, 3):
        plan = sqlite_store.file.read("EXPLAIN QUERY PLAN " + queries.look_up(count), ["k"] * count)

        assert any("step_runs_by_key" in row[-1] for row in plan)
        assert not any(row[-1].startswith("SCAN s") for row in plan)


def test_every_field_of_a_record_is_a_column(sqlite_store):
    for kind in KINDS:
        columns = [row[1] for row in sqlite_store.file.read(f"PRAGMA table_info({kind.table})")]

        assert columns == list(table_of(kind).names)


# Where it lives


def test_the_environment_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / "a" / ".." / "b"))

    assert location.default_root() == str(tmp_path / "b")


def test_the_folder_of_a_user_is_below_the_data_folder(monkeypatch):
    monkeypatch.delenv("ZENML_CONFIG_PATH", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")

    assert location.default_root() == "/data/zenml-core"


def test_a_store_is_opened_once_in_a_process(monkeypatch, root):
    monkeypatch.setenv("ZENML_CONFIG_PATH", root)

    assert open_store() is open_store(root)


def test_a_store_whose_file_was_deleted_is_made_anew(root):
    import shutil

    first = open_store(root)
    shutil.rmtree(root)

    assert open_store(root) is not first
    assert os.path.exists(os.path.join(root, "store.db"))


@pytest.mark.parametrize("kind", sorted(location.NETWORK_FILE_SYSTEMS))
def test_the_known_network_file_systems_are_lower_case_words(kind):
    assert kind == kind.lower().strip()


def test_a_local_folder_is_not_refused(tmp_path):
    location.refuse_network_file_system(str(tmp_path))


def test_the_file_system_of_a_folder_is_that_of_its_deepest_mount():
    assert location._file_system_of("/proc/self") == "proc"


@pytest.mark.parametrize("loss", ["deleted", "emptied"])
def test_a_lost_database_is_not_replaced_by_a_new_one(tmp_path, loss):
    Database(str(tmp_path / "store")).close()
    path = tmp_path / "store" / "store.db"
    path.unlink()
    if loss == "emptied":
        path.touch()

    with pytest.raises(StoreUnavailableError, match=r"lost its database.*backup"):
        Database(str(tmp_path / "store"))

    assert path.exists() == (loss == "emptied")


def test_two_spellings_of_a_folder_are_one_store(tmp_path):
    plain = Database(str(tmp_path / "store"))
    (tmp_path / "link").symlink_to(tmp_path / "store")

    linked = Database(str(tmp_path / "link"))

    assert linked.root == plain.root
    assert linked.owner().id == plain.owner().id
