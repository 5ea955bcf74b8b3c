"""A run is reproduced by command, from another process: the code of now, the words of then, what was skipped taken."""

import json
import os
import signal
import subprocess
import sys

import labkit
import pytest

FLOW = """
    import os
    from labkit import mark
    from zenml import pipeline, step

    @step
    def load(size: int) -> list[int]:
        mark("load")
        return list(range(size))

    @step
    def work(rows: list[int], factor: int = 1) -> int:
        mark("work")
        if os.path.exists("die"):
            os.kill(os.getpid(), 9)
        return sum(rows) * factor

    @step(runtime="isolated")
    def last(number: int) -> int:
        mark("last")
        return number + 1

    @pipeline{options}
    def flow(size: int = 1) -> int:
        rows = load(size)
        return last(work(rows))

    if __name__ == "__main__":
        mark("main")
        flow.with_options(run_name="nightly", config_path="run.yaml")(size=4)
"""
SHAPES = """
    import os
    from labkit import mark
    from zenml import pipeline, step

    @step
    def part(number: int, by: int = 1) -> int:
        mark(f"part {number}")
        return number * by

    @step
    def square(number: int) -> int:
        mark(f"square {number}")
        return number * number

    @step
    def total(numbers: list[int]) -> int:
        mark("total")
        if os.path.exists("die"):
            os.kill(os.getpid(), 9)
        return sum(numbers)

    @pipeline
    def leaf(number: int) -> int:
        return square(number)

    @pipeline(dynamic=True)
    def shapes(count: int = 2) -> int:
        numbers = [part(number) for number in range(count)]
        mapped = part.map(list(range(10, 10 + count)))
        submitted = [part.submit(number, id=f"late_{number}") for number in range(20, 20 + count)]
        child = leaf(5)
        return total([*numbers, *mapped, *submitted, child])

    if __name__ == "__main__":
        shapes.with_options(run_name="nightly")()
"""


@pytest.fixture(params=["", "(dynamic=True, depends_on=[work])"], ids=["static", "dynamic"])
def flow(lab, request):
    """A script whose run has completed; returns its text."""
    text = FLOW.format(options=request.param)
    lab.write("run.yaml", "steps: {work: {parameters: {factor: 7}}}\n")
    lab.write("flow.py", text)
    assert lab.start(script="flow.py").finish().returncode == 0
    return text


@pytest.fixture
def shapes(lab):
    lab.write("shapes.py", SHAPES)
    assert lab.start(script="shapes.py").finish().returncode == 0
    return lab


