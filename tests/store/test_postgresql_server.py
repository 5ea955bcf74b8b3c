"""What a store on a PostgreSQL server promises beside what every store does: no connection, process or host is missed."""

import os
import signal
import threading

import flaky
import psycopg
import pytest
from store_samples import DOCUMENTS, a_run, a_step, an_artifact, an_owner, started_run, write

from zenml import log_metadata, pipeline, step
from zenml.errors import (
    ConfigurationError,
    NotFoundError,
    RunStoppedError,
    StoreUnavailableError,
    StoreVersionError,
)
from zenml.records.plan import ModelSpec
from zenml.records.run import Artifact, Owner, Run, StepRun
from zenml.store import owners
from zenml.store.address import address_of, forget_address, keep_address, without_password
from zenml.store.database import Database
from zenml.store.migrations import SCHEMA_VERSION
from zenml.store.opening import open_store
from zenml.store.placeholders import translated
from zenml.store.postgresql import MOST_READERS

SECONDS = 30


@pytest.fixture
def team_store(root, empty_team_address, monkeypatch):
    monkeypatch.setenv("ZENML_STORE_URL", empty_team_address)
    database = Database(root, address=empty_team_address)
    yield database
    database.close()
    owners.forget_leases()


@pytest.fixture
def active_team_store(zenml_store, empty_team_address, monkeypatch):
    """The store of a team as the active one."""
    monkeypatch.setenv("ZENML_STORE_URL", empty_team_address)
    return open_store()


def until(is_so, what):
    """Wait until something is so; it has no event to wait for, being in another process."""
    waiting = threading.Event()
    for _ in range(SECONDS * 20):
        found = is_so()
        if found:
            return found
        waiting.wait(0.05)
    raise AssertionError(f"never came: {what}")


# The same SQL


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a = :b AND c = ?", "a = %(b)s AND c = %s"),
        ("SELECT ':no', '?', 'it''s :no'", "SELECT ':no', '?', 'it''s :no'"),
        ("a LIKE '5%' AND b % 2", "a LIKE '5%%' AND b %% 2"),
        (":a, :ab", "%(a)s, %(ab)s"),
        ("instr(name, :a) > 0 AND x = 'instr('", "strpos(name, %(a)s) > 0 AND x = 'instr('"),
    ],
)
def test_placeholders_become_those_of_psycopg(sql, expected):
    assert translated(sql) == expected


def test_text_is_sorted_by_its_characters_whatever_the_database_thinks(team_store):
    team_store.insert([an_artifact(name=name) for name in ("b", "B", "a", "ä", "A", "_")])

    found = team_store.file.read("SELECT name FROM artifacts ORDER BY name")

    assert [name for (name,) in found] == sorted(["b", "B", "a", "ä", "A", "_"])


# Writers


def test_threads_write_one_after_the_other(team_store):
    def count_up():
        for _ in range(20):
            with team_store.file.write() as transaction:
                ((number,),) = transaction.read("SELECT count(*) FROM pipelines")
                transaction.run("INSERT INTO pipelines VALUES (?, ?, 1)", (f"p{number}", f"p{number}"))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert team_store.file.read("SELECT count(*) FROM pipelines") == [(80,)]


def test_a_transaction_that_raises_leaves_nothing(team_store):
    def insert_and_fail():
        with team_store.file.write() as transaction:
            transaction.run("INSERT INTO pipelines VALUES ('a', 'a', 1)")
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()

    assert team_store.file.read("SELECT * FROM pipelines") == []
    team_store.insert([an_owner()])


def test_a_statement_that_fails_is_a_store_error_that_names_the_database(team_store):
    with pytest.raises(StoreUnavailableError, match=r"postgresql://.*nowhere"):
        team_store.file.read("SELECT * FROM nowhere")


def test_a_transaction_inside_of_another_one_is_refused(team_store):
    with (
        team_store.file.write(),
        pytest.raises(RuntimeError, match="inside of another"),
        team_store.file.write(),
    ):
        pass

    team_store.insert([an_owner()])


