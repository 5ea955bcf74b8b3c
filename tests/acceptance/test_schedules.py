"""Schedules that a real scheduler serves: what is due runs, once, and the ledger tells of everything."""

import os
import signal
import sys
import time

import labkit
import pytest

SERVE = """
import sys
from zenml.cli.main import main

sys.argv = ["zenml", "schedule", "serve"]
main()
"""
MINUTE = 60.0
FLOW = """
from zenml.config import NewArtifact, NewModelVersion, RunEnded, Schedule

@step(enable_cache=False)
def work(name: str) -> str:
    mark("ran", who=name)
    return name

@pipeline
def flow(name: str = "x"):
    work(name)

if __name__ == "__main__":
    {declare}
"""


def declare(lab, *lines, script="flow.py", flow=FLOW):
    return lab.run(flow.replace("{declare}", "\n    ".join(lines)), script=script)


def serve(lab):
    """Start a scheduler; return once it serves."""
    program = lab.start(SERVE, script="serve.py")
    labkit.wait_until(lambda: "Serving the schedules" in program.read("out"), "the scheduler")
    return program


def end(scheduler):
    scheduler.kill(signal.SIGTERM)
    assert scheduler.finish().returncode == 0


def client_of(lab):
    """Return one client for the whole test, which asks again and again."""
    if not hasattr(lab, "watching"):
        lab.watching = lab.client()
    return lab.watching


def history(lab, name):
    return client_of(lab).get_schedule(name).history(1000)


def wait_for_outcome(lab, name, outcome, count=1):
    def enough():
        found = [tick for tick in history(lab, name) if tick.outcome == outcome]
        return found if len(found) >= count else None

    return labkit.wait_until(enough, f"{count} x {outcome}")


def told_of(lab, name, count):
    """Return the first ticks of which people were told, once there are so many."""
    told = [tick for tick in reversed(history(lab, name)) if tick.record.alert not in (None, "due")]
    return told[:count] if len(told) >= count else None


@pytest.mark.on_team_store
def test_a_minute_with_a_kill(lab):
    declare(
        lab, 'flow.with_options(schedule=Schedule(name="often", interval_second=1))()',
        'flow.with_options(schedule=Schedule(name="queued", interval_second=3, overlap="queue"))()',
    )  # fmt: skip
    began = time.monotonic()
    scheduler = serve(lab)
    wait_for_outcome(lab, "often", "fired", 5)
    scheduler.kill()
    scheduler.finish()
    others = [serve(lab), serve(lab)]
    seconds = 5.0 if lab.address else max(0.0, MINUTE - (time.monotonic() - began))
    time.sleep(seconds)  # that it stays so is what is looked at
    others[0].kill()
    others[0].finish()
    wait_for_outcome(lab, "often", "fired", 10)
    end(others[1])
    labkit.wait_until(lambda: client_of(lab).list_pipeline_runs(status="running").total == 0)

    for name, every in (("often", 1), ("queued", 3)):
        view = client_of(lab).get_schedule(name)
        ticks = view.history(1000)
        instants = sorted(tick.record.instant for tick in ticks)
        assert instants == list(range(instants[0], instants[-1] + 1, every * 1_000_000))
        assert instants[0] == view.record.created_at + every * 1_000_000
        assert instants[-1] == view.record.since
        assert {tick.outcome for tick in ticks} <= {"fired", "skipped", "queued", "claimed"}
        assert all(tick.run is not None for tick in ticks if tick.outcome == "fired")
        assert all(tick.reason for tick in ticks if tick.outcome == "skipped")
    fired = [tick for name in ("often", "queued") for tick in history(lab, name) if tick.outcome == "fired"]
    runs = client_of(lab).list_pipeline_runs(size=1000)
    assert {run.id for run in runs} == {tick.record.run_id for tick in fired}
    ran = [mark for mark in labkit.read(lab.trace) if mark["mark"] == "ran"]
    assert len(ran) == len(fired)
    assert client_of(lab).store.schedules.schedulers() == []


@pytest.mark.on_team_store
def test_a_pipeline_that_cannot_be_imported_is_told_of_and_others_go_on(lab):
    declare(lab, 'flow.with_options(schedule=Schedule(name="good", interval_second=1))()')
    declare(lab, 'flow.with_options(schedule=Schedule(name="bad", interval_second=1))()', script="broken.py")
    lab.write("broken.py", "raise RuntimeError('half of it')\n")
    scheduler = serve(lab)

    wait_for_outcome(lab, "bad", "failed", 2)
    failed, again = labkit.wait_until(lambda: told_of(lab, "bad", 2))
    wait_for_outcome(lab, "good", "fired", 2)
    end(scheduler)

    assert "half of it" in failed.reason
    assert failed.run is None
    assert failed.record.alert == again.record.alert == "nobody: the active stack has no alerter"


