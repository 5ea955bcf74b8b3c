"""A team that shares one PostgreSQL database: several hosts, each with its own folder, one record of what was done."""

import os
import shutil
import signal
import subprocess
import sys

import labkit
import msgspec
import pytest
from lab import Lab

from zenml.client.garbage import Retention, collect, find_garbage
from zenml.errors import ArtifactDamagedError
from zenml.records.run import Owner

WORK = """
    class Odd:
        pass

    @step
    def number() -> int:
        mark("number")
        return 7

    @step
    def odd() -> Odd:
        mark("odd")
        return Odd()

    @step
    def use(x: int, y: Odd) -> list:
        return [x, type(y).__name__]

    @pipeline
    def flow():
        use(number(), odd())

    run = flow()
    fact(value=value(run, "use"), statuses=statuses(run))
"""


@pytest.fixture
def hosts(tmp_path, team_address):
    """Two machines of a team: nothing but the database is common to them."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Lab(tmp_path / name, team_address))
    yield made
    for one in made:
        one.close()


@pytest.fixture
def team_lab(tmp_path, team_address):
    made = Lab(tmp_path, team_address)
    yield made
    made.close()


def zenml(lab, *words, expect=0, given=None, **variables):
    """Run the command line as on the host of a lab; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    environment = {**inherited, "ZENML_CONFIG_PATH": str(lab.store), **variables}
    done = subprocess.run(
        [sys.executable, "-m", "zenml", *words],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    return done.stdout + done.stderr


def test_what_one_host_has_done_another_one_sees_and_does_not_do_again(hosts):
    one, two = hosts
    first = one.run(WORK)
    second = two.run(WORK)

    assert first.facts["value"] == second.facts["value"] == [7, "Odd"]
    assert second.facts["statuses"]["number"] == "cached"
    runs = two.client().list_pipeline_runs().items
    assert len(runs) == 2
    assert {run.status for run in runs} == {"completed"}


def test_what_can_only_be_unpickled_is_made_anew_unless_the_key_is_shared(hosts):
    one, two = hosts
    one.run(WORK)
    assert two.run(WORK).facts["statuses"]["odd"] == "completed"

    (key,) = one.store.glob("teams/*/store.key")
    (other,) = two.store.glob("teams/*/store.key")
    shutil.copy(key, other)
    assert one.run(WORK).facts["statuses"]["odd"] == "cached"  # its own, which is not the newest
    assert two.run(WORK).facts["statuses"]["odd"] == "cached"


def test_each_host_keeps_the_large_results_that_it_has(hosts):
    script = """
        @step
        def big() -> bytes:
            return b"x" * 100_000

        @pipeline
        def flow():
            big()

        run = flow()
        fact(statuses=statuses(run), size=len(value(run, "big")))
    """

    found = [lab.run(script).facts for lab in (*hosts, *hosts)]

    assert [one["statuses"]["big"] for one in found] == ["completed", "completed", "cached", "cached"]
    assert {one["size"] for one in found} == {100_000}


def test_two_hosts_do_the_same_work_once(hosts):
    script = """
        @step
        def slow() -> int:
            mark("ran")
            time.sleep(0.5)
            return 7

        @pipeline
        def flow():
            slow()

        fact(statuses=statuses(flow()))
    """
    programs = [lab.start(script) for lab in hosts]
    results = [program.finish() for program in programs]

    assert sum(result.count("ran") for result in results) == 1
    assert sorted(result.facts["statuses"]["slow"] for result in results) == ["cached", "completed"]


HELD = """
    import threading

    @step
    def before() -> int:
        return 1

    @step(runtime="{runtime}")
    def hold(x: int):
        mark("running")
        threading.Event().wait({seconds})
        mark("held to its end")

    @step
    def after():
        mark("after")

    @pipeline
    def flow():
        after(after=hold(before()))

    error = outcome(flow)
    fact(error=type(error).__name__, text=str(error))
"""


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_an_owner_that_was_stopped_too_long_is_taken_over_and_ends(team_lab, runtime):
    program = team_lab.start(HELD.format(runtime=runtime, seconds=60), env={"ZENML_OWNER_TTL": "2"})
    program.wait_for_mark("running")
    store = team_lab.client().store
    program.kill(signal.SIGSTOP)

    (run_id,) = labkit.wait_until(store.interrupt_dead_runs, "the end of its sign of life")
    (run,) = team_lab.client().list_pipeline_runs().items
    recorded = run.record
    program.kill(signal.SIGCONT)
    result = program.finish()

    assert recorded.id == run_id
    assert recorded.status == "interrupted"
    assert result.facts["error"] == "RunStoppedError"
    assert result.count("after") == result.count("held to its end") == 0
    assert run.refresh().record == recorded, "it has written nothing more"
    assert labkit.statuses(run) == {"before": "completed", "hold": "interrupted"}
    team_lab.wait_until_empty()


def test_an_owner_that_loses_the_server_stops_before_others_may_take_over(team_lab, postgresql_server):
    program = team_lab.start(HELD.format(runtime="isolated", seconds=60), env={"ZENML_OWNER_TTL": "3"})
    program.wait_for_mark("running")
    postgresql_server.stop()
    try:
        result = program.finish()
    finally:
        postgresql_server.start()

    assert result.facts["error"] == "RunStoppedError"
    assert "was not reached" in result.facts["text"]
    (run,) = team_lab.client().list_pipeline_runs().items
    assert labkit.statuses(run)["hold"] in ("running", "interrupted")
    labkit.wait_until(lambda: run.refresh().status == "interrupted", "the end of its sign of life")


def test_a_run_of_a_killed_host_is_resumed_on_another_one(hosts):
    one, two = hosts
    program = one.start(HELD.format(runtime="inline", seconds=60), env={"ZENML_OWNER_TTL": "1"})
    program.wait_for_mark("running")
    store = two.client().store
    (run,) = two.client().list_pipeline_runs().items
    store.update(
        Owner, run.record.owner_id, host="elsewhere"
    )  # nothing but its sign of life says that it lives
    program.kill()
    program.finish()
    labkit.wait_until(store.interrupt_dead_runs, "the end of its sign of life")

    script = HELD.format(runtime="inline", seconds=0)
    two.run(script.replace("outcome(flow)", "outcome(lambda: last_run().resume(pipeline=flow))"))

    again = run.refresh()
    assert again.status == "completed"
    assert set(labkit.statuses(again).values()) == {"completed"}


def test_garbage_of_a_team_is_collected_and_nothing_else(team_lab, tmp_path):
    """The store of this machine lies in the same folder, and no row of the team's database names what it has."""
    script = """
        @step(enable_cache=False)
        def big() -> bytes:
            return b"x" * 100_000

        @pipeline
        def flow():
            big()

        flow()
    """
    own = Lab(tmp_path)
    own.run(script)
    for _ in range(3):
        team_lab.run(script)
    store = team_lab.client().store
    before = files_of(own.store / "artifacts")

    beyond = Retention(keep_last=1).runs_to_delete(store)
    found = find_garbage(store, without_runs=[run.id for run in beyond], young=0)
    gone = collect(store, msgspec.structs.replace(found, runs=tuple(beyond)))

    assert len(gone.runs) == len(gone.artifacts) == 2
    assert files_of(own.store / "artifacts") == before
    assert len(team_lab.client().list_pipeline_runs().items) == 1
    (run,) = team_lab.client().list_pipeline_runs().items
    assert labkit.value(run, "big") == b"x" * 100_000
    own_store = own.database()
    assert find_garbage(own_store, young=0).size == 0
    own.close()


def test_files_that_lie_on_another_host_are_said_to(hosts):
    one, two = hosts
    one.run("""
        @step
        def big() -> bytes:
            print("hello")
            return b"x" * 100_000

        @pipeline
        def flow():
            big()

        flow()
    """)
    (run,) = two.client().list_pipeline_runs().items
    two.client().store.update(Owner, run.record.owner_id, host="ada-laptop")

    with pytest.raises(ArtifactDamagedError, match="lie on host `ada-laptop`"):
        run.steps["big"].output.load()
    assert "lie there" in zenml(two, "logs", "latest", ZENML_STORE_URL=two.address)
    assert "hello" in zenml(one, "logs", "latest", ZENML_STORE_URL=one.address)


def files_of(folder):
    return sorted(str(path) for path in folder.rglob("*"))


# The command line


def test_connecting_keeps_the_address_and_disconnecting_forgets_it(tmp_path, team_address):
    lab = Lab(tmp_path)
    script = "@pipeline\ndef flow():\n    pass\n\nflow()\n"
    lab.run(script)

    said = zenml(lab, "connect", team_address)

    assert f"Connected to {team_address}" in said
    assert str(lab.store) in said
    assert '"completed": 0' in zenml(lab, "status", "--json")
    lab.run(script)
    assert '"completed": 1' in zenml(lab, "status", "--json")
    status, doctor = zenml(lab, "status"), zenml(lab, "doctor")
    assert team_address in status
    assert "Files" in status
    assert f"{team_address} opens (PostgreSQL" in doctor
    assert "0 problems" in doctor

    assert f"Disconnected from {team_address}" in zenml(lab, "disconnect")

    assert '"completed": 1' in zenml(lab, "status", "--json")
    assert team_address not in zenml(lab, "status")
    assert "connected to none" in zenml(lab, "disconnect")


def test_the_environment_names_the_store_of_one_command(tmp_path, team_address):
    lab = Lab(tmp_path)

    assert team_address in zenml(lab, "status", ZENML_STORE_URL=team_address)
    assert team_address not in zenml(lab, "status")


def test_an_address_that_does_not_work_is_not_kept(tmp_path, postgresql_server):
    lab = Lab(tmp_path)

    said = zenml(lab, "connect", postgresql_server.address("nowhere"), expect=1)

    assert "does not exist" in said
    assert "Traceback" not in said
    assert "postgresql" not in zenml(lab, "status")


def test_a_password_is_asked_of_nobody_and_shown_to_nobody(tmp_path, team_address):
    lab = Lab(tmp_path)
    secret = team_address.replace("postgres@", "postgres:geheim@")

    said = (
        zenml(lab, "connect", secret)
        + zenml(lab, "status")
        + zenml(lab, "doctor")
        + zenml(lab, "status", "--json")
    )

    assert "geheim" not in said
    assert (lab.store / "team-store.password").read_text() == "geheim"
    assert (lab.store / "team-store.password").stat().st_mode & 0o777 == 0o600


def test_a_password_comes_from_where_the_programs_of_postgresql_have_it(
    tmp_path, team_address, postgresql_server
):
    lab = Lab(tmp_path)
    address = postgresql_server.with_a_user_who_needs_a_password(team_address, "ge/heim@1")

    without = zenml(lab, "connect", address, expect=1)
    wrong = zenml(lab, "connect", address, expect=1, PGPASSWORD="falsch")
    assert "PGPASSWORD" in without
    assert "authentication failed" in wrong
    assert "falsch" not in wrong

    zenml(lab, "connect", address, PGPASSWORD="ge/heim@1")
    assert address in zenml(lab, "status", PGPASSWORD="ge/heim@1")
    assert not (lab.store / "team-store.password").exists()
    zenml(lab, "status", expect=1)

    said = zenml(lab, "connect", "--password-stdin", address, given="ge/heim@1\n")
    assert "heim" not in said + zenml(lab, "status") + zenml(lab, "doctor")


def test_importing_zenml_and_using_a_file_load_no_driver(tmp_path):
    lab = Lab(tmp_path)

    result = lab.run(
        WORK + '\n    fact(drivers=[name for name in sys.modules if name.startswith("psycopg")])\n'
    )

    assert result.facts["drivers"] == []