def zenml(lab, *words):
    """Run the command in the folder of the scripts."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    environment = {
        **inherited,
        **lab.variables,
        "PYTHONPATH": os.path.dirname(labkit.__file__),
        "LAB_TRACE": lab.trace,
        "LAB_ID": lab.id,
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "zenml", *words],
        cwd=lab.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def replay(lab, *words):
    """Replay the run `nightly`; return what was said of it as JSON, and what was called, sorted."""
    before = len(labkit.read(lab.trace))
    done = zenml(lab, "run", "replay", "nightly", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), called(lab, before)


def called(lab, before):
    return sorted(mark["mark"] for mark in labkit.read(lab.trace)[before:])


def verdicts(said):
    return {one["step"]: one["verdict"] for one in said["replay"]["outputs"]}


def test_everything_is_executed_again_as_it_was_told_then(lab, flow):
    lab.write("run.yaml", "steps: {work: {parameters: {factor: 1000}}}\n")

    said, marks = replay(lab)

    assert marks == ["last", "load", "work"]
    assert verdicts(said) == {"load": "same", "work": "same", "last": "same"}
    assert said["replay"]["is_same"]
    original = lab.client().get_pipeline_run("nightly")
    assert said["original"] == {"id": original.id, "name": "nightly"}
    assert lab.client().get_pipeline_run(said["id"]).outputs[0].load() == 43
    assert [one.id for one in original.replays] == [said["id"]]


def test_changed_code_is_shown_and_what_comes_out_otherwise_is_told(lab, flow):
    lab.write("flow.py", flow.replace("sum(rows)", "max(rows)"))

    done = zenml(lab, "run", "replay", "nightly", "--skip", "load")

    assert done.returncode == 0, done.stderr
    assert "+    return max(rows) * factor" in done.stderr
    assert "Step `load` cached: taken from run `nightly`." in done.stderr
    run = lab.client().list_pipeline_runs(size=1).items[0]
    assert done.stdout.splitlines() == [
        "Compared with run `nightly`:",
        "  differs: `work`, `last`",
        "  taken from the original: `load`",
        f"All that differs: zenml run diff {run.original.id[-8:]} {run.id[-8:]}",
    ]
    assert "Replay of   nightly" in zenml(lab, "run", "show", run.id).stdout
    assert f"Replays     {run.name} (" in zenml(lab, "run", "show", "nightly").stdout
    (first, second) = json.loads(zenml(lab, "run", "list", "--json").stdout)["items"]
    assert (first["original_id"], second["original_id"]) == (run.original.id, None)
    assert "sum(rows)" in zenml(lab, "run", "diff", "nightly", run.id).stdout


def test_arguments_are_replaced(lab, flow):
    said, marks = replay(lab, "--skip", "load", "--input", "size=9", "--step-input", "work.factor=2")

    assert marks == ["last", "work"]
    assert verdicts(said) == {"work": "differs", "last": "differs"}
    run = lab.client().get_pipeline_run(said["id"])
    assert (run.parameters, run.outputs[0].load()) == ({"size": 9}, 13)


def test_what_is_wrong_is_told_before_anything_runs(lab, flow):
    before = len(labkit.read(lab.trace))

    for words, told in {
        ("--skip", "lood"): "Did you mean `load`",
        ("--input", "sice=2"): "Did you mean `size`",
        ("--input", "size=many"): "`size` must be `int`",
        ("--step-input", "work.facter=2"): "Did you mean `factor`",
        ("--step-input", "wark.factor=2"): "Did you mean `work`",
        ("--step-input", "work.factor=fast"): "`factor` of step `work` must be `int`",
    }.items():
        done = zenml(lab, "run", "replay", "nightly", *words)
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    for words in (
        ["--input", "size"],
        ["--step-input", "factor=2"],
        ["--input", "size=1", "--input", "size=2"],
    ):
        assert zenml(lab, "run", "replay", "nightly", *words).returncode == 2
    assert "There is no run `nihgtly`" in zenml(lab, "run", "replay", "nihgtly").stderr
    (lab.folder / "flow.py").unlink()
    gone = zenml(lab, "run", "replay", "nightly").stderr
    assert "is gone. Replay the run where the pipeline is at hand: `flow.replay(" in gone

    assert called(lab, before) == []
    assert len(lab.client().list_pipeline_runs().items) == 1


def test_a_replay_that_was_killed_is_resumed_and_keeps_what_it_was_told(lab, flow):
    lab.write("die", "")
    words = ["--skip", "load", "--input", "size=9", "--step-input", "work.factor=2"]
    assert zenml(lab, "run", "replay", "nightly", *words).returncode == -signal.SIGKILL
    (lab.folder / "die").unlink()
    before = len(labkit.read(lab.trace))

    done = zenml(lab, "run", "resume", "latest", "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["resumed"]["reused"] == ["load"]
    assert called(lab, before) == ["last", "work"]
    run = lab.client().get_pipeline_run(said["id"])
    assert (run.original.name, run.parameters, run.outputs[0].load()) == ("nightly", {"size": 9}, 13)
    assert run.steps["load"].record.reason == "taken from run `nightly`, although its input `size` changed"
    assert run.replay_report.taken == ("load",)


def test_a_replay_that_was_killed_is_resumed_in_the_background(lab, flow):
    lab.write("die", "")
    zenml(lab, "run", "replay", "nightly", "--skip", "load", "--step-input", "work.factor=2")
    (lab.folder / "die").unlink()
    (run,) = lab.client().get_pipeline_run("nightly").replays
    before = len(labkit.read(lab.trace))

    done = zenml(lab, "run", "resume", run.id, "--detach")
    waited = zenml(lab, "run", "wait", run.id, "--timeout", "30")

    assert (done.returncode, waited.returncode) == (0, 0), waited.stdout
    assert called(lab, before) == ["last", "work"]
    assert run.refresh().outputs[0].load() == 13


def test_what_a_killed_replay_had_not_taken_yet_is_taken_when_it_is_resumed(lab, flow):
    lab.write("die", "")
    zenml(lab, "run", "replay", "nightly", "--skip", "last")
    (lab.folder / "die").unlink()
    before = len(labkit.read(lab.trace))

    done = zenml(lab, "run", "resume", "latest")

    assert done.returncode == 0, done.stderr
    assert called(lab, before) == ["work"]


def test_a_killed_replay_needs_its_original_to_take_from(lab, flow):
    lab.write("die", "")
    zenml(lab, "run", "replay", "nightly", "--skip", "last")
    (lab.folder / "die").unlink()
    assert zenml(lab, "run", "delete", "nightly", "--yes").returncode == 0

    done = zenml(lab, "run", "resume", "latest")

    assert done.returncode == 1
    assert "is a replay that takes outputs of a run which was deleted" in done.stderr


def test_only_what_failed_is_executed(lab, flow):
    lab.write("die", "")
    assert lab.start(script="flow.py").finish().returncode != 0  # the name is taken
    lab.write("flow.py", flow.replace("os.kill(os.getpid(), 9)", 'raise ValueError("no luck")'))
    failed = json.loads(zenml(lab, "run", "replay", "nightly", "--json").stdout)
    assert (failed["status"], failed["replay"]["failed"][0]) == ("failed", "work")
    (lab.folder / "die").unlink()
    before = len(labkit.read(lab.trace))

    done = zenml(lab, "run", "replay", failed["id"], "--skip-successful-steps")

    assert done.returncode == 0, done.stderr
    assert called(lab, before) == ["last", "work"]
    assert "not in the original: `work`, `last`" in done.stdout


def test_loops_maps_submitted_calls_and_children(shapes):
    said, marks = replay(shapes)
    assert marks == sorted(
        ["part 0", "part 1", "part 10", "part 11", "part 20", "part 21", "square 5", "total"]
    )
    assert said["replay"]["is_same"]

    _, marks = replay(shapes, "--skip", "part", "--skip", "leaf")
    assert marks == ["total"]

    said, marks = replay(shapes, "--skip", "part_2", "--skip", "part_3[1]", "--skip", "late_20")
    assert marks == ["part 0", "part 10", "part 21", "square 5", "total"]
    assert said["replay"]["taken"] == ["part_2", "part_3[1]", "late_20"]

    said, marks = replay(
        shapes, "--skip-successful-steps", "--step-input", "part_3[0].by=100", "--step-input", "leaf.number=1"
    )
    assert marks == []  # what is skipped is taken, whatever its arguments were to be
    said, _ = replay(shapes, "--step-input", "part_3[0].by=100", "--step-input", "leaf.number=1")
    assert verdicts(said)["part_3[0]"] == verdicts(said)["leaf"] == verdicts(said)["total"] == "differs"
    total = shapes.client().get_pipeline_run(said["id"]).outputs[0].load()
    assert total == 0 + 1 + 1000 + 11 + 20 + 21 + 1


def test_a_killed_replay_with_a_child_is_resumed(shapes):
    shapes.write("die", "")
    killed = zenml(shapes, "run", "replay", "nightly", "--skip", "part")
    assert killed.returncode == -signal.SIGKILL
    (shapes.folder / "die").unlink()
    (run,) = shapes.client().get_pipeline_run("nightly").replays
    before = len(labkit.read(shapes.trace))

    done = zenml(shapes, "run", "resume", run.id)

    assert done.returncode == 0, done.stderr
    assert called(shapes, before) == ["total"]
    run = run.refresh()
    assert run.outputs[0].load() == 88
    assert run.replay_report.is_same


def test_a_pipeline_inside_a_function_is_replayed_where_it_is_at_hand(lab):
    result = lab.run("""
        def made():
            @step
            def first() -> int:
                mark("first")
                return 1

            @pipeline
            def hidden() -> int:
                return first()

            return hidden

        run = made()()
        again = made().replay(run)
        fact(is_same=again.replay_report.is_same, statuses=statuses(again))
    """)

    assert result.count("first") == 2
    assert result.facts == {"is_same": True, "statuses": {"first": "completed"}}
