"""How far a step is, seen by a person: in the tree, in a pipe, and from another process."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time

import pytest
from pseudo_terminal import run_in_terminal

LOOPS = """
    import os, sys, time
    from zenml import pipeline, step, track

    def wait(name):
        while not os.path.exists(os.environ["GATES"] + "/" + name):
            time.sleep(0.01)

    @step(enable_cache=False, runtime=sys.argv[1])
    def fit() -> int:
        for epoch in track(range(4), description="epochs"):
            if epoch == 1:
                for batch in track(range(10), description="batches"):
                    if batch == 3:
                        wait("inner")
        wait("outer")
        for _ in track(iter("abc"), description="rows"):
            pass
        wait("rows")
        return 1

    @step(enable_cache=False)
    def score(x: int) -> int:
        for _ in track([1, 2], description=f"folds of {x}"):
            wait(f"score{x}")
        return x

    @pipeline
    def flow():
        fit()
        for x in range(int(sys.argv[2])):
            score(x)

    flow.with_options(run_name="loops")()
"""


@pytest.fixture
def gates(tmp_path):
    folder = tmp_path / "gates"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path, gates):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ZENML_", "NO_COLOR", "FORCE_COLOR"))
    }
    return {
        **kept,
        "ZENML_CONFIG_PATH": str(tmp_path / "store"),
        "GATES": str(gates),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def script(tmp_path):
    def command(runtime, scores=0):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(LOOPS), "utf-8")
        return [sys.executable, str(path), runtime, str(scores)]

    return command


@pytest.fixture
def started(script, environment):
    """Start the pipeline in a pipe; it is ended with the test."""
    begun = []

    def start(*arguments):
        process = subprocess.Popen(
            script(*arguments), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stderr.readline().startswith("Run `loops` started")
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def zenml(environment, *words):
    return subprocess.run(
        [sys.executable, "-m", "zenml", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def until(what):
    """Return the first true answer."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_bars_move_in_the_tree(runtime, script, environment, gates):
    shown = run_in_terminal(
        script(runtime),
        environment,
        columns=120,
        then=[
            (" 1 of 4  epochs, batches 30%", (gates / "inner").touch),
            (" 4 of 4  epochs", (gates / "outer").touch),
            ("3  rows", (gates / "rows").touch),
        ],
    )

    assert shown.returncode == 0
    assert re.search(r"✓ fit +\d+\.\d s$", shown.text, re.MULTILINE)
    assert "epochs" not in shown.text


def test_steps_at_once_have_a_bar_each(script, environment, gates):
    def open_all():
        for name in ("score0", "score1", "score2", "inner", "outer", "rows"):
            (gates / name).touch()

    shown = run_in_terminal(
        script("inline", 3),
        environment,
        columns=120,
        then=[
            ("folds of 0", lambda: None), ("folds of 1", lambda: None), ("folds of 2", open_all)
        ],
    )  # fmt: skip

    assert shown.returncode == 0
    assert "Finished: 4 completed." in shown.text


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_progress_fits_the_width(columns, script, environment, gates):
    for name in ("outer", "rows"):
        (gates / name).touch()

    shown = run_in_terminal(
        script("inline"), environment, columns=columns, then=[(" 1 of 4", (gates / "inner").touch)]
    )

    assert shown.returncode == 0
    assert shown.text.count("Run loops") == 1
    assert shown.text.count("fit") == 1


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_progress_is_seen_from_another_process_until_the_step_ends(runtime, started, environment, gates):
    process = started(runtime)

    def progress():
        steps = json.loads(zenml(environment, "run", "show", "loops", "--json").stdout)["steps"]
        return steps[0]["progress"] if steps else None

    pattern = re.compile(r"fit +\S+ s  running  25%, 1 of 4, epochs, batches 30%")
    until(lambda: pattern.search(zenml(environment, "run", "show", "loops").stdout))
    found = progress()
    for name in ("inner", "outer", "rows"):
        (gates / name).touch()
    assert process.wait(60) == 0

    assert found == {"done": 1, "total": 4, "description": "epochs"}
    assert progress() is None
    assert not [
        name
        for _, _, names in os.walk(environment["ZENML_CONFIG_PATH"])
        for name in names
        if "progress" in name
    ]


def test_a_view_tells_how_far_a_step_is(started, environment, gates, monkeypatch):
    from zenml.client import Client

    started("inline")
    monkeypatch.setenv("ZENML_CONFIG_PATH", environment["ZENML_CONFIG_PATH"])

    def progress():
        steps = Client().get_pipeline_run("loops").steps
        return steps["fit"].progress if "fit" in steps else None

    found = until(lambda: (found := progress()) and found.done and found)

    assert (found.done, found.total, found.description, found.share) == (1, 4, "epochs", 0.25)


def test_watching_draws_the_bars_of_another_process(started, environment, gates):
    started("isolated")

    shown = run_in_terminal(
        [sys.executable, "-m", "zenml", "run", "watch", "loops"],
        environment,
        columns=120,
        then=[
            (" 1 of 4  epochs, batches 30%", (gates / "inner").touch),
            (" 4 of 4  epochs", lambda: [(gates / name).touch() for name in ("outer", "rows")]),
        ],
    )

    assert shown.returncode == 0
    assert "✓ Run loops" in shown.text
    assert "Finished: 1 completed." in shown.text


def test_ctrl_c_ends_the_watching_and_not_the_run(started, environment, gates):
    process = started("inline")

    shown = run_in_terminal(
        [sys.executable, "-m", "zenml", "run", "watch", "loops"],
        environment,
        columns=120,
        interrupt_at=" 1 of 4",
    )
    for name in ("inner", "outer", "rows"):
        (gates / name).touch()

    assert shown.returncode == 130
    assert re.search(
        r"Run `loops` goes on\. Watch it: zenml run watch \w+ +Stop it: zenml run stop \w+", shown.text
    )
    assert process.wait(60) == 0


def test_watching_a_run_that_is_over_draws_its_end(started, environment, gates):
    for name in ("inner", "outer", "rows"):
        (gates / name).touch()
    assert started("inline").wait(60) == 0

    shown = run_in_terminal([sys.executable, "-m", "zenml", "run", "watch", "loops"], environment)

    assert shown.returncode == 0
    lines = shown.text.splitlines()
    assert [line[:5] for line in lines] == ["✓ Run", "✓ fit", "Finis", "See: "]


def test_watching_as_json_tells_progress(started, environment, gates):
    started("inline")
    watching = subprocess.Popen(
        [sys.executable, "-m", "zenml", "run", "watch", "loops", "--json"],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    with watching:
        events = []
        for line in watching.stdout:
            events.append(json.loads(line))
            if events[-1].get("done"):
                for name in ("inner", "outer", "rows"):
                    (gates / name).touch()

    assert watching.returncode == 0
    told = next(one for one in events if one["event"] == "progress" and one["done"])
    assert (told["done"], told["total"], told["description"]) == (1, 4, "epochs")