def test_a_failure_that_the_body_passes_over_is_not_taken_for_a_success(team_store):
    def pass_over():
        with team_store.file.write() as transaction:
            try:
                transaction.run("INSERT INTO nowhere VALUES (1)")
            except psycopg.Error:
                pass

    with pytest.raises(StoreUnavailableError, match="was undone"):
        pass_over()


def test_a_writer_in_another_process_is_waited_for(team_store, start_process, root):
    holder = start_process("hold", root)
    assert holder.hear() == ["holding"]
    has_written = threading.Event()

    def insert():
        team_store.insert([an_owner()])
        has_written.set()

    thread = threading.Thread(target=insert)
    thread.start()
    assert not has_written.wait(0.2)
    holder.say()

    assert has_written.wait(SECONDS)
    thread.join(SECONDS)


def test_a_killed_writer_holds_up_nobody_even_while_its_forked_child_lives(team_store, start_process, root):
    holder = start_process("hold", root, "forked")
    _, child = holder.hear()
    holder.kill()

    team_store.insert([an_owner()])

    assert os.path.exists(f"/proc/{child}")


def test_a_writer_that_was_put_to_sleep_holds_up_nobody_for_long_and_loses_nothing(
    team_store, start_process, root
):
    holder = start_process("hold_and_sleep", root)
    holder.hear()
    holder.signal(signal.SIGSTOP)

    team_store.insert([an_owner()])
    assert team_store.file.read("SELECT * FROM pipelines") == []
    holder.signal(signal.SIGCONT)
    holder.say()

    assert holder.hear() == ["done"]
    assert team_store.file.read("SELECT id FROM pipelines ORDER BY id") == [("a",), ("b",)]


def test_the_server_ends_what_is_silent_or_waits_too_long(team_store):
    found = team_store.file.read(
        "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout')"
    )

    assert found == [("10s", "1min")]


def test_reads_go_on_while_another_process_writes(team_store, start_process, root):
    run = started_run(team_store)
    holder = start_process("hold", root)
    holder.hear()

    assert team_store.get(Run, run.id) == run


