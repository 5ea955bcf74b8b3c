"""Identical work is done once per store, however many ask for it at the same time."""

import labkit
import pytest

CROWD = """
    import threading

    THREADS = {threads}

    @step
    def slow(x: int) -> dict:
        mark("ran")
        time.sleep(0.2)
        return {{"x": x}}

    @pipeline
    def flow():
        slow(7)

    def one(number):
        barrier.wait()
        run = flow()
        fact(**{{f"value_{{number}}": value(run, "slow"), f"status_{{number}}": statuses(run)["slow"]}})

    barrier = threading.Barrier(THREADS)
    threads = [threading.Thread(target=one, args=(number,)) for number in range(THREADS)]
    mark("here")
    wait_for_mark("here", {programs})
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@pytest.mark.on_team_store
@pytest.mark.parametrize(("programs", "threads"), [(1, 16), (8, 4), (16, 1)])
def test_a_crowd_executes_once_and_everybody_gets_the_value(lab, programs, threads):
    script = CROWD.format(programs=programs, threads=threads)

    started = [lab.start(script) for _ in range(programs)]
    results = [program.finish() for program in started]

    assert [result.returncode for result in results] == [0] * programs, [result.err for result in results]
    executed = [mark for mark in labkit.read(lab.trace) if mark["mark"] == "ran"]
    assert len(executed) == 1
    facts = [result.facts for result in results]
    silent = [result.err for result in results if "value_0" not in result.facts]
    assert not silent, silent[0]
    values = [one[f"value_{number}"] for one in facts for number in range(threads)]
    assert values == [{"x": 7}] * (programs * threads)
    statuses = [one[f"status_{number}"] for one in facts for number in range(threads)]
    assert sorted(set(statuses)) == ["cached", "completed"]
    assert statuses.count("completed") == 1


LEADER = """
    @step
    def work() -> int:
        mark("ran")
        if "LEADER" in os.environ:
            {leader}
        return 42

    @pipeline
    def flow():
        work()

    error = outcome(lambda: fact(value=value(flow(), "work")))
    fact(error=repr(error) if error else None)
"""


def start_followers(lab, script, count):
    """Start programs that ask for work in flight; return when all of them wait for it."""
    leader = lab.start(script, env={"LEADER": "1"})
    leader.wait_for_mark("ran")
    followers = [lab.start() for _ in range(count)]
    client = lab.client()
    labkit.wait_until(lambda: client.list_pipeline_runs(status="running").total == 1 + count)
    return leader, followers


@pytest.mark.on_team_store
@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_one_of_those_that_wait_takes_over_from_a_killed_leader(lab, runtime):
    script = LEADER.format(leader="hang()").replace("@step", f"@step(runtime='{runtime}')")
    leader, followers = start_followers(lab, script, 3)

    leader.kill()
    results = [program.finish() for program in followers]

    assert [result.facts for result in results] == [{"value": 42, "error": None}] * 3
    executed = [mark for mark in labkit.read(lab.trace) if mark["mark"] == "ran"]
    assert len(executed) == 2
    assert lab.client().list_pipeline_runs(status="interrupted").total == 1


def test_a_failure_of_the_leader_is_not_the_others_failure(lab):
    script = LEADER.format(leader="wait_for_mark('go'); raise ValueError('leader')")
    leader, followers = start_followers(lab, script, 3)

    lab.run("mark('go')", script="go.py")
    results = [program.finish() for program in followers]

    assert leader.finish().facts == {"error": "ValueError('leader')"}
    assert [result.facts for result in results] == [{"value": 42, "error": None}] * 3
    executed = [mark for mark in labkit.read(lab.trace) if mark["mark"] == "ran"]
    assert len(executed) == 2


def test_a_step_that_always_fails_is_tried_by_everybody(lab):
    script = LEADER.format(leader="wait_for_mark('go')").replace("return 42", "raise ValueError('all')")
    leader, followers = start_followers(lab, script, 3)

    lab.run("mark('go')", script="go.py")
    results = [program.finish() for program in [leader, *followers]]

    assert [result.facts for result in results] == [{"error": "ValueError('all')"}] * 4
    executed = [mark for mark in labkit.read(lab.trace) if mark["mark"] == "ran"]
    assert len(executed) == 4


def test_uncached_runs_do_not_wait_for_each_other(lab):
    script = """
        @step(enable_cache=False)
        def work() -> int:
            mark("ran")
            wait_for_mark("ran", 3)
            return 1

        @pipeline
        def flow():
            work()

        flow()
    """

    programs = [lab.start(script) for _ in range(3)]

    assert [program.finish().returncode for program in programs] == [0, 0, 0]