def test_people_are_told_of_runs_that_fail_and_of_those_that_do_not_start(lab):
    lab.write("tell.sh", "#!/bin/sh\ncat >> told.txt\n").chmod(0o700)
    lab.run("""
        from zenml.client import Client
        client = Client()
        client.create_stack_component("told", "command", "alerter", {"command": [os.path.abspath("tell.sh")]})
        client.create_stack("telling", {"orchestrator": "default", "artifact_store": "default", "alerter": "told"})
        client.activate_stack("telling", everywhere=True)
    """)
    failing = FLOW.replace("    return name", "    raise ValueError('no luck')")
    once = 'flow.with_options(schedule=Schedule(name="once", interval_second=1, max_runs=1))()'
    declare(lab, once, flow=failing)
    scheduler = serve(lab)

    (tick,) = labkit.wait_until(lambda: told_of(lab, "once", 1))
    end(scheduler)

    told = (lab.folder / "told.txt").read_text()
    assert "of schedule `once` failed" in told
    assert "no luck" in told
    assert (tick.record.alert, tick.run.status) == ("posted", "failed")
    assert client_of(lab).get_schedule("once").next_run is None


def test_runs_and_artifacts_start_what_waits_for_them(lab):
    declare(
        lab, 'flow.with_options(schedule=Schedule(name="after", on=RunEnded("upstream")))("after run")',
        'flow.with_options(schedule=Schedule(name="fresh", on=NewArtifact("dataset")))("after data")',
        'flow.with_options(schedule=Schedule(name="model", on=NewModelVersion("churn")))("after model")',
    )  # fmt: skip
    scheduler = serve(lab)
    upstream = lab.run("""
        from typing import Annotated
        from zenml import Model

        @step
        def make() -> Annotated[int, "dataset"]:
            return 1

        @pipeline(model=Model("churn"))
        def upstream():
            make()

        fact(id=upstream().id)
    """)

    (after,) = wait_for_outcome(lab, "after", "fired")
    (fresh,) = wait_for_outcome(lab, "fresh", "fired")
    wait_for_outcome(lab, "model", "fired")
    end(scheduler)

    assert after.subject == upstream.facts["id"]
    assert fresh.subject == client_of(lab).get_artifact_version("dataset").id
    wanted = {"after run", "after data", "after model"}
    labkit.wait_until(lambda: {one.get("who") for one in labkit.read(lab.trace)} == wanted)


def test_a_file_that_schedules_its_pipeline_at_the_top_is_run_and_schedules_no_more(lab):
    lab.run("""
        from datetime import datetime
        from zenml.config.schedule import Schedule

        @step(enable_cache=False)
        def work():
            mark("ran")

        @pipeline
        def my_pipeline():
            work()

        schedule = Schedule(start_time=datetime.now(), interval_second=1800)
        my_pipeline = my_pipeline.with_options(schedule=schedule)
        my_pipeline()
    """)
    (declared,) = client_of(lab).list_schedules()
    scheduler = serve(lab)

    wait_for_outcome(lab, declared.name, "fired")
    labkit.wait_until(lambda: any(one["mark"] == "ran" for one in labkit.read(lab.trace)))
    end(scheduler)

    assert client_of(lab).list_schedules().total == 1


def test_a_paused_schedule_starts_nothing_until_it_is_triggered(lab):
    declare(lab, 'flow.with_options(schedule=Schedule(name="still", interval_second=1))()')
    client = client_of(lab)
    paused = client.pause_schedule("still", "holidays")
    scheduler = serve(lab)

    client.trigger_schedule("still")
    (tick,) = wait_for_outcome(lab, "still", "fired")
    end(scheduler)
    labkit.wait_until(lambda: time.time() > paused.updated.timestamp() + 1.5)
    client.resume_schedule("still")

    assert tick.cause == "manual"
    (passed,) = [one for one in history(lab, "still") if one.outcome == "skipped"]
    assert passed.reason == "the schedule was paused: holidays"
    assert passed.count >= 1


def test_runs_go_on_when_the_scheduler_is_killed(lab):
    slow = FLOW.replace('mark("ran", who=name)', 'mark("began")\n    wait_for_mark("go")')
    declare(lab, 'flow.with_options(schedule=Schedule(name="slow", interval_second=1))()', flow=slow)
    scheduler = serve(lab)
    scheduler.wait_for_mark("began")

    scheduler.kill()
    scheduler.finish()
    other = serve(lab)
    wait_for_outcome(lab, "slow", "skipped")
    lab.run("mark('go')", script="go.py")
    labkit.wait_until(lambda: client_of(lab).list_pipeline_runs(status="completed").total >= 1)
    end(other)

    assert client_of(lab).list_pipeline_runs(status="interrupted").total == 0