def test_many_threads_read_with_few_connections(team_store, postgresql_server):
    run = started_run(team_store)
    found = []
    together = threading.Barrier(24)

    def read():
        together.wait(SECONDS)
        found.extend(team_store.get(Run, run.id) for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert found == [run] * 480
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zenml-core'"
    assert postgresql_server.ask(count)[0][0] <= MOST_READERS + 2


def test_a_forked_child_uses_connections_of_its_own(team_store):
    run = started_run(team_store)
    team_store.get(Run, run.id)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            team_store.insert([an_owner(id="of-the-child")])
            team_store.close()
            status = 0 if team_store.get(Owner, "of-the-child") else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert team_store.get(Owner, "of-the-child")
    team_store.update(Run, run.id, reason="the parent goes on")


def test_two_processes_that_go_on_with_a_run_do_not_both_have_it(team_store, start_process, root):
    run = a_run(team_store.owner().id, status="failed")
    team_store.start_run(run, DOCUMENTS)
    processes = [start_process("resume", root, run.id) for _ in range(4)]
    for process in processes:
        process.hear()
    for process in processes:
        process.say()

    assert sorted(process.hear() for process in processes) == [["False"]] * 3 + [["True"]]
    assert team_store.get(Run, run.id).epoch == run.epoch + 1


def test_one_of_two_processes_gets_a_name(team_store, start_process, root):
    processes = [start_process("take_name", root, "nightly") for _ in range(4)]
    for process in processes:
        process.hear()
    for process in processes:
        process.say()

    assert sorted(process.hear() for process in processes) == [["False"]] * 3 + [["True"]]


# Lost connections


executed = []


@step(enable_cache=False)
def load() -> int:
    executed.append("load")
    return 1


@step(enable_cache=False)
def train(x: int) -> int:
    executed.append("train")
    log_metadata({"loss": 0.5})
    return x + 1


@pipeline
def flow():
    train(load())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_may_be_lost_at_every_statement_of_a_run(
    active_team_store, postgresql_server, monkeypatch, when
):
    flow()
    active_team_store.close()
    breaks = flaky.install(monkeypatch, postgresql_server.ask)
    at, was_lost = 0, True
    while was_lost:
        at += 1
        executed.clear()
        breaks.plan(at, when)
        run = flow()

        was_lost = breaks.count >= at
        assert run.status == "completed", breaks.texts[-1]
        assert executed == ["load", "train"]
        assert {name: one.status for name, one in run.steps.items()} == {
            "load": "completed",
            "train": "completed",
        }
        assert run.steps["train"].output.load() == 2
        assert run.steps["train"].run_metadata["loss"] == 0.5
    assert at > 20
    assert len(active_team_store.select(Run)) == at + 1
    assert len(active_team_store.select(StepRun)) == 2 * (at + 1)
    versions = [one.version for one in active_team_store.select(Artifact)]
    assert sorted(versions) == sorted([*range(1, at + 2)] * 2)


def test_a_server_that_restarts_holds_a_run_up_and_no_more(active_team_store, postgresql_server):
    @step(enable_cache=False)
    def restart() -> int:
        postgresql_server.stop()
        postgresql_server.start()
        return 3

    @pipeline
    def restarting():
        train(restart())

    assert restarting().status == "completed"


def test_a_lost_transaction_fails_where_others_have_written_what_it_depends_on(
    team_store, postgresql_server, empty_team_address, root
):
    run = started_run(team_store)
    other = Database(root, address=empty_team_address)

    def lose_in_between():
        with team_store.file.write() as transaction:
            assert transaction.read("SELECT count(*) FROM pipelines") == [(0,)]
            postgresql_server.end_connections(empty_team_address)
            with other.file.write() as beside:
                beside.run("INSERT INTO pipelines VALUES ('a', 'a', 1)")
            transaction.run("UPDATE runs SET reason = 'written' WHERE id = ?", [run.id])

    with pytest.raises(StoreUnavailableError, match="others have written meanwhile"):
        lose_in_between()

    assert team_store.get(Run, run.id).reason is None
    other.close()


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_what_the_server_undoes_for_the_sake_of_others_is_repeated(team_store, code):
    has_failed = []
    with team_store.file.write() as transaction:
        transaction.run("INSERT INTO pipelines VALUES ('a', 'a', 1)")
        ask = transaction._connection.execute

        def fail_once(*words):
            if not has_failed:
                has_failed.append(code)
                ask(f"DO $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '{code}'; END $$")
            return ask(*words)

        transaction._connection.execute = fail_once
        transaction.run("INSERT INTO pipelines VALUES ('b', 'b', 1)")

    assert has_failed
    assert team_store.file.read("SELECT id FROM pipelines ORDER BY id") == [("a",), ("b",)]


def test_a_server_that_is_not_there_is_told_at_once(root):
    with pytest.raises(StoreUnavailableError, match=r"postgresql://ada@127\.0\.0\.1:1/zenml"):
        Database(root, address="postgresql://ada:geheim@127.0.0.1:1/zenml")


def test_a_database_that_is_not_there_is_told_with_the_remedy(root, postgresql_server):
    with pytest.raises(StoreUnavailableError, match=r"does not exist.*createdb"):
        Database(root, address=postgresql_server.address("nowhere"))


# Who lives


@pytest.fixture
def short_lives(monkeypatch):
    monkeypatch.setenv("ZENML_OWNER_TTL", "1")


def test_a_killed_process_of_this_host_is_dead_at_once(team_store, start_process, root):
    child = start_process("own", root)
    _, run_id = child.hear()
    assert team_store.interrupt_dead_runs() == []
    child.kill()

    assert team_store.interrupt_dead_runs() == [run_id]
    assert team_store.file.read("SELECT * FROM heartbeats") == []


def test_a_killed_process_of_another_host_is_dead_when_its_sign_of_life_is_over(
    team_store, start_process, root, tmp_path, short_lives
):
    child = start_process("own", tmp_path / "elsewhere")  # nothing of it lies in our folder
    _, run_id = child.hear()
    team_store.file.ask_beside("UPDATE owners SET host = 'elsewhere', boot_id = 'b'", {})
    child.kill()

    assert until(team_store.interrupt_dead_runs, "the end of its sign of life") == [run_id]


def test_a_process_that_lives_is_never_given_up(team_store, start_process, root, tmp_path, short_lives):
    child = start_process("own", tmp_path / "elsewhere")
    owner_id, _ = child.hear()
    first = expiry_of(team_store, owner_id)
    until(lambda: expiry_of(team_store, owner_id) > first + 2_000_000, "signs of life for more than one life")

    assert team_store.interrupt_dead_runs() == []


def test_a_container_of_the_same_name_is_not_taken_for_dead(team_store, start_process, tmp_path):
    """The process cannot be seen from here, and neither can its lease."""
    child = start_process("own", tmp_path / "elsewhere")
    owner_id, _ = child.hear()
    team_store.update(Owner, owner_id, pid=2**22 + 1)

    assert team_store.interrupt_dead_runs() == []


def test_a_stopped_process_is_given_up_and_writes_nothing_more(team_store, start_process, root, short_lives):
    child = start_process("own_and_write", root)
    _, run_id = child.hear()
    child.signal(signal.SIGSTOP)

    assert until(team_store.interrupt_dead_runs, "the end of its sign of life") == [run_id]
    epoch = team_store.get(Run, run_id).epoch
    child.signal(signal.SIGCONT)

    assert child.hear() == ["lost"]
    child.say()
    assert child.hear() == ["refused"]
    assert team_store.get(Run, run_id).status == "interrupted"
    assert team_store.get(Run, run_id).epoch == epoch
    child.say()
    new_owner, _ = child.hear()
    assert new_owner != team_store.get(Run, run_id).owner_id


def test_an_owner_that_reaches_no_server_gives_up_before_others_do(team_store, monkeypatch, short_lives):
    run = started_run(team_store)
    told = []
    has_told = threading.Event()
    team_store.heartbeat.tell(lambda error: (told.append(error), has_told.set()))

    def unreachable(*words):
        raise StoreUnavailableError("no network")

    monkeypatch.setattr(team_store.file, "ask_beside", unreachable)
    assert has_told.wait(SECONDS)

    ((is_over,),) = team_store.file.read(
        "SELECT expires_at <= CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM heartbeats"
    )
    assert not is_over
    with pytest.raises(RunStoppedError, match="no network"):
        write(team_store, run, started=[a_step(run)])
    assert team_store.select(StepRun) == []


def test_a_step_in_flight_on_another_host_is_waited_for_until_its_owner_is_dead(team_store):
    owner = an_owner()
    run = a_run(owner.id)
    team_store.insert([owner, run, a_step(run, cache_key="k")])
    insert = "INSERT INTO heartbeats VALUES (:owner, :until)"
    team_store.file.ask_beside(insert, {"owner": owner.id, "until": 2**60})
    with team_store.run_transaction(started_run(team_store)) as transaction:
        assert not transaction.look_up(["k"])["k"].is_finished

    team_store.file.ask_beside(
        "UPDATE heartbeats SET expires_at = 1 WHERE owner_id = :owner", {"owner": owner.id}
    )

    with team_store.run_transaction(started_run(team_store)) as transaction:
        assert transaction.look_up(["k"]) == {}
    assert team_store.get(Run, run.id).status == "interrupted"


def test_a_sign_of_life_that_comes_in_time_counts(team_store):
    """It was found over, and was renewed before the transaction that would have ended it."""
    from zenml.store import heartbeats

    owner = an_owner()
    team_store.insert([owner])
    values = {"owner": owner.id, "until": 2**60}
    team_store.file.ask_beside("INSERT INTO heartbeats VALUES (:owner, :until)", values)

    with team_store.file.write() as transaction:
        assert not heartbeats.take_over(transaction, team_store.file, owner, team_store.root)


def test_a_run_that_could_not_begin_gives_no_signs_of_life(team_store):
    """There is no row to renew, which would be taken for having been given up."""
    run = a_run(team_store.owner().id)

    with pytest.raises(NotFoundError):
        team_store.start_run(run, DOCUMENTS, [ModelSpec("churn", version="7")])

    assert "zenml-heartbeat" not in [thread.name for thread in threading.enumerate()]
    started_run(team_store)
    assert "zenml-heartbeat" in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("text", ["soon", "0", "-5", "nan"])
def test_a_life_of_no_length_is_refused(team_store, monkeypatch, text):
    monkeypatch.setenv("ZENML_OWNER_TTL", text)

    with pytest.raises(ConfigurationError, match="ZENML_OWNER_TTL"):
        started_run(team_store)


def expiry_of(store, owner_id):
    rows = store.file.read("SELECT expires_at FROM heartbeats WHERE owner_id = ?", [owner_id])
    return rows[0][0] if rows else 0


# Schema


def test_processes_that_open_an_empty_database_at_once_make_its_tables_once(
    postgresql_server, start_process, root, monkeypatch
):
    monkeypatch.setenv("ZENML_STORE_URL", postgresql_server.new_database(is_empty=True))
    processes = [start_process("open_together", root) for _ in range(6)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()

    answers = {tuple(process.hear()) for process in processes}

    assert {answer[0] for answer in answers} == {str(SCHEMA_VERSION)}
    assert len(answers) == 1


def test_a_newer_store_is_refused_and_left_as_it_is(team_store, root, empty_team_address):
    with team_store.file.write() as transaction:
        transaction.write_version(SCHEMA_VERSION + 1)
    try:
        with pytest.raises(
            StoreVersionError, match=rf"schema {SCHEMA_VERSION + 1}.*pip install -U zenml-core"
        ):
            Database(root, address=empty_team_address)
    finally:
        with team_store.file.write() as transaction:
            transaction.write_version(SCHEMA_VERSION)


# Its address


def test_the_environment_wins_over_what_was_kept(root, monkeypatch):
    monkeypatch.delenv("ZENML_STORE_URL", raising=False)
    assert address_of(root) is None
    keep_address(root, "postgresql://ada@db/zenml")
    assert address_of(root) == "postgresql://ada@db/zenml"

    monkeypatch.setenv("ZENML_STORE_URL", "postgresql://bob@db/other")

    assert address_of(root) == "postgresql://bob@db/other"


def test_a_password_is_kept_apart_for_its_owner_only(root, monkeypatch):
    monkeypatch.delenv("ZENML_STORE_URL", raising=False)
    keep_address(root, "postgresql://ada:p%40ss/w@db:5433/zenml?sslmode=require")
    plain, secret = (os.path.join(root, name) for name in ("team-store", "team-store.password"))

    with open(plain, encoding="utf-8") as file:
        assert file.read() == "postgresql://ada@db:5433/zenml?sslmode=require\n"
    assert os.stat(secret).st_mode & 0o777 == 0o600
    assert address_of(root) == "postgresql://ada:p%40ss%2Fw@db:5433/zenml?sslmode=require"

    assert forget_address(root) == "postgresql://ada@db:5433/zenml?sslmode=require"
    assert not os.path.exists(secret)
    assert address_of(root) is None


@pytest.mark.parametrize("text", ["mysql://db/x", "postgresql://", "db", "postgresql://ada@db/x?password=p"])
def test_what_is_no_address_is_refused(monkeypatch, root, text):
    monkeypatch.setenv("ZENML_STORE_URL", text)

    with pytest.raises(ConfigurationError, match="ZENML_STORE_URL"):
        address_of(root)


def test_a_password_is_never_shown():
    assert without_password("postgresql://ada:geheim@db/x") == "postgresql://ada@db/x"
    assert without_password("postgresql://ada@db/x") == "postgresql://ada@db/x"
    assert without_password("postgresql:///x?host=/tmp/a@b") == "postgresql:///x?host=/tmp/a@b"
