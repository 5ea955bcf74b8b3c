"""Whenever the owner of a run is killed: nothing recorded is lost, nothing recorded is done again, nobody is left."""

import os
import random
import sqlite3

import labkit
import pytest

CHAIN = """
    MANY = {steps}

    @step(runtime="{runtime}")
    def add(total: int, x: int) -> int:
        mark("begin", x=x)
        time.sleep({seconds})
        mark("end", x=x)
        return total + x

    @pipeline
    def flow():
        total = 0
        for x in range(MANY):
            total = add(total, x, id=f"add_{{x}}")

    mark("start")
    run = flow()
    fact(value=value(run, f"add_{{MANY - 1}}"), statuses=statuses(run), status=str(run.status))
"""


def check_interrupted(lab):
    """Look at the killed run; return the steps that are recorded as completed."""
    client = lab.client()
    runs = client.list_pipeline_runs(sort_by="asc:created").items
    if not runs:
        return set()  # killed before the run was recorded
    (run,) = runs
    found = labkit.statuses(run)
    if str(run.status) == "completed":  # killed after its end
        assert set(found.values()) == {"completed"}
    else:
        assert str(run.status) == "interrupted"
        assert "running" not in found.values()
        assert os.listdir(os.path.join(lab.database().root, "leases")) == []
    if lab.address is None:
        connection = sqlite3.connect(lab.store / "store.db")
        try:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            connection.close()
    completed = {name for name, status in found.items() if status == "completed"}
    for name in completed:
        run.steps[name].output.load()
    return completed


def kill_and_go_on(lab, script, seed, last_step, seconds):
    """Kill a run at a random instant, at most `seconds` after a mark, and run the script again."""
    chance = random.Random(seed)
    program = lab.start(script)
    program.wait_for_mark(*chance.choice([("start", 1), *[("begin", n + 1) for n in range(last_step)]]))
    moment = chance.random() * seconds
    # The instant is the point here: nothing can be waited for.
    labkit.time.sleep(moment)
    program.kill()
    program.process.wait()

    completed = check_interrupted(lab) if lab.has_store() else set()
    lab.wait_until_empty()
    result = lab.run()

    again = {f"add_{mark['x']}" for mark in result.of("begin")}
    assert not again & completed
    assert result.facts["value"] == sum(range(last_step + 1))
    assert result.facts["status"] == "completed"
    statuses = result.facts["statuses"]
    assert {name for name, status in statuses.items() if status == "cached"} == completed


@pytest.mark.parametrize("seed", range(10))
def test_an_owner_killed_at_a_random_instant_of_inline_steps(lab, seed):
    script = CHAIN.format(steps=5, runtime="inline", seconds=0.02)

    kill_and_go_on(lab, script, seed, 4, 0.03)


@pytest.mark.parametrize("seed", range(10))
def test_an_owner_killed_at_a_random_instant_between_quick_steps(lab, seed):
    script = CHAIN.format(steps=150, runtime="inline", seconds=0)

    kill_and_go_on(lab, script, seed, 149, 0.01)


@pytest.mark.parametrize("seed", range(8))
def test_an_owner_killed_at_a_random_instant_of_isolated_steps(lab, seed):
    script = CHAIN.format(steps=4, runtime="isolated", seconds=0.02)

    kill_and_go_on(lab, script, seed, 3, 0.05)


def test_nothing_of_an_isolated_step_survives_its_owner(lab):
    script = """
        GRANDCHILD = '''
        import signal, labkit
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        labkit.mark("grandchild")
        labkit.hang()
        '''.replace("    " * 2, "")

        @step(runtime="isolated")
        def spawn() -> int:
            import subprocess
            subprocess.Popen([sys.executable, "-c", GRANDCHILD], start_new_session=True)
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    import signal
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    mark("grandchild")
                    hang()
                os._exit(0)
            hang()
            return 1

        @pipeline
        def flow():
            spawn()

        flow()
    """
    program = lab.start(script)
    program.wait_for_mark("grandchild", 2)
    assert len(lab.survivors()) >= 4

    program.kill()
    program.process.wait()

    lab.wait_until_empty()
    (run,) = lab.client().list_pipeline_runs().items
    assert (str(run.status), labkit.statuses(run)) == ("interrupted", {"spawn": "interrupted"})


def test_an_interrupted_run_says_why(lab):
    program = lab.start("""
        @step
        def work():
            mark("begin")
            hang()

        @pipeline
        def flow():
            work()

        flow()
    """)
    program.wait_for_mark("begin")
    client = lab.client()
    (before,) = client.list_pipeline_runs().items

    program.kill()
    program.process.wait()
    after = client.get_pipeline_run(before.id)

    assert str(before.status) == "running"
    assert str(after.status) == "interrupted"
    assert str(program.pid) in after.reason
    assert after.end_time is not None


def test_parallel_steps_that_finished_before_the_kill_are_kept(lab):
    script = """
        @step
        def quick(x: int) -> int:
            mark("quick")
            return x

        @step
        def slow(x: int) -> int:
            mark("slow")
            if "HANG" in os.environ:
                hang()
            return x

        @pipeline
        def flow():
            for x in range(4):
                quick(x)
            slow(1)

        fact(statuses=statuses(flow()))
    """
    program = lab.start(script, env={"HANG": "1"})
    program.wait_for_mark("slow")
    client = lab.client()
    labkit.wait_until(
        lambda: (
            [
                *labkit.statuses(client.list_pipeline_runs().items[0]).values(),
            ].count("completed")
            == 4
        )
    )

    program.kill()
    program.process.wait()
    result = lab.run()

    assert (result.count("quick"), result.count("slow")) == (0, 1)
    assert sorted(result.facts["statuses"].values()) == ["cached"] * 4 + ["completed"]