@pytest.mark.on_team_store
def test_a_newer_fire_stops_what_is_in_its_way(lab):
    slow = FLOW.replace('mark("ran", who=name)', 'mark("began")\n    wait_for_mark("go")')
    declare(
        lab, 'flow.with_options(schedule=Schedule(name="slow", interval_second=2, overlap="cancel"))()', flow=slow
    )  # fmt: skip
    scheduler = serve(lab)

    wait_for_outcome(lab, "slow", "fired", 2)
    client_of(lab).pause_schedule("slow")
    labkit.wait_until(lambda: client_of(lab).list_pipeline_runs(status="stopped").total >= 1)
    lab.run("mark('go')", script="go.py")
    labkit.wait_until(lambda: client_of(lab).list_pipeline_runs(status="running").total == 0)
    end(scheduler)

    stopped = client_of(lab).list_pipeline_runs(status="stopped").items[-1]
    assert "a newer fire of schedule `slow` is due; overlap is `cancel`" in stopped.record.reason
    assert stopped.tick.outcome == "fired"


def test_runs_have_the_interpreter_that_their_schedule_was_made_with(lab):
    asks = FLOW.replace('mark("ran", who=name)', 'import os\n    mark("ran", who=os.environ.get("WHOSE"))')
    declare(
        lab, 'flow.with_options(schedule=Schedule(name="other", interval_second=1))()',
        'flow.with_options(schedule=Schedule(name="gone", interval_second=1))()', flow=asks,
    )  # fmt: skip
    path = lab.write("python", f'#!/bin/sh\nexport WHOSE=theirs\nexec {sys.executable} "$@"\n')
    os.chmod(path, 0o700)
    for name, python in (("other", str(path)), ("gone", "/no/such/python")):
        schedule = client_of(lab).get_schedule(name).record
        client_of(lab).store.update(type(schedule), schedule.id, python=python)
    scheduler = serve(lab)

    wait_for_outcome(lab, "other", "fired")
    (failed, *_) = wait_for_outcome(lab, "gone", "failed")
    scheduler.wait_for_mark("ran")
    end(scheduler)
    labkit.wait_until(lambda: client_of(lab).list_pipeline_runs(status="running").total == 0)

    assert {mark["who"] for mark in labkit.read(lab.trace) if mark["mark"] == "ran"} == {"theirs"}
    assert "/no/such/python" in failed.reason


def test_the_process_that_starts_runs_is_replaced_when_it_is_killed(lab):
    declare(lab, 'flow.with_options(schedule=Schedule(name="often", interval_second=1))()')
    scheduler = serve(lab)
    wait_for_outcome(lab, "often", "fired")
    pid = scheduler.process.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        (nursery,) = map(int, file.read().split())

    os.kill(nursery, signal.SIGKILL)
    wait_for_outcome(lab, "often", "fired", 4)
    end(scheduler)

    lab.wait_until_empty()


def test_a_damaged_schedule_is_set_aside_and_others_go_on(lab):
    for name in ("bad", "good"):
        declare(lab, f'flow.with_options(schedule=Schedule(name="{name}", interval_second=1))()')
    with client_of(lab).store.file.write() as transaction:
        transaction.run("UPDATE schedules SET parameters = '{' WHERE name = 'bad'")
    scheduler = serve(lab)

    wait_for_outcome(lab, "good", "fired", 2)
    end(scheduler)

    client_of(lab).pause_schedule("good")
    with client_of(lab).store.file.write() as transaction:
        transaction.run("UPDATE schedules SET parameters = '{}' WHERE name = 'bad'")
    bad = client_of(lab).get_schedule("bad")
    assert "damaged" in bad.problem
    assert [tick.outcome for tick in bad.history()] == ["failed"]
    with client_of(lab).store.file.write() as transaction:
        transaction.run("UPDATE schedules SET parameters = '{' WHERE name = 'bad'")
    client_of(lab).delete_schedule("bad")
    assert [one.name for one in client_of(lab).list_schedules()] == ["good"]


def test_fires_of_one_moment_are_claimed_in_order_and_none_is_lost(lab):
    many = """
    from datetime import datetime, timedelta, timezone
    at = datetime.now(timezone.utc) + timedelta(seconds=3)
    for number in range(20):
        moment = at + timedelta(milliseconds=50 * number)
        flow.with_options(schedule=Schedule(name=f"s{number:02}", run_once_start_time=moment))(f"s{number:02}")
    """
    declare(lab, many.strip())
    scheduler = serve(lab)

    fired = [wait_for_outcome(lab, f"s{number:02}", "fired")[0] for number in range(20)]
    end(scheduler)

    began = [tick.run.record.created_at for tick in fired]
    assert len(set(began)) == 20
    claimed = [tick.record.recorded_at for tick in fired]
    assert claimed == sorted(claimed)
    assert all(tick.lateness.total_seconds() > 0 for tick in fired)
